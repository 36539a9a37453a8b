"""What is recorded by itself: from a data set through jobs, a model package and its approval to an endpoint."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from local_aws.core import events, store
from local_aws.core.api import Context
from local_aws.lineage import graph, recording
from local_aws.sagemaker import endpoint_configs, models, processing, training, transform

IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5"
RAW, ROWS, MODEL = "s3://data/loans/2020/", "s3://artifacts/rows/", "s3://artifacts/train-1/output/model.tar.gz"
CONTAINER = {"Image": IMAGE, "ModelDataUrl": MODEL}


@pytest.fixture(autouse=True)
def _recording(emitted: Any) -> Iterator[None]:
    forget = events.listen(recording.record)
    yield
    forget()


@pytest.fixture
def end(ctx: Context) -> Any:
    """End a job that is described by its row."""

    def run(kind: Any, name: str, status: str, **row: Any) -> None:
        members = {
            f"{kind.prefix}Name": name,
            f"{kind.prefix}Arn": ctx.arn(f"{kind.arn_type}/{name}"),
            f"{kind.prefix}Status": status,
            "CreationTime": store.now(),
            "LastModifiedTime": store.now(),
            **row,
        }
        if kind is training.KIND:
            members |= training.entered({}, "Completed", store.now())
        kind.table[ctx.account, ctx.region, name] = members
        kind.on_change(ctx, members)

    return run


def prepare(end: Any, status: str = "Completed") -> None:
    inputs = [{"InputName": "raw", "S3Input": {"S3Uri": RAW, "LocalPath": "/opt/ml/processing/raw"}}]
    outputs = [{"OutputName": "rows", "S3Output": {"S3Uri": ROWS, "LocalPath": "/opt/ml/processing/rows"}}]
    end(
        processing.KIND,
        "prepare-1",
        status,
        ProcessingInputs=inputs,
        ProcessingOutputConfig={"Outputs": outputs},
        AppSpecification={"ImageUri": IMAGE},
    )


def train(end: Any, status: str = "Completed", **more: Any) -> None:
    channel = {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": ROWS}}}
    end(
        training.KIND,
        "train-1",
        status,
        InputDataConfig=[channel],
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        HyperParameters={"max_depth": "6"},
        **more,
    )


def register(call: Any) -> str:
    if not call("ListModelPackageGroups")["ModelPackageGroupSummaryList"]:
        call("CreateModelPackageGroup", ModelPackageGroupName="loans")
    given = {"ModelPackageGroupName": "loans", "InferenceSpecification": {"Containers": [CONTAINER]}}
    return str(call("CreateModelPackage", **given)["ModelPackageArn"])


def serve(ctx: Context, name: str, config: str, status: str = "InService", **container: Any) -> None:
    """An endpoint whose one variant serves a model of this container."""
    models.models[models.key(ctx, f"{config}-model")] = {
        "ModelName": f"{config}-model",
        "ModelArn": models.arn(ctx, f"{config}-model"),
        "PrimaryContainer": container,
        "ResolvedContainers": [CONTAINER],
    }
    variant = {"VariantName": "champion", "ModelName": f"{config}-model"}
    endpoint_configs.configs[models.key(ctx, config)] = {"EndpointConfigName": config, "ProductionVariants": [variant]}
    arn = ctx.arn(f"endpoint/{name}")
    detail = {"EndpointName": name, "EndpointArn": arn, "EndpointConfigName": config}
    spelled = {"InService": "IN_SERVICE"}.get(status, status.upper())
    events.emit(ctx, "SageMaker Endpoint State Change", {**detail, "EndpointStatus": spelled}, [arn])


def found(call: Any, source: str) -> dict[str, Any]:
    [summary] = call("ListArtifacts", SourceUri=source)["ArtifactSummaries"]
    return dict(summary)


def reached(call: Any, source: str, direction: str, **filters: Any) -> set[str]:
    """The sources of what a query from an artifact finds."""
    given = {"StartArns": [found(call, source)["ArtifactArn"]], "Direction": direction, "Filters": filters}
    arns = [vertex["Arn"] for vertex in call("QueryLineage", **given, IncludeEdges=False)["Vertices"]]
    sources = set()
    for arn in arns:
        kind, name = arn.split(":", 5)[-1].split("/")
        operation, member = {
            "artifact": ("DescribeArtifact", "ArtifactArn"),
            "context": ("DescribeContext", "ContextName"),
            "action": ("DescribeAction", "ActionName"),
            "experiment-trial-component": ("DescribeTrialComponent", "TrialComponentName"),
        }[kind]
        described = call(operation, **{member: arn if kind == "artifact" else name})
        sources.add(described["Source"].get("SourceUri") or described["Source"]["SourceArn"])
    return sources


def test_a_data_set_leads_to_the_model_package_and_its_endpoint(call, ctx, end):
    prepare(end)
    train(end, ModelArtifacts={"S3ModelArtifacts": MODEL})
    package = register(call)
    call("UpdateModelPackage", ModelPackageArn=package, ModelApprovalStatus="Approved", ApprovalDescription="fine")
    serve(ctx, "loans", "config-1", ModelPackageName=package)
    endpoint = ctx.arn("endpoint/loans")
    assert reached(call, RAW, "Descendants", Types=["Model", "Endpoint"]) == {MODEL, package, endpoint}
    assert reached(call, package, "Ascendants", Types=["DataSet"]) == {RAW, ROWS}
    jobs = {ctx.arn("training-job/train-1"), ctx.arn("processing-job/prepare-1")}
    assert reached(call, package, "Ascendants", LineageTypes=["TrialComponent"]) == jobs
    assert reached(call, package, "Ascendants", Types=["TrainingJob"]) == {ctx.arn("training-job/train-1")}
    assert reached(call, package, "Descendants", Types=["ModelGroup"]) == {ctx.arn("model-package-group/loans")}


def test_a_jobs_trial_component_tells_of_the_job(call, ctx, end):
    train(end, ModelArtifacts={"S3ModelArtifacts": MODEL})
    found = call("DescribeTrialComponent", TrialComponentName="train-1-aws-training-job")
    assert found["Source"] == {"SourceArn": ctx.arn("training-job/train-1"), "SourceType": "SageMakerTrainingJob"}
    assert found["Status"] == {"PrimaryStatus": "Completed"}
    assert found["Parameters"] == {"max_depth": {"StringValue": "6"}}
    [made] = call("ListAssociations", SourceType="SageMakerTrainingJob")["AssociationSummaries"]
    assert (made["AssociationType"], made["DestinationType"]) == ("Produced", "Model")


def test_a_failed_job_used_its_inputs_and_made_nothing(call, end):
    prepare(end, "Failed")
    train(end, "Failed")
    assert found(call, RAW)["ArtifactType"] == "DataSet"
    assert call("ListArtifacts", SourceUri=MODEL)["ArtifactSummaries"] == []
    assert call("ListAssociations", AssociationType="Produced")["AssociationSummaries"] == []


def test_a_job_that_runs_leaves_nothing_yet(call, end):
    prepare(end, "InProgress")
    assert call("ListArtifacts")["ArtifactSummaries"] == []


def test_a_transform_leads_from_its_input_to_its_output(call, end):
    source = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": RAW}}}
    output = {"S3OutputPath": "s3://artifacts/scored/"}
    end(transform.KIND, "score-1", "Completed", TransformInput=source, TransformOutput=output)
    assert "s3://artifacts/scored/" in reached(call, RAW, "Descendants")


def test_each_decision_is_an_action_of_its_own_and_other_changes_are_none(call):
    package = register(call)
    call("UpdateModelPackage", ModelPackageArn=package, CustomerMetadataProperties={"manifest": "s3://e/1/"})
    for status in ("Approved", "Rejected", "Approved"):
        call("UpdateModelPackage", ModelPackageArn=package, ModelApprovalStatus=status)
    actions = call("ListActions", SourceUri=package, SortOrder="Ascending")["ActionSummaries"]
    described = [call("DescribeAction", ActionName=action["ActionName"]) for action in actions]
    statuses = [action["Properties"]["ModelApprovalStatus"] for action in described]
    assert statuses == ["PendingManualApproval", "Approved", "Rejected", "Approved"]
    assert {action["ActionType"] for action in described} == {"Approval"}


def test_what_a_client_made_is_used_and_not_made_again(call, end, artifact):
    mine = artifact(RAW, "Snapshot", Properties={"sha256": "abc"})
    prepare(end)
    assert found(call, RAW)["ArtifactArn"] == mine
    assert found(call, RAW)["ArtifactType"] == "Snapshot"
    assert ROWS in reached(call, RAW, "Descendants")


def test_versions_of_one_group_share_its_context(call):
    first, second = register(call), register(call)
    assert len(call("ListContexts", ContextType="ModelGroup")["ContextSummaries"]) == 1
    assert len(call("ListAssociations", DestinationType="ModelGroup")["AssociationSummaries"]) == 2
    assert first != second


def test_a_deployment_is_recorded_once_for_each_configuration(call, ctx):
    serve(ctx, "loans", "config-1", "Creating", **CONTAINER)
    assert call("ListContexts")["ContextSummaries"] == []
    for config in ("config-1", "config-1", "config-2", "config-1"):
        serve(ctx, "loans", config, **CONTAINER)
    [context] = call("ListContexts", ContextType="Endpoint")["ContextSummaries"]
    assert context["Source"]["SourceUri"] == ctx.arn("endpoint/loans")
    deployed = call("ListAssociations", DestinationArn=context["ContextArn"])["AssociationSummaries"]
    assert [row["SourceType"] for row in deployed] == ["ModelDeployment", "ModelDeployment"]
    assert ctx.arn("endpoint/loans") in reached(call, MODEL, "Descendants")


def test_long_names_are_cut_to_what_sagemaker_allows(call):
    long = "l" * 63
    call("CreateModelPackageGroup", ModelPackageGroupName=long)
    specification = {"Containers": [CONTAINER]}
    call("CreateModelPackage", ModelPackageGroupName=long, InferenceSpecification=specification)
    [action] = call("ListActions", ActionType="Approval")["ActionSummaries"]
    assert len(action["ActionName"]) <= 120
    assert call("DescribeAction", ActionName=action["ActionName"])["ActionType"] == "Approval"


def test_the_jobs_event_goes_out_even_if_nothing_can_be_recorded(
    call, ctx, end, emitted, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def broken(*_: Any, **__: Any) -> str:
        raise RuntimeError("no room")

    monkeypatch.setattr(graph, "ensure", broken)
    with caplog.at_level(logging.ERROR):
        prepare(end)
    assert [event["detail"]["ProcessingJobStatus"] for event in emitted] == ["Completed"]
    assert "no room" in caplog.text


def test_lineage_is_there_before_the_event_wakes_anybody(call, ctx, end):
    seen: list[int] = []
    forget = events.connect(lambda *_: seen.append(len(call("ListArtifacts")["ArtifactSummaries"])))
    prepare(end)
    forget()
    assert seen == [3]
