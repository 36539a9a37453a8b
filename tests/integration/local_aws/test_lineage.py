"""From a file in S3 to the endpoint that serves what was learnt of it, and its model card, over boto3."""

from __future__ import annotations

import io
import json
import tarfile
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::111122223333:role/pipeline-role"
IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5"
FAST = {"Delay": 1, "MaxAttempts": 60}
PREPARE = """
import pathlib
text = pathlib.Path("/opt/ml/processing/input/raw/rows.csv").read_text()
pathlib.Path("/opt/ml/processing/output/rows/rows.csv").write_text(text)
"""
TRAIN = """
import os, pathlib
rows = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "rows.csv").read_text().split()
folder = pathlib.Path(os.environ["SM_MODEL_DIR"])
(folder / "code").mkdir()
(folder / "code" / "inference.py").write_text('''
def model_fn(folder): return "model"
def transform_fn(model, data, content_type, accept): return model
''')
"""


class Bench:
    """One bucket, and a model that is trained, registered and served from it."""

    def __init__(self, local_aws: Any) -> None:
        self.sagemaker, self.s3 = local_aws.client("sagemaker"), local_aws.client("s3")
        self.cloudformation = local_aws.client("cloudformation")
        self.name = f"lineage-{uuid.uuid4().hex[:8]}"
        self.root = f"s3://{self.name}"
        self.s3.create_bucket(Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def put(self, key: str, body: bytes) -> str:
        self.s3.put_object(Bucket=self.name, Key=key, Body=body)
        return f"{self.root}/{key}"

    def prepare(self) -> None:
        given = {"raw": self.put("raw/rows.csv", b"1\n2\n"), "code": self.put("code/run.py", PREPARE.encode())}
        inside = "/opt/ml/processing"
        inputs = [
            {
                "InputName": key,
                "S3Input": {"S3Uri": uri, "LocalPath": f"{inside}/input/{key}", "S3DataType": "S3Prefix"},
            }
            for key, uri in given.items()
        ]
        output = {"S3Uri": f"{self.root}/rows", "LocalPath": f"{inside}/output/rows", "S3UploadMode": "EndOfJob"}
        self.sagemaker.create_processing_job(
            ProcessingJobName=f"{self.name}-prepare",
            RoleArn=ROLE,
            AppSpecification={"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", f"{inside}/input/code/run.py"]},
            ProcessingResources={
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
            },
            ProcessingInputs=inputs,
            ProcessingOutputConfig={"Outputs": [{"OutputName": "rows", "S3Output": output}]},
        )
        waiter = self.sagemaker.get_waiter("processing_job_completed_or_stopped")
        waiter.wait(ProcessingJobName=f"{self.name}-prepare", WaiterConfig=FAST)

    def train(self) -> str:
        """The URI of the model."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            entry = tarfile.TarInfo("train.py")
            entry.size = len(TRAIN)
            tar.addfile(entry, io.BytesIO(TRAIN.encode()))
        source = {"S3DataType": "S3Prefix", "S3Uri": f"{self.root}/rows"}
        self.sagemaker.create_training_job(
            TrainingJobName=f"{self.name}-train",
            RoleArn=ROLE,
            AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            HyperParameters={
                "sagemaker_program": "train.py",
                "sagemaker_submit_directory": self.put("code/source.tar.gz", archive.getvalue()),
            },
            InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
            OutputDataConfig={"S3OutputPath": f"{self.root}/models"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )
        waiter = self.sagemaker.get_waiter("training_job_completed_or_stopped")
        waiter.wait(TrainingJobName=f"{self.name}-train", WaiterConfig=FAST)
        described = self.sagemaker.describe_training_job(TrainingJobName=f"{self.name}-train")
        return str(described["ModelArtifacts"]["S3ModelArtifacts"])

    def register(self, model: str) -> str:
        """The ARN of the approved package."""
        environment = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
        container = {"Image": IMAGE, "ModelDataUrl": model, "Environment": environment}
        self.sagemaker.create_model_package_group(ModelPackageGroupName=self.name)
        package = self.sagemaker.create_model_package(
            ModelPackageGroupName=self.name,
            InferenceSpecification={"Containers": [container], "SupportedContentTypes": ["application/json"]},
        )["ModelPackageArn"]
        self.sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
        return str(package)

    def serve(self, package: str) -> str:
        """The ARN of the endpoint in service."""
        self.sagemaker.create_model(
            ModelName=self.name, ExecutionRoleArn=ROLE, PrimaryContainer={"ModelPackageName": package}
        )
        variant = {
            "VariantName": "champion",
            "ModelName": self.name,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
        self.sagemaker.create_endpoint_config(EndpointConfigName=self.name, ProductionVariants=[variant])
        arn = self.sagemaker.create_endpoint(EndpointName=self.name, EndpointConfigName=self.name)["EndpointArn"]
        self.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=self.name, WaiterConfig=FAST)
        return str(arn)

    def artifact(self, uri: str) -> str:
        [found] = self.sagemaker.list_artifacts(SourceUri=uri)["ArtifactSummaries"]
        return str(found["ArtifactArn"])

    def delete(self) -> None:
        self.sagemaker.delete_endpoint(EndpointName=self.name)
        self.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=self.name, WaiterConfig=FAST)


@pytest.fixture
def bench(local_aws: Any) -> Bench:
    return Bench(local_aws)


@pytest.fixture
def served(bench: Bench) -> Iterator[tuple[str, str]]:
    """The package and the endpoint of a model that was prepared, trained, registered and deployed."""
    bench.prepare()
    package = bench.register(bench.train())
    yield package, bench.serve(package)
    bench.delete()


def test_a_file_leads_to_the_endpoint_and_the_endpoint_back_to_the_file(bench: Bench, served: tuple[str, str]) -> None:
    package, endpoint = served
    sagemaker = bench.sagemaker
    [context] = sagemaker.list_contexts(SourceUri=endpoint)["ContextSummaries"]
    raw = bench.artifact(f"{bench.root}/raw/rows.csv")
    down = sagemaker.query_lineage(StartArns=[raw], Direction="Descendants", IncludeEdges=True)
    found = {vertex["Arn"]: vertex["Type"] for vertex in down["Vertices"]}
    assert found[context["ContextArn"]] == "Endpoint"
    assert found[bench.artifact(package)] == "Model"
    assert {"ProcessingJob", "TrainingJob", "DataSet", "ModelGroup", "ModelDeployment"} <= set(found.values())
    ends = {edge[end] for edge in down["Edges"] for end in ("SourceArn", "DestinationArn")}
    assert ends == set(found)
    up = sagemaker.query_lineage(
        StartArns=[context["ContextArn"]],
        Direction="Ascendants",
        IncludeEdges=False,
        Filters={"Types": ["DataSet"], "LineageTypes": ["Artifact"]},
    )
    described = [sagemaker.describe_artifact(ArtifactArn=vertex["Arn"]) for vertex in up["Vertices"]]
    sources = {artifact["Source"]["SourceUri"] for artifact in described}
    assert sources == {f"{bench.root}/raw/rows.csv", f"{bench.root}/rows", f"{bench.root}/code/run.py"}
    jobs = sagemaker.query_lineage(
        StartArns=[bench.artifact(package)],
        Direction="Ascendants",
        Filters={"Types": ["TrainingJob"]},
        IncludeEdges=False,
    )
    [job] = [vertex["Arn"].rpartition("/")[2] for vertex in jobs["Vertices"]]
    component = sagemaker.describe_trial_component(TrialComponentName=job)
    assert component["Source"]["SourceArn"].endswith(f":training-job/{bench.name}-train")
    # Who approved is told by the action.
    actions = sagemaker.list_actions(SourceUri=package, ActionType="Approval")["ActionSummaries"]
    approved = sagemaker.describe_action(ActionName=actions[0]["ActionName"])
    assert approved["Properties"] == {"ModelApprovalStatus": "Approved"}
    assert approved["CreatedBy"]["IamIdentity"]["Arn"].startswith("arn:aws:iam::111122223333:")


def test_errors_reach_boto3_with_their_codes(bench: Bench) -> None:
    sagemaker = bench.sagemaker
    source = {"SourceUri": f"{bench.root}/mine"}
    arn = sagemaker.create_artifact(Source=source, ArtifactType="DataSet")["ArtifactArn"]
    with pytest.raises(ClientError, match=r"\(ValidationException\).*already exists"):
        sagemaker.create_artifact(Source=source, ArtifactType="DataSet")
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.add_association(SourceArn=arn, DestinationArn=f"{arn[:-1]}x")
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_model_card(ModelCardName="none")


def test_a_template_makes_a_card_and_a_bucket_that_keeps_what_it_has(bench: Bench) -> None:
    content = {
        "ModelOverview": {"ModelDescription": "Whether a loan is repaid."},
        "IntendedUses": {"RiskRating": "High"},
    }
    lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}}
    resources = {
        "Card": {
            "Type": "AWS::SageMaker::ModelCard",
            "Properties": {"ModelCardName": bench.name, "ModelCardStatus": "Draft", "Content": content},
        },
        "Evidence": {
            "Type": "AWS::S3::Bucket",
            "Properties": {"ObjectLockEnabled": True, "ObjectLockConfiguration": lock},
        },
        "Trail": {
            "Type": "AWS::CloudTrail::Trail",
            "Properties": {"IsLogging": True, "S3BucketName": {"Ref": "Evidence"}, "EnableLogFileValidation": True},
        },
    }
    outputs = {"Bucket": {"Value": {"Ref": "Evidence"}}, "Card": {"Value": {"Ref": "Card"}}}
    bench.cloudformation.create_stack(
        StackName=bench.name, TemplateBody=json.dumps({"Resources": resources, "Outputs": outputs})
    )
    wait = {"Delay": 0.2, "MaxAttempts": 100}
    bench.cloudformation.get_waiter("stack_create_complete").wait(StackName=bench.name, WaiterConfig=wait)
    [stack] = bench.cloudformation.describe_stacks(StackName=bench.name)["Stacks"]
    made = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert made["Card"] == bench.name
    # An export of the card is a PDF, and it is there to stay.
    job = bench.sagemaker.create_model_card_export_job(
        ModelCardName=bench.name,
        ModelCardExportJobName="export",
        OutputConfig={"S3OutputPath": f"s3://{made['Bucket']}/cards"},
    )
    ended = bench.sagemaker.describe_model_card_export_job(**{k: v for k, v in job.items() if k.endswith("Arn")})
    assert ended["Status"] == "Completed"
    place = {"Bucket": made["Bucket"], "Key": f"cards/{bench.name}/export.pdf"}
    exported = bench.s3.get_object(**place)
    assert exported["Body"].read().startswith(b"%PDF")
    assert exported["ObjectLockMode"] == "COMPLIANCE"
    with pytest.raises(ClientError, match="AccessDenied"):
        bench.s3.delete_object(**place, VersionId=exported["VersionId"], BypassGovernanceRetention=True)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        bench.s3.put_object(**place, Body=b"another", IfNoneMatch="*")


def test_a_stacks_queries_are_athenas(bench: Bench, local_aws: Any) -> None:
    athena = local_aws.client("athena")
    properties = {"Database": "default", "QueryString": "SELECT 1", "Description": "who approved"}
    body = json.dumps(
        {
            "Resources": {"Query": {"Type": "AWS::Athena::NamedQuery", "Properties": properties}},
            "Outputs": {"Query": {"Value": {"Fn::GetAtt": ["Query", "NamedQueryId"]}}},
        }
    )
    stack, wait = f"{bench.name}-queries", {"Delay": 0.2, "MaxAttempts": 100}

    def ident() -> str:
        [found] = bench.cloudformation.describe_stacks(StackName=stack)["Stacks"]
        return str(found["Outputs"][0]["OutputValue"])

    bench.cloudformation.create_stack(StackName=stack, TemplateBody=body)
    bench.cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig=wait)
    first = ident()
    kept = athena.get_named_query(NamedQueryId=first)["NamedQuery"]
    assert {key: kept[key] for key in properties} == properties
    assert kept["Name"].startswith(stack)
    bench.cloudformation.update_stack(StackName=stack, TemplateBody=body.replace("SELECT 1", "SELECT 2"))
    bench.cloudformation.get_waiter("stack_update_complete").wait(StackName=stack, WaiterConfig=wait)
    assert athena.get_named_query(NamedQueryId=ident())["NamedQuery"]["QueryString"] == "SELECT 2"
    assert first not in athena.list_named_queries()["NamedQueryIds"]
    bench.cloudformation.delete_stack(StackName=stack)
    bench.cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig=wait)
    assert athena.list_named_queries()["NamedQueryIds"] == []
