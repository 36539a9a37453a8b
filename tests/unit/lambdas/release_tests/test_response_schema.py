"""The subset of JSON Schema that responses are checked with."""

import pytest

PERSON = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {"name": {"type": "string", "minLength": 1}, "age": {"type": "integer", "minimum": 0}},
}
CASES = [
    # schema, value, what is wrong ("" if nothing)
    ({}, object, ""),
    ({"type": "number"}, 1, ""),
    ({"type": "number"}, True, "response: True is not number"),
    ({"type": "integer"}, 1.0, ""),
    ({"type": "integer"}, 1.5, "response: 1.5 is not integer"),
    ({"type": ["string", "null"]}, None, ""),
    ({"type": ["string", "null"]}, 1, "response: 1 is not string or null"),
    ({"type": "array"}, "abc", "response: 'abc' is not array"),
    ({"type": "boolean"}, 0, "response: 0 is not boolean"),
    ({"enum": [1, "a"]}, 1.0, ""),
    ({"enum": [1, "a"]}, True, "response: True is not one of 1, a"),
    ({"const": False}, 0, "response: 0 is not one of False"),
    ({"minimum": 1}, 0.5, "response: 0.5 is below 1"),
    ({"maximum": 1}, 1.5, "response: 1.5 is above 1"),
    ({"minimum": 1, "maximum": 1}, 1, ""),
    ({"minimum": 1}, "a text", ""),
    ({"minLength": 2}, "é", "response: '\\xe9' is shorter than 2 characters"),
    ({"pattern": "b"}, "abc", ""),
    ({"pattern": "^b"}, "abc", "response: 'abc' does not match ^b"),
    ({"minItems": 1}, [], "response: 0 items, at least 1 are needed"),
    ({"maxItems": 1}, [1, 2], "response: 2 items, at most 1 are allowed"),
    ({"items": {"type": "integer"}}, [1, 2, "3"], "[2]: '3' is not integer"),
    ({"items": {"type": "integer"}}, {"0": "3"}, ""),
    ({"required": ["a"]}, {"a": None}, ""),
    ({"required": ["a"]}, {}, "response: member 'a' is missing"),
    ({"required": ["a"]}, ["a"], ""),
    (PERSON, {"name": "Ada", "age": 36}, ""),
    (PERSON, {"name": ""}, "name: '' is shorter than 1 characters"),
    (PERSON, {"name": "Ada", "born": 1815}, "response: member 'born' is not in the schema"),
    (
        {"properties": {"people": {"items": PERSON}}},
        {"people": [{"name": "A", "age": -1}]},
        "people[0].age: -1 is below 0",
    ),
]


@pytest.mark.parametrize(("schema", "value", "wrong"), CASES)
def test_the_first_thing_that_does_not_fit_is_named_with_its_place(release_tests, schema, value, wrong):
    assert release_tests.response_schema.problem(value, schema) == wrong


def test_a_long_value_is_cut(release_tests):
    assert len(release_tests.response_schema.problem("x" * 10_000, {"type": "null"})) < 100


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ([], r"schema: \[\], expected an object"),
        ({"minimun": 1}, "schema: keyword 'minimun' is not supported, use additionalProperties, const, enum"),
        ({"type": "text"}, "schema: type: 'text' is not of the form"),
        ({"type": []}, "schema: type: .* is not of the form"),
        ({"minItems": -1}, "schema: minItems: -1 is not of the form"),
        ({"minimum": "1"}, "schema: minimum: '1' is not of the form"),
        ({"pattern": "("}, "schema: pattern: .* is not of the form"),
        ({"enum": [[1]]}, "schema: enum: .* is not of the form"),
        ({"required": "a"}, "schema: required: 'a' is not of the form"),
        ({"items": [{}]}, "schema: items: .* is not of the form"),
        ({"properties": {"a": {"format": "date"}}}, "schema of a: keyword 'format' is not supported"),
        ({"items": {"items": {"not": {}}}}, r"schema of \[\]\[\]: keyword 'not' is not supported"),
    ],
)
def test_a_schema_that_would_check_less_than_it_says_is_refused(release_tests, schema, message):
    with pytest.raises(release_tests.response_schema.SchemaError, match=message):
        release_tests.response_schema.problem(None, schema)
