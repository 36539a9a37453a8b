"""The release tests' own schema checker agrees with jsonschema, for every keyword that it knows."""

import json
import random
from collections import Counter

import jsonschema
import pytest

from tests.unit.lambdas.conftest import LAMBDAS, load_folder

pytestmark = pytest.mark.oracle

PAIRS = 20_000
NAMES = ("a", "b", "c")
TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
SCALARS = (None, True, False, 0, 1, 2, -1, 1.0, 0.5, "", "a", "ab", "b")


@pytest.fixture(scope="module")
def checker():
    return load_folder(LAMBDAS / "release_tests", "release_tests").response_schema


def some_value(draw, depth=3):
    kind = draw.random()
    if depth and kind < 0.3:
        return {name: some_value(draw, depth - 1) for name in NAMES if draw.random() < 0.6}
    if depth and kind < 0.5:
        return [some_value(draw, depth - 1) for _ in range(draw.randrange(4))]
    return draw.choice(SCALARS)


def some_schema(draw, depth=3):
    makers = {
        "type": lambda: draw.choice([draw.choice(TYPES), draw.sample(TYPES, 2)]),
        "enum": lambda: draw.sample(SCALARS, 5),
        "const": lambda: draw.choice(SCALARS),
        "minimum": lambda: draw.choice([0, 0.5, 1]),
        "maximum": lambda: draw.choice([0, 0.5, 1]),
        "minLength": lambda: draw.randrange(3),
        "pattern": lambda: draw.choice(["^a", "b$", "."]),
        "minItems": lambda: draw.randrange(3),
        "maxItems": lambda: draw.randrange(3),
        "required": lambda: draw.sample(NAMES, draw.randrange(3)),
        "additionalProperties": lambda: draw.random() < 0.5,
        "properties": lambda: {name: some_schema(draw, depth - 1) for name in draw.sample(NAMES, 2)},
        "items": lambda: some_schema(draw, depth - 1),
    }
    nested = {"properties", "items"}
    known = [keyword for keyword in makers if depth or keyword not in nested]
    return {keyword: makers[keyword]() for keyword in draw.sample(known, draw.randrange(1, 4))}


def test_random_values_fit_random_schemas_alike(checker):
    draw, seen = random.Random(3), Counter()
    for _ in range(PAIRS):
        schema, value = some_schema(draw), some_value(draw)
        expected = jsonschema.Draft202012Validator(schema).is_valid(value)
        assert (checker.problem(value, schema) == "") is expected, (schema, value)
        seen[expected] += 1
    assert min(seen.values()) > PAIRS / 10, f"hardly a question: {seen}"


def test_the_examples_schema_is_a_schema():
    samples = LAMBDAS.parent / "pipeline_code" / "loan_approval" / "samples"
    jsonschema.Draft202012Validator.check_schema(json.loads((samples / "response.schema.json").read_text()))
