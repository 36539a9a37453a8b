"""The local AWS as its users see it: a server, its command line, and what CloudFormation and events do there."""

from __future__ import annotations

import itertools
import json
import os
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pytest
from botocore.exceptions import ClientError

ROOT = Path(__file__).resolve().parents[3]
Found = TypeVar("Found")

HANDLER = """
import json, os, time, boto3
def handler(event, context):
    queue = os.environ["SEEN"]
    body = json.dumps({"event": event, "endpoint": os.environ["AWS_ENDPOINT_URL"], "at": time.time()})
    boto3.client("sqs").send_message(QueueUrl=queue, MessageBody=body)
    time.sleep(event.get("seconds", float(os.environ.get("SECONDS", "0"))))
    if "seconds" in event:
        boto3.client("sqs").send_message(QueueUrl=queue, MessageBody='{"ended": true}')
    print("handled", os.environ["AWS_LAMBDA_FUNCTION_NAME"])
    if "refuse" in json.dumps(event):
        raise ValueError("asked to refuse")
"""


def command(local_aws: Any, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "LOCAL_AWS_HOME": str(local_aws.home), **variables}
    return subprocess.run(
        [sys.executable, "-m", "local_aws", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def eventually(look: Callable[[], Found | None], what: str, seconds: float = 15) -> Found:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s")


def messages(local_aws: Any, queue: str) -> list[dict[str, Any]]:
    """The messages of a queue, taken out of it."""
    received = local_aws.client("sqs").receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    for message in received.get("Messages", ()):
        local_aws.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return [{**message, "Body": json.loads(message["Body"])} for message in received.get("Messages", ())]


def function(seen: Any, **properties: Any) -> dict[str, Any]:
    variables = {"SEEN": seen, **properties.pop("Variables", {})}
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": {"ZipFile": HANDLER},
            "Timeout": 30,
            "Environment": {"Variables": variables},
            **properties,
        },
    }


ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        },
        "Policies": [
            {
                "PolicyName": "queues",
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": ["sqs:SendMessage", "kms:Decrypt", "kms:GenerateDataKey", "logs:*"],
                            "Resource": "*",
                        }
                    ],
                },
            }
        ],
    },
}
ENCRYPTED_QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"KmsMasterKeyId": {"Fn::GetAtt": ["Key", "Arn"]}}}
KEY = {
    "Type": "AWS::KMS::Key",
    "Properties": {
        "KeyPolicy": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}],
        }
    },
}


class Stack:
    """A stack that is made for a test and deleted after it."""

    def __init__(self, local_aws: Any, name: str) -> None:
        self.name = name
        self._client = local_aws.client("cloudformation")

    def create(self, resources: dict[str, Any], **more: Any) -> dict[str, Any]:
        outputs = {name: {"Value": value} for name, value in more.pop("outputs", {}).items()}
        template = {"Resources": resources, "Outputs": outputs, **more.pop("sections", {})}
        self._client.create_stack(
            StackName=self.name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"], **more
        )
        return self.settled()

    def update(self, **more: Any) -> dict[str, Any]:
        self._client.update_stack(StackName=self.name, Capabilities=["CAPABILITY_IAM"], **more)
        return self.settled()

    def delete(self) -> None:
        self._client.delete_stack(StackName=self.name)
        eventually(lambda: self.status() in ("", "DELETE_COMPLETE", "DELETE_FAILED"), f"end of {self.name}")

    def status(self) -> str:
        try:
            return str(self.described()["StackStatus"])
        except ClientError:
            return ""

    def described(self) -> dict[str, Any]:
        return dict(self._client.describe_stacks(StackName=self.name)["Stacks"][0])

    def outputs(self) -> dict[str, str]:
        return {output["OutputKey"]: output["OutputValue"] for output in self.described().get("Outputs", ())}

    def events(self) -> list[dict[str, Any]]:
        return list(self._client.describe_stack_events(StackName=self.name)["StackEvents"])

    def settled(self) -> dict[str, Any]:
        eventually(lambda: not self.status().endswith("_IN_PROGRESS"), f"end of the operation on {self.name}", 30)
        return self.described()


@pytest.fixture
def stack(local_aws: Any, request: pytest.FixtureRequest) -> Iterator[Stack]:
    name = request.node.name.split("[")[0].replace("_", "-")[:60]
    stack = Stack(local_aws, name)
    yield stack
    if stack.status():
        stack.delete()


# The server and its command line


def test_the_server_answers_on_loopback_only(local_aws: Any) -> None:
    assert local_aws.url.startswith("http://127.0.0.1:")
    assert local_aws.client("sts").get_caller_identity()["Account"] == "111122223333"
    status = command(local_aws, "status")
    assert status.returncode == 0
    assert local_aws.url in status.stdout


def test_the_token_is_for_the_owner_and_control_needs_it(local_aws: Any) -> None:
    assert stat.S_IMODE((local_aws.home / "server.json").stat().st_mode) == 0o600
    request = urllib.request.Request(f"{local_aws.url}/_local_aws/stop", method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(request):
        pass
    refused.value.close()
    assert refused.value.code == 403


def test_a_shell_that_evaluates_env_reaches_the_server(local_aws: Any) -> None:
    lines = command(local_aws, "env").stdout
    assert f"export AWS_ENDPOINT_URL={local_aws.url}" in lines
    script = f"{lines}\n{sys.executable} -c 'import boto3; print(boto3.client(\"s3\").meta.endpoint_url)'"
    said = subprocess.run(["sh", "-c", script], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)
    assert said.stdout.strip() == local_aws.url


def test_a_second_server_on_the_same_state_is_refused_in_one_line(local_aws: Any) -> None:
    second = command(local_aws, "start")
    assert second.returncode == 1
    assert second.stderr.strip().splitlines() == [
        f"local_aws: {local_aws.home}: a local AWS already runs on this state at {local_aws.url} "
        f"(process {local_aws.server.pid}); stop it or set LOCAL_AWS_HOME"
    ]


def test_starting_in_the_background_again_finds_the_running_server(local_aws: Any) -> None:
    again = command(local_aws, "start", "--detach")
    assert again.returncode == 0
    assert again.stdout.strip() == f"local AWS ready at {local_aws.url} (account 111122223333, region eu-west-1)"


@pytest.mark.parametrize("detach", [[], ["--detach"]])
def test_a_taken_port_is_told_in_one_line(local_aws: Any, tmp_path: Path, detach: list[str]) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        home = str(tmp_path / "other")
        started = command(local_aws, "start", *detach, LOCAL_AWS_HOME=home, LOCAL_AWS_PORT=port)
    assert started.returncode == 1
    (line,) = started.stderr.strip().splitlines()
    assert line.startswith(f"local_aws: port {port} on 127.0.0.1 cannot be used (Address already in use)")


def test_commands_without_a_server_say_what_to_start(local_aws: Any, tmp_path: Path) -> None:
    for arguments in (["env"], ["checkpoint"], ["resources", "--used"]):
        said = command(local_aws, *arguments, LOCAL_AWS_HOME=str(tmp_path))
        assert said.returncode == 1
        assert said.stderr.strip().endswith("start it: .venv/bin/python -m local_aws start --detach")


def test_resource_types_are_emulated_recorded_or_refused(local_aws: Any) -> None:
    types = ["AWS::SageMaker::Endpoint", "AWS::S3::Bucket", "AWS::Budgets::Budget", "AWS::Coffee::Machine"]
    kinds = json.loads(command(local_aws, "resources", "--json", *types).stdout)
    assert list(kinds.values()) == ["emulated", "emulated", "recorded", "refused"]


def test_a_list_of_types_says_what_the_kinds_are_and_what_lists_fewer(local_aws: Any) -> None:
    known = command(local_aws, "resources")
    for part in ("emulated: works. ", "recorded: checked against its schema", "refused: ", "--used: those that were"):
        assert part in known.stderr
    assert "AWS::S3::Bucket" in known.stdout and "works" not in known.stdout
    assert command(local_aws, "resources", "AWS::S3::Bucket").stderr == ""


# SageMaker's two protocols


def test_a_package_tells_who_made_and_who_changed_it(local_aws: Any) -> None:
    sagemaker, sts = local_aws.client("sagemaker"), local_aws.client("sts")
    sagemaker.create_model_package_group(ModelPackageGroupName="who")
    package = sagemaker.create_model_package(ModelPackageGroupName="who")["ModelPackageArn"]
    role = "arn:aws:iam::111122223333:role/approver"
    approver = sts.assume_role(RoleArn=role, RoleSessionName="ada")
    credentials = approver["Credentials"]
    session = boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name="eu-west-1",
    )
    session.client("sagemaker", endpoint_url=local_aws.url).update_model_package(
        ModelPackageArn=package, ModelApprovalStatus="Approved"
    )
    described = sagemaker.describe_model_package(ModelPackageName=package)
    assert described["CreatedBy"]["IamIdentity"]["Arn"] == "arn:aws:iam::111122223333:root"
    assert described["LastModifiedBy"]["IamIdentity"] == {
        "Arn": "arn:aws:sts::111122223333:assumed-role/approver/ada",
        "PrincipalId": approver["AssumedRoleUser"]["AssumedRoleId"],
    }


def test_a_validation_error_has_the_code_and_the_words_of_aws(local_aws: Any) -> None:
    with pytest.raises(ClientError) as caught:
        local_aws.client("sagemaker").describe_endpoint(EndpointName="no_underscores")
    assert caught.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "1 validation error detected: Value 'no_underscores' at 'endpointName' failed to satisfy "
        "constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
    }


def test_an_operation_without_emulation_is_refused_by_name(local_aws: Any) -> None:
    with pytest.raises(ClientError, match="CreateNotebookInstance is not emulated by the local AWS"):
        local_aws.client("sagemaker").create_notebook_instance(
            NotebookInstanceName="n", InstanceType="ml.t3.medium", RoleArn="arn:aws:iam::111122223333:role/role"
        )


def test_invoking_an_endpoint_that_is_not_there_is_a_validation_error(local_aws: Any) -> None:
    with pytest.raises(ClientError) as caught:
        local_aws.client("sagemaker-runtime").invoke_endpoint(EndpointName="none", Body=b"1")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


# CloudFormation


def test_sagemaker_types_answer_ref_and_getatt_as_aws_does(local_aws: Any, stack: Stack) -> None:
    arn = "arn:aws:sagemaker:eu-west-1:111122223333"
    settled = stack.create(
        {
            "Role": ROLE,
            "Group": {
                "Type": "AWS::SageMaker::ModelPackageGroup",
                "Properties": {"ModelPackageGroupName": "ref-group", "Tags": [{"Key": "team", "Value": "risk"}]},
            },
            "Pipeline": {
                "Type": "AWS::SageMaker::Pipeline",
                "Properties": {
                    "PipelineName": "ref-pipeline",
                    "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                    "PipelineDefinition": {"PipelineDefinitionBody": json.dumps(one_step_pipeline("first"))},
                },
            },
        },
        outputs={
            "Group": {"Ref": "Group"},
            "GroupArn": {"Fn::GetAtt": ["Group", "ModelPackageGroupArn"]},
            "Pipeline": {"Ref": "Pipeline"},
        },
        Tags=[{"Key": "owner", "Value": "bank"}],
    )
    assert settled["StackStatus"] == "CREATE_COMPLETE"
    assert stack.outputs() == {
        "Group": f"{arn}:model-package-group/ref-group",
        "GroupArn": f"{arn}:model-package-group/ref-group",
        "Pipeline": "ref-pipeline",
    }
    listed = local_aws.client("sagemaker").list_tags(ResourceArn=stack.outputs()["Group"])["Tags"]
    tags = {tag["Key"]: tag["Value"] for tag in listed}
    assert tags.items() >= {"team": "risk", "owner": "bank", "aws:cloudformation:logical-id": "Group"}.items()


def one_step_pipeline(name: str) -> dict[str, Any]:
    failing = {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": "meant to"}}
    return {"Version": "2020-12-01", "Parameters": [], "Steps": [failing]}


def test_a_group_with_versions_is_not_deleted_and_the_stack_says_why(local_aws: Any, stack: Stack) -> None:
    sagemaker = local_aws.client("sagemaker")
    group = {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {"ModelPackageGroupName": "kept-group"}}
    stack.create({"Group": group})
    container = {"Image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/i:1", "ModelDataUrl": "s3://b/m.tar.gz"}
    package = sagemaker.create_model_package(
        ModelPackageGroupName="kept-group",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    stack.delete()
    assert stack.status() == "DELETE_FAILED"
    failed = [event for event in stack.events() if event["ResourceStatus"] == "DELETE_FAILED"]
    assert any("kept-group" in event.get("ResourceStatusReason", "") for event in failed)
    sagemaker.delete_model_package(ModelPackageName=package)
    stack.delete()
    assert stack.status() in ("", "DELETE_COMPLETE")


def test_a_type_without_emulation_is_checked_and_recorded(stack: Stack) -> None:
    properties = {"DomainId": "d-1", "SpaceName": "loans"}
    resources = {"Space": {"Type": "AWS::SageMaker::Space", "Properties": properties}}
    settled = stack.create(resources, outputs={"Space": {"Ref": "Space"}})
    assert settled["StackStatus"] == "CREATE_COMPLETE"
    assert stack.outputs()["Space"] == "d-1|loans"


def test_a_recorded_type_that_breaks_its_schema_rolls_the_stack_back(stack: Stack) -> None:
    budget = {"Budget": {"BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": {"Amount": "some", "Unit": "USD"}}}
    properties = {**budget, "Budgets": []}
    settled = stack.create({"Budget": {"Type": "AWS::Budgets::Budget", "Properties": properties}})
    assert settled["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [event.get("ResourceStatusReason", "") for event in stack.events()]
    (reason,) = [reason for reason in reasons if reason.startswith("Properties validation failed")]
    assert "#: extraneous key [Budgets] is not permitted" in reason
    assert "#/Budget/BudgetLimit/Amount: expected type: number" in reason


def test_a_type_without_a_schema_is_refused_before_anything_is_made(stack: Stack) -> None:
    with pytest.raises(ClientError, match=r"Unrecognized resource types: \[AWS::Coffee::Machine\]"):
        stack.create({"Machine": {"Type": "AWS::Coffee::Machine"}})


def test_a_parameter_names_who_changed_it_last(local_aws: Any) -> None:
    mine = local_aws.client("ssm")
    mine.put_parameter(Name="/test/allowed", Value="none", Type="String")
    role = "arn:aws:iam::111122223333:role/release"
    keys = local_aws.client("sts").assume_role(RoleArn=role, RoleSessionName="bob")["Credentials"]
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name="eu-west-1")
    bobs = session.client("ssm", endpoint_url=local_aws.url)
    bobs.put_parameter(Name="/test/allowed", Value="v1", Overwrite=True)
    names = [{"Key": "Name", "Values": ["/test/allowed"]}]
    [described] = mine.describe_parameters(ParameterFilters=names)["Parameters"]
    root, bob = "arn:aws:iam::111122223333:root", "arn:aws:sts::111122223333:assumed-role/release/bob"
    assert described["LastModifiedUser"] == bob
    versions = mine.get_parameter_history(Name="/test/allowed")["Parameters"]
    assert [version["LastModifiedUser"] for version in versions] == [root, bob]


def test_parameters_from_ssm_are_resolved_anew_by_each_update(local_aws: Any, stack: Stack) -> None:
    ssm = local_aws.client("ssm")
    ssm.put_parameter(Name="/test/champion", Value="none", Type="String", Overwrite=True)
    champion = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/test/champion"}
    settled = stack.create(
        {
            "Always": {"Type": "AWS::SNS::Topic"},
            "Sometimes": {"Type": "AWS::SNS::Topic", "Condition": "HasChampion"},
        },
        outputs={"Champion": {"Ref": "Champion"}},
        sections={
            "Parameters": {"Champion": champion},
            "Conditions": {"HasChampion": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Champion"}, "none"]}]}},
        },
    )
    parameter = {"ParameterKey": "Champion", "ParameterValue": "/test/champion", "ResolvedValue": "none"}
    assert settled["Parameters"] == [parameter]

    ssm.put_parameter(Name="/test/champion", Value="v1", Type="String", Overwrite=True)
    settled = stack.update(
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": "Champion", "UsePreviousValue": True}],
        ClientRequestToken="release-2",
    )
    assert settled["StackStatus"] == "UPDATE_COMPLETE"
    assert settled["Parameters"] == [{**parameter, "ResolvedValue": "v1"}]
    assert stack.outputs()["Champion"] == "v1"
    newest = stack.events()[0]
    assert (newest["ResourceStatus"], newest["ClientRequestToken"]) == ("UPDATE_COMPLETE", "release-2")
    of_update = [event for event in stack.events() if event.get("ClientRequestToken") == "release-2"]
    assert [(event["LogicalResourceId"], event["ResourceStatus"]) for event in reversed(of_update)] == [
        (stack.name, "UPDATE_IN_PROGRESS"),
        ("Sometimes", "CREATE_IN_PROGRESS"),
        ("Sometimes", "CREATE_COMPLETE"),
        (stack.name, "UPDATE_COMPLETE"),
    ]
    with pytest.raises(ClientError, match="No updates are to be performed"):
        stack.update(UsePreviousTemplate=True, Parameters=[{"ParameterKey": "Champion", "UsePreviousValue": True}])


# Events and Lambda


@pytest.fixture
def queues(local_aws: Any, stack: Stack) -> tuple[str, str, str]:
    """A function that a stack's events wake and that runs once at a time: its name, what it saw, its dead letters."""
    stack.create(
        {
            "Key": KEY,
            "Role": ROLE,
            "Seen": ENCRYPTED_QUEUE,
            "DeadLetters": ENCRYPTED_QUEUE,
            "Function": function({"Ref": "Seen"}, ReservedConcurrentExecutions=1, Variables={"SECONDS": "0.2"}),
            "Failures": {
                "Type": "AWS::Lambda::EventInvokeConfig",
                "Properties": {
                    "FunctionName": {"Ref": "Function"},
                    "Qualifier": "$LATEST",
                    "MaximumRetryAttempts": 0,
                    "DestinationConfig": {
                        "OnFailure": {"Destination": {"Fn::GetAtt": ["DeadLetters", "Arn"]}}
                    },
                },
            },
            "StackSettled": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "EventPattern": {
                        "source": ["aws.cloudformation"],
                        "detail-type": ["CloudFormation Stack Status Change"],
                        "detail": {
                            "stack-id": [{"prefix": {"Fn::Sub": "arn:aws:cloudformation:${AWS::Region}:"
                                                     "${AWS::AccountId}:stack/watched/"}}],
                            "status-details": {"status": ["CREATE_COMPLETE"]},
                        },
                    },
                    "Targets": [{"Id": "function", "Arn": {"Fn::GetAtt": ["Function", "Arn"]}}],
                },
            },
            "Missing": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "EventPattern": {"source": ["test.missing"]},
                    "Targets": [
                        {
                            "Id": "gone",
                            "Arn": {"Fn::Sub": "arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:gone"},
                            "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}},
                        }
                    ],
                },
            },
        },
        outputs={name: {"Ref": name} for name in ("Function", "Seen", "DeadLetters")},
    )  # fmt: skip
    outputs = stack.outputs()
    return outputs["Function"], outputs["Seen"], outputs["DeadLetters"]


def test_a_stack_that_settles_wakes_a_function_through_a_rule(local_aws: Any, queues: tuple[str, str, str]) -> None:
    watched = Stack(local_aws, "watched")
    watched.create({"Topic": {"Type": "AWS::SNS::Topic"}}, ClientRequestToken="token-7")
    try:
        (message,) = eventually(lambda: messages(local_aws, queues[1]), "the function's message")
        event = message["Body"]["event"]
        assert message["Body"]["endpoint"] == local_aws.url
        assert event["resources"] == [watched.described()["StackId"]]
        assert event["detail"] == {
            "stack-id": watched.described()["StackId"],
            "status-details": {"status": "CREATE_COMPLETE", "status-reason": ""},
            "client-request-token": "token-7",
        }
    finally:
        watched.delete()


def test_events_wait_for_reserved_concurrency_and_none_is_lost(local_aws: Any, queues: tuple[str, str, str]) -> None:
    name, seen, dead_letters = queues
    assert local_aws.client("lambda").get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"] == 1
    for number in range(5):
        local_aws.client("lambda").invoke(
            FunctionName=name, InvocationType="Event", Payload=json.dumps({"number": number})
        )
    got: list[dict[str, Any]] = []
    eventually(lambda: got.extend(messages(local_aws, seen)) or len(got) >= 5, "five messages")
    assert sorted(message["Body"]["event"]["number"] for message in got) == [0, 1, 2, 3, 4]
    times = sorted(message["Body"]["at"] for message in got)
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) >= 0.2
    assert messages(local_aws, dead_letters) == []


def test_what_a_function_refuses_goes_to_its_failure_destination(local_aws: Any, queues: tuple[str, str, str]) -> None:
    name, _, dead_letters = queues
    local_aws.client("lambda").invoke(
        FunctionName=name, InvocationType="Event", Payload=json.dumps({"please": "refuse"})
    )
    (record,) = eventually(lambda: messages(local_aws, dead_letters), "the failure record")
    assert record["Body"]["requestContext"]["condition"] == "RetriesExhausted"
    assert record["Body"]["requestContext"]["approximateInvokeCount"] == 1
    assert record["Body"]["requestPayload"] == {"please": "refuse"}
    assert record["Body"]["responsePayload"]["errorMessage"] == "asked to refuse"


@pytest.mark.parametrize("change", ["update", "delete"])
def test_a_function_that_is_changed_while_it_runs_ends_its_run(
    local_aws: Any, queues: tuple[str, str, str], change: str
) -> None:
    name, seen, dead_letters = queues
    functions = local_aws.client("lambda")
    functions.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps({"seconds": 1}))
    eventually(lambda: messages(local_aws, seen), "the function's message")
    if change == "update":
        functions.update_function_configuration(FunctionName=name, Timeout=29)
    else:
        functions.delete_function(FunctionName=name)
    (message,) = eventually(lambda: messages(local_aws, seen), "the message at its end")
    assert message["Body"] == {"ended": True}
    assert messages(local_aws, dead_letters) == []


WILFUL = """
import os, sys, time
at_start = dict(os.environ)
def handler(event, context):
    os.environ["LEFT"] = "by a run"
    print("said")
    if event["do"] == "exit":
        os._exit(3)
    if event["do"] == "sleep":
        time.sleep(30)
    return {"pid": os.getpid(), "at start": at_start, "path": sys.path, "argv": sys.argv, "folder": os.getcwd()}
"""


def test_a_function_that_ends_by_itself_or_takes_too_long_starts_again(local_aws: Any, stack: Stack) -> None:
    code = {"Code": {"ZipFile": WILFUL}, "Timeout": 1}
    own = {"Variables": {"OWN": "é 1"}}
    stack.create(
        {
            "Role": ROLE,
            "First": function("none", **code, **own),
            "Second": function("none", **code),
        },
        outputs={name: {"Ref": name} for name in ("First", "Second")},
    )
    outputs = stack.outputs()

    def invoke(name: str, do: str) -> Any:
        answer = local_aws.client("lambda").invoke(FunctionName=outputs[name], Payload=json.dumps({"do": do}))
        return json.load(answer["Payload"])

    first, again = invoke("First", "answer"), invoke("First", "answer")
    assert again == first
    second = invoke("Second", "answer")
    assert invoke("First", "sleep")["errorMessage"].endswith("Task timed out after 1.00 seconds")
    eventually(lambda: not running(first["pid"]), "its end")
    third = invoke("First", "answer")
    assert invoke("First", "exit")["errorType"]
    eventually(lambda: not running(third["pid"]), "its end")
    assert len({each["pid"] for each in (first, second, third, invoke("First", "answer"))}) == 4

    assert (first["at start"]["OWN"], first["at start"]["SEEN"]) == ("é 1", "none")
    assert "OWN" not in second["at start"] and "LEFT" not in third["at start"]
    assert set(second["at start"]) == set(first["at start"]) - {"OWN"}
    assert Path(first["folder"]).name == "code"
    assert first["path"][0] == first["folder"]
    assert first["path"][1] == str(Path(first["argv"][0]).parent)


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_an_event_whose_function_is_gone_goes_to_the_rules_dead_letters(
    local_aws: Any, queues: tuple[str, str, str]
) -> None:
    entry = {"Source": "test.missing", "DetailType": "Test", "Detail": json.dumps({"number": 7})}
    local_aws.client("events").put_events(Entries=[entry])
    (record,) = eventually(lambda: messages(local_aws, queues[2]), "the dead letter")
    assert record["Body"]["detail"] == {"number": 7}
    assert record["MessageAttributes"]["TARGET_ARN"]["StringValue"].endswith(":function:gone")
    assert record["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_RESOURCE"


# Alarms


def test_an_alarm_minds_its_dimensions_and_tells_topic_and_bus(local_aws: Any, stack: Stack) -> None:
    stack.create(
        {
            "Seen": {"Type": "AWS::SQS::Queue"},
            "Topic": {
                "Type": "AWS::SNS::Topic",
                "Properties": {"Subscription": [{"Protocol": "sqs", "Endpoint": {"Fn::GetAtt": ["Seen", "Arn"]}}]},
            },
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "EventPattern": {
                        "source": ["aws.cloudwatch"],
                        "detail-type": ["CloudWatch Alarm State Change"],
                        "detail": {"alarmName": ["errors-of-new-fleet"], "state": {"value": ["ALARM"]}},
                    },
                    "Targets": [{"Id": "queue", "Arn": {"Fn::GetAtt": ["Seen", "Arn"]}}],
                },
            },
            "Alarm": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {
                    "AlarmName": "errors-of-new-fleet",
                    "Namespace": "Test",
                    "MetricName": "Errors",
                    "Dimensions": [{"Name": "Fleet", "Value": "new"}],
                    "Statistic": "Average",
                    "Period": 60,
                    "EvaluationPeriods": 1,
                    "Threshold": 0.5,
                    "ComparisonOperator": "GreaterThanThreshold",
                    "TreatMissingData": "notBreaching",
                    "AlarmActions": [{"Ref": "Topic"}],
                },
            },
        },
        outputs={"Seen": {"Ref": "Seen"}},
    )
    cloudwatch = local_aws.client("cloudwatch")

    def state() -> str:
        return str(cloudwatch.describe_alarms(AlarmNames=["errors-of-new-fleet"])["MetricAlarms"][0]["StateValue"])

    def put(fleet: str, value: float) -> None:
        dimensions = [{"Name": "Fleet", "Value": fleet}]
        datum = {"MetricName": "Errors", "Dimensions": dimensions, "Value": value}
        cloudwatch.put_metric_data(Namespace="Test", MetricData=[datum])

    eventually(lambda: state() == "OK", "OK without data")
    put("old", 1.0)
    time.sleep(1.2)
    assert state() == "OK"
    put("new", 1.0)
    eventually(lambda: state() == "ALARM", "ALARM")
    got: list[dict[str, Any]] = []
    eventually(lambda: got.extend(messages(local_aws, stack.outputs()["Seen"])) or len(got) >= 2, "two messages")
    bodies = [message["Body"] for message in got]
    (event,) = [body for body in bodies if "detail" in body]
    (notification,) = [json.loads(body["Message"]) for body in bodies if "Message" in body]
    assert event["detail"]["previousState"]["value"] == "OK"
    assert notification["NewStateValue"] == "ALARM"


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = f"{sys.executable} -m local_aws resources | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    (legend,) = done.stderr.splitlines()
    assert legend.startswith("emulated: works.")
    assert done.stdout.split()[-1] in ("emulated", "recorded")
