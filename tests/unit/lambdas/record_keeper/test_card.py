"""The model card: SageMaker's schema, its limits, and a status that follows the approval."""

from __future__ import annotations

import copy
import json
import re

import pytest

from mlops_constructs.naming import ModelNames
from tests.unit.lambdas.record_keeper.names import CODE, GROUP, IMAGE, SNAPSHOT, TOML, arn, runs
from tests.unit.lambdas.record_keeper.world import World

FREE = ("CustomDetails", "Metadata")
"""Members whose own keys are free."""


@pytest.fixture(scope="session")
def schema():
    """AWS::SageMaker::ModelCard, which has the card's schema with names in PascalCase."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    return PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", "AWS::SageMaker::ModelCard").schema


def wrong(value, shape, schema, place=""):
    """What of a value is not as its shape has it."""
    if "$ref" in shape:
        shape = schema["definitions"][shape["$ref"].rpartition("/")[2]]
    if "anyOf" in shape:
        found = [wrong(value, each, schema, place) for each in shape["anyOf"]]
        return [] if [] in found else found[0]
    kinds = {"object": dict, "array": list, "string": str, "number": (int, float), "boolean": bool}
    if "type" in shape and not isinstance(value, kinds[shape["type"]]):
        return [f"{place}: {value!r} is no {shape['type']}"]
    found = []
    if isinstance(value, str):
        if len(value) > shape.get("maxLength", len(value)) or value not in shape.get("enum", [value]):
            found.append(f"{place}: {value!r}")
        if "pattern" in shape and not re.fullmatch(shape["pattern"], value, re.DOTALL):
            found.append(f"{place}: {value!r} is not {shape['pattern']}")
    if isinstance(value, list):
        if len(value) > shape.get("maxItems", len(value)):
            found.append(f"{place}: {len(value)} items")
        for each in value:
            found += wrong(each, shape["items"], schema, f"{place}[]")
    if isinstance(value, dict):
        if place.rpartition(".")[2] in FREE:
            return [
                f"{place}.{key}" for key, held in value.items() if not re.match("[a-zA-Z_]", key) or len(held) > 1024
            ]
        found += [f"{place}.{name} is missing" for name in shape.get("required", []) if name not in value]
        for name, held in value.items():
            if name in shape["properties"]:
                found += wrong(held, shape["properties"][name], schema, f"{place}.{name}")
            else:
                found.append(f"{place}.{name} is unknown")
    return found


def pascal(value, free=False):
    """Names as CloudFormation spells them."""
    if isinstance(value, dict):
        names = {key: key if free else "".join(part.title() for part in key.split("_")) for key in value}
        return {names[key]: pascal(held, names[key] in FREE) for key, held in value.items()}
    return [pascal(each) for each in value] if isinstance(value, list) else value


def card(world, version=1):
    return world.cards.content(f"{GROUP}-v{version}")


def check(content, schema):
    assert wrong(pascal(content), schema["definitions"]["Content"], schema, "Content") == []
    assert len(json.dumps(content, ensure_ascii=False)) < 100_000


def test_card_says_what_people_wrote_and_what_the_manifest_knows(trained, schema):
    content = card(trained.world)
    check(content, schema)
    overview = content["model_overview"]
    assert overview["model_description"] == "Probability that a loan will be charged off"
    assert (overview["model_owner"], overview["model_version"]) == ("Credit risk", 1)
    assert overview["model_artifact"] == [runs(1, "model/model.tar.gz")]
    assert overview["inference_environment"] == {"container_image": [IMAGE]}
    uses = content["intended_uses"]
    assert uses["intended_uses"] == "Requests of up to 5 million\nOut of scope: Consumer loans"
    assert (uses["risk_rating"], uses["explanations_for_risk_rating"]) == ("High", "It decides on somebody's business")
    training = content["training_details"]
    assert (
        "Trained on 2000-10-01 to 2002-09-30, tested on 2002-10-01 to 2002-12-31." in training["training_observations"]
    )
    assert training["training_job_details"]["training_datasets"] == [SNAPSHOT]
    assert training["training_job_details"]["hyper_parameters"] == [
        {"name": "eta", "value": "0.05"}, {"name": "max_depth", "value": "4"},
    ]  # fmt: skip
    quality, bias, explanation = content["evaluation_details"]
    assert quality["metric_groups"][0]["metric_data"] == [{"name": "auc", "value": 0.79, "type": "number"}]
    assert bias["metric_groups"] == [
        {"name": "NewExist = 2", "metric_data": [{"name": "DI", "value": 0.93, "type": "number"}]}
    ]
    assert [each["name"] for each in explanation["metric_groups"][0]["metric_data"]] == ["bank", "State"]
    more = content["additional_information"]
    assert more["ethical_considerations"] == "Location may stand for origin"
    assert more["custom_details"]["model_package"] == arn(1)


def test_card_of_a_version_that_nobody_explained_is_still_a_card(start, schema):
    keeper = start(World(toml=""))
    keeper.world.register(1)
    keeper.happen()
    check(card(keeper.world), schema)
    assert card(keeper.world)["model_overview"]["model_version"] == 1


def test_longest_texts_and_largest_documents_fit(trained, schema, record_keeper):
    manifest = copy.deepcopy(trained.world.manifest(1))
    manifest["governance"]["owner"] = "x" * 3000
    manifest["metrics"] = {f"metric {place}" * 40: float(place) for place in range(100)}
    manifest["training"]["metrics"] = {f"metric {place}": 1.0 for place in range(100)}
    manifest["training"]["hyperparameters"] = {f"h{place}": "v" * 999 for place in range(300)}
    manifest["data"]["inputs"] = [{**manifest["data"]["inputs"][0], "uri": f"s3://b/{place}"} for place in range(40)]
    manifest["bias"]["metrics"] = {"f" * 90: {"v" * 90: {"DI": 1.0}}}
    long = {name: dict.fromkeys(keys, "ä" * 5000) for name, keys in record_keeper.card.read(TOML).items()}
    check(record_keeper.card.content(manifest, long), schema)


def test_largest_card_is_not_refused_for_its_size(trained, record_keeper):
    """Hundreds of facets and features: the last of them are left to the report that the card names."""
    manifest = copy.deepcopy(trained.world.manifest(1))
    manifest["explanations"]["shares"] = {f"feature {place} {'x' * 60}": 0.001 for place in range(2000)}
    metrics = {f"metric {place} {'x' * 200}": 1.0 for place in range(100)}
    manifest["bias"]["metrics"] = {f"facet {place}": {"value": metrics} for place in range(30)}
    content = record_keeper.card.content(manifest, {})
    assert 40_000 < len(record_keeper.card.serialized(content)) <= 100_000
    assert content["evaluation_details"][1]["metadata"] == {"report": manifest["bias"]["uri"]}


@pytest.mark.parametrize(
    ("toml", "trouble"),
    [
        ("[overview", "card: card.toml: Expected ']'"),
        ("overview = 'a'", "card: card.toml: overview is no section: write [overview] above its texts"),
        ("[risk]\nexplanation = 3", "card: card.toml: [risk] explanation is no text: put it between quotes"),
        ("", "card: the version's code has no card.toml"),
    ],
)
def test_wrong_card_toml_is_told_and_the_card_made_without_it(start, toml, trouble):
    keeper = start(World(toml=toml))
    keeper.world.train(1)
    keeper.happen()
    assert keeper.world.manifest(1)["missing"][-1].startswith(trouble)
    assert "intended_uses" in card(keeper.world)


def test_what_people_wrote_stays_when_the_code_is_gone(trained):
    world = trained.world
    world.storage.put(CODE, None)
    world.decide(1)
    trained.happen()
    assert card(world)["intended_uses"]["purpose_of_model"] == "Decide on small business loans"
    assert world.manifest(1)["card"]["status"] == "Approved"
    assert "card: it is not there any more" in world.manifest(1)["missing"]


def test_status_follows_the_approval(trained):
    world = trained.world
    for status in ("Approved", "Rejected", "Approved"):
        world.decide(1, status)
        trained.happen()
    world.retire(1)
    trained.happen()
    assert world.cards.history[f"{GROUP}-v1"] == ["PendingReview", "Approved", "Archived", "Approved", "Archived"]
    assert world.manifest(1)["card"]["version"] == world.cards.cards[f"{GROUP}-v1"]["ModelCardVersion"]


def test_card_that_somebody_edited_is_as_it_was_after_a_day(trained):
    world = trained.world
    world.cards.cards[f"{GROUP}-v1"]["Content"] = "{}"
    trained.hours(24)
    assert card(world)["model_overview"]["model_version"] == 1


@pytest.mark.parametrize("project", ["mlops", "a-project-with-a-name-as-long-as-aws-will-have-it"])
@pytest.mark.parametrize("version", [1, 42, 12345])
def test_name_is_that_of_the_constructs(record_keeper, project, version):
    names = ModelNames(project, "test", "loans")
    assert record_keeper.card.name(names.base, version) == names.card(version)
