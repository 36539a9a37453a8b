"""The tables read what the endpoint captured and what clients sent, and who queries them sees no other model."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.infra.environments import Template, flat

PREFIX = "loan_approval"


@pytest.fixture(scope="module")
def synthesized_tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Template]:
    """An app with the tables in a stack of their own beside a foundation, and that stack's template."""
    import aws_cdk as cdk
    from aws_cdk import aws_iam as iam

    from mlops_constructs.naming import EnvironmentNames
    from mlops_constructs.prediction_tables import PredictionTables
    from stacks.foundation import FoundationStack
    from stacks.settings import load
    from tests.infra.environments import ROOT, new_app

    app = new_app(tmp_path_factory.mktemp("tables"))
    settings = load(ROOT / "config", "dev")
    names = EnvironmentNames("mlops", "dev")
    foundation = FoundationStack(app, "foundation", names=names, settings=settings).foundation
    stack = cdk.Stack(app, "tables")
    tables = PredictionTables(
        stack, "Tables", names=names.model(PREFIX), foundation=foundation, query_limit_bytes=10_000_000
    )
    role = iam.Role(stack, "Reader", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    tables.grant_query(role)
    return app, Template(json.loads((Path(app.synth().directory) / "tables.template.json").read_text()))


@pytest.fixture
def template(synthesized_tables: tuple[Any, Template]) -> Template:
    return synthesized_tables[1]


@pytest.fixture
def table(template: Template) -> Callable[[str], dict[str, Any]]:
    inputs = [each["Properties"]["TableInput"] for each in template.resources("AWS::Glue::Table").values()]
    return lambda name: {each["Name"]: each for each in inputs}[name]


def bucket(template: Template) -> str:
    """How the capture bucket appears in this template."""
    location = template.only("AWS::Athena::WorkGroup")["Properties"]["WorkGroupConfiguration"]["ResultConfiguration"]
    return flat(location["OutputLocation"]).removeprefix("s3://").partition("/")[0]


@pytest.mark.parametrize(
    ("name", "location"),
    [
        ("captured", f"{PREFIX}/mlops-dev-loan-approval/${{variant}}/${{hour}}/"),
        ("outcomes", f"{PREFIX}/ground-truth/${{hour}}/"),
    ],
)
def test_partitions_are_computed_from_the_layout_of_the_files(
    name: str, location: str, table: Callable[[str], dict[str, Any]], template: Template
) -> None:
    parameters = table(name)["Parameters"]
    assert flat(parameters["storage.location.template"]) == f"s3://{bucket(template)}/{location}"
    assert parameters["projection.enabled"] == "true"
    assert parameters["projection.hour.type"] == "date"
    assert parameters["projection.hour.format"] == "yyyy/MM/dd/HH"
    assert parameters["projection.hour.interval.unit"] == "HOURS"
    assert parameters["projection.hour.range"].endswith(",NOW")
    keys = {key["Name"] for key in table(name)["PartitionKeys"]}
    assert keys == {part.partition("}")[0] for part in location.split("${")[1:]}
    assert {key for key in parameters if key.endswith(".type")} == {f"projection.{key}.type" for key in keys}


def test_every_variant_that_an_endpoint_may_have_is_projected(table: Callable[[str], dict[str, Any]]) -> None:
    assert table("captured")["Parameters"]["projection.variant.values"] == "champion,challenger,shadow"


def test_a_row_is_a_whole_line(table: Callable[[str], dict[str, Any]]) -> None:
    for name in ("captured", "outcomes"):
        storage = table(name)["StorageDescriptor"]
        assert [(column["Name"], column["Type"]) for column in storage["Columns"]] == [("line", "string")]
        assert storage["SerdeInfo"] == {
            "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
            "Parameters": {"serialization.format": "1"},
        }


def test_tables_are_made_after_their_database(template: Template) -> None:
    [database] = template.resources("AWS::Glue::Database")
    for each in template.resources("AWS::Glue::Table").values():
        assert each["DependsOn"] == [database]
        assert each["Properties"]["DatabaseName"] == "mlops_dev_loan_approval"


def test_results_are_encrypted_below_the_models_folder_whatever_a_client_asks_for(template: Template) -> None:
    properties = template.only("AWS::Athena::WorkGroup")["Properties"]
    configuration = properties["WorkGroupConfiguration"]
    assert properties["Name"] == "mlops-dev-loan-approval-predictions"
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["PublishCloudWatchMetricsEnabled"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == 10_000_000
    result = configuration["ResultConfiguration"]
    assert flat(result["OutputLocation"]) == f"s3://{bucket(template)}/{PREFIX}/queries/"
    assert result["EncryptionConfiguration"]["EncryptionOption"] == "SSE_KMS"
    assert "Key" in flat(result["EncryptionConfiguration"]["KmsKey"])


def test_who_queries_may_read_one_folder_and_write_results_only(template: Template) -> None:
    allowed = template.allowed(template.role("Reader"))
    objects = {(action, resource.partition("/")[2]) for action, resource in allowed if action.startswith("s3:")}
    assert {pair for pair in objects if pair[1]} == {
        ("s3:GetObject", f"{PREFIX}/*"),
        ("s3:PutObject", f"{PREFIX}/queries/*"),
        ("s3:AbortMultipartUpload", f"{PREFIX}/queries/*"),
    }
    [listing] = [each for each in template.statements(template.role("Reader")) if each["Action"] == "s3:ListBucket"]
    assert listing["Condition"] == {"StringLike": {"s3:prefix": [PREFIX, f"{PREFIX}/*"]}}
    catalog = {(action, resource.rpartition(":")[2]) for action, resource in allowed if action.startswith("glue:")}
    both = {"catalog", "database/mlops_dev_loan_approval"}
    tables = {f"table/mlops_dev_loan_approval/{name}" for name in ("captured", "outcomes")}
    assert catalog == {
        *(("glue:GetDatabase", place) for place in both | {"database/default"}),
        *(("glue:GetTable", place) for place in both | tables),
    }
    athena = {(action, resource.rpartition(":")[2]) for action, resource in allowed if action.startswith("athena:")}
    assert {place for _, place in athena} == {"workgroup/mlops-dev-loan-approval-predictions"}
    assert {action for action, _ in athena} == {
        f"athena:{name}"
        for name in ("StartQueryExecution", "GetQueryExecution", "GetQueryResults", "StopQueryExecution")
    }


def test_cdk_nag_finds_nothing_unexplained(synthesized_tables: tuple[Any, Template]) -> None:
    from cdk_nag import AwsSolutionsChecks

    app, _ = synthesized_tables
    stack = app.node.find_child("tables")
    report = AwsSolutionsChecks(stack).validate_scope(stack)
    # The bare role of this test has no function of its own, so what is found is about the tables.
    assert [violation.rule_name for violation in report.violations] == []
