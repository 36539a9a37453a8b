"""Executions of pipelines: order, branches, failures, cache, stop, retry, restart."""

import json
import time
from typing import Any

import pytest

from local_aws.core import store
from local_aws.core.api import ConflictException, ResourceNotFound, ValidationException
from local_aws.sagemaker import execution_rows, jobs, pipeline_runs
from local_aws.sagemaker.retries import Retries
from tests.real_samples import sample as real_sample

from .conftest import BUCKET, IMAGE, ROLE, eventually, processing_arguments, s3_input, s3_outputs
from .test_definition import condition, get, output_of

TOKEN = "t" * 32
WRITE = "open('/opt/ml/processing/output/data/x.json', 'w').write('{\"auc\": 0.7}')"


class Pipeline:
    """A pipeline under test: make it, run it, look at it."""

    def __init__(self, call, s3) -> None:
        self.call, self.s3 = call, s3

    def step(self, name: str, script: str = WRITE, *inputs: Any, **members: Any) -> dict[str, Any]:
        arguments = processing_arguments(
            self.s3,
            script,
            ProcessingInputs=[s3_input(f"in{number}", uri) for number, uri in enumerate(inputs)],
            ProcessingOutputConfig=s3_outputs(data=f"{BUCKET}/{name}/{len(self.s3.objects)}"),
        )
        return {"Name": name, "Type": "Processing", "Arguments": arguments, **members}

    def create(self, *steps: Any, parameters: Any = (), **params: Any) -> str:
        document = {"Version": "2020-12-01", "Parameters": list(parameters), "Steps": steps}
        answer = self.call(
            "CreatePipeline", PipelineName="loans", PipelineDefinition=json.dumps(document), RoleArn=ROLE, **params
        )
        return answer["PipelineArn"]

    def start(self, **params: Any) -> str:
        return self.call("StartPipelineExecution", PipelineName="loans", **params)["PipelineExecutionArn"]

    def wait(self, arn: str) -> dict[str, Any]:
        assert pipeline_runs.wait(arn, 20), self.steps(arn)
        return self.call("DescribePipelineExecution", PipelineExecutionArn=arn)

    def run(self, *steps: Any, parameters: Any = (), **values: str) -> dict[str, Any]:
        self.create(*steps, parameters=parameters)
        return self.wait(self.start(PipelineParameters=[{"Name": k, "Value": v} for k, v in values.items()]))

    def steps(self, arn: str) -> dict[str, dict[str, Any]]:
        listed = self.call("ListPipelineExecutionSteps", PipelineExecutionArn=arn, SortOrder="Ascending")
        return {step["StepName"]: step for step in listed["PipelineExecutionSteps"]}


@pytest.fixture
def pipeline(call, s3):
    return Pipeline(call, s3)


def test_steps_run_in_the_order_of_their_data(pipeline, s3):
    last = pipeline.step(
        "B",
        "import shutil; shutil.copy('/opt/ml/processing/input/in0/x.json', '/opt/ml/processing/output/data')",
        output_of("A"),
    )
    done = pipeline.run(last, pipeline.step("A"))
    steps = pipeline.steps(done["PipelineExecutionArn"])
    assert done["PipelineExecutionStatus"] == "Succeeded", steps
    assert list(steps) == ["A", "B"]
    assert steps["A"]["EndTime"] <= steps["B"]["StartTime"]
    job = steps["A"]["Metadata"]["ProcessingJob"]["Arn"]
    assert f":processing-job/pipelines-{done['PipelineExecutionArn'][-12:]}-A-" in job
    assert done["PipelineExperimentConfig"] == {
        "ExperimentName": "loans",
        "TrialName": done["PipelineExecutionArn"][-12:],
    }


def test_the_steps_are_listed_newest_first(pipeline):
    arn = pipeline.run(pipeline.step("A"), pipeline.step("B", WRITE, output_of("A")))["PipelineExecutionArn"]
    listed = pipeline.call("ListPipelineExecutionSteps", PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    assert [step["StepName"] for step in listed] == ["B", "A"]


def test_two_steps_run_at_the_same_time_and_a_pipeline_can_forbid_it(pipeline):
    wait = "import time; time.sleep(0.4)"
    pipeline.create(pipeline.step("A", wait), pipeline.step("B", wait), pipeline.step("C", wait))

    def most(arn: str) -> int:
        pipeline.wait(arn)
        steps = pipeline.steps(arn).values()
        return max(sum(s["StartTime"] <= o["StartTime"] < s["EndTime"] for s in steps) for o in steps)

    assert most(pipeline.start()) == 2
    assert most(pipeline.start(ParallelismConfiguration={"MaxParallelExecutionSteps": 1})) == 1


PARAMETERS = [{"Name": "MinAuc", "Type": "Float", "DefaultValue": 0.6}]
FILES = [{"PropertyFileName": "Evaluation", "OutputName": "data", "FilePath": "x.json"}]
AUC = {"Std:JsonGet": {"PropertyFile": get("Steps.A.PropertyFiles.Evaluation"), "Path": "auc"}}


def gate(pipeline) -> list[dict[str, Any]]:
    specification = {"Containers": [{"Image": IMAGE, "ModelDataUrl": output_of("A")}]}
    register = {
        "ModelPackageGroupName": "loans",
        "InferenceSpecification": specification,
        "CustomerMetadataProperties": {"auc": AUC},
    }
    message = {"Std:Join": {"On": " ", "Values": ["AUC below", get("Parameters.MinAuc")]}}
    return [
        pipeline.step("A", PropertyFiles=FILES),
        condition(
            "Good",
            yes=({"Name": "Register", "Type": "RegisterModel", "Arguments": register},),
            no=({"Name": "Bad", "Type": "Fail", "Arguments": {"ErrorMessage": message}},),
            Type="GreaterThanOrEqualTo",
            LeftValue=AUC,
            RightValue=get("Parameters.MinAuc"),
        ),
    ]


def test_a_true_condition_registers_the_model(pipeline, call):
    done = pipeline.run(*gate(pipeline), parameters=PARAMETERS)
    steps = pipeline.steps(done["PipelineExecutionArn"])
    assert done["PipelineExecutionStatus"] == "Succeeded", steps
    assert steps["Good"]["Metadata"]["Condition"]["Outcome"] == "True"
    assert "Bad" not in steps
    package = call("DescribeModelPackage", ModelPackageName=steps["Register"]["Metadata"]["RegisterModel"]["Arn"])
    assert package["CustomerMetadataProperties"] == {"auc": "0.7"}
    assert package["MetadataProperties"]["GeneratedBy"] == done["PipelineExecutionArn"]
    # RegisterModel made the group.
    assert call("DescribeModelPackageGroup", ModelPackageGroupName="loans")["ModelPackageGroupStatus"] == "Completed"


def test_a_false_condition_fails_with_the_reason(pipeline):
    done = pipeline.run(*gate(pipeline), parameters=PARAMETERS, MinAuc="0.75")
    steps = pipeline.steps(done["PipelineExecutionArn"])
    assert done["PipelineExecutionStatus"] == "Failed"
    assert done["FailureReason"] == "Step failure: One or multiple steps failed."
    assert steps["Good"]["StepStatus"] == "Succeeded"
    assert steps["Bad"]["FailureReason"] == "AUC below 0.75"
    assert steps["Bad"]["Metadata"]["Fail"]["ErrorMessage"] == "AUC below 0.75"
    assert "Register" not in steps


def test_a_failed_step_ends_the_execution_but_not_its_neighbours(pipeline):
    done = pipeline.run(
        pipeline.step("Bad", "open('/opt/ml/output/message', 'w').write('column X is missing'); raise SystemExit(1)"),
        pipeline.step("Slow", "import time; time.sleep(0.5); " + WRITE),
        pipeline.step("After", WRITE, output_of("Slow")),
    )
    steps = pipeline.steps(done["PipelineExecutionArn"])
    assert done["PipelineExecutionStatus"] == "Failed"
    assert steps["Bad"]["FailureReason"] == "ClientError: AlgorithmError: column X is missing, exit code: 1"
    assert steps["Slow"]["StepStatus"] == "Succeeded"
    assert "After" not in steps


def test_a_refused_request_is_the_steps_reason(pipeline):
    step = pipeline.step("A")
    del step["Arguments"]["AppSpecification"]["ContainerEntrypoint"]
    steps = pipeline.steps(pipeline.run(step)["PipelineExecutionArn"])
    reason = steps["A"]["FailureReason"]
    assert reason.startswith("ClientError: Failed to invoke sagemaker:CreateProcessingJob. Error Details: ")


CACHE = {"Enabled": True, "ExpireAfter": "P1D"}


def test_the_second_run_takes_steps_from_the_first(pipeline, call):
    pipeline.create(
        pipeline.step("A", CacheConfig=CACHE),
        pipeline.step("B", WRITE, output_of("A"), CacheConfig=CACHE),
        pipeline.step("C", WRITE, output_of("A")),
    )
    first = pipeline.start()
    pipeline.wait(first)
    second = pipeline.start()
    pipeline.wait(second)
    before, after = pipeline.steps(first), pipeline.steps(second)
    for name in "AB":
        assert after[name]["CacheHitResult"]["SourcePipelineExecutionArn"] == first
        assert after[name]["Metadata"] == before[name]["Metadata"]
        assert "CacheHitResult" not in before[name]
    assert "CacheHitResult" not in after["C"]
    assert len(call("ListProcessingJobs")["ProcessingJobSummaries"]) == 4
    third = pipeline.start()
    pipeline.wait(third)
    assert pipeline.steps(third)["A"]["CacheHitResult"]["SourcePipelineExecutionArn"] == first


def test_a_changed_argument_is_a_miss(pipeline):
    parameters = [{"Name": "Mode", "Type": "String", "DefaultValue": "a"}]
    step = pipeline.step("A", CacheConfig=CACHE)
    step["Arguments"]["Environment"] = {"MODE": get("Parameters.Mode")}
    pipeline.create(step, parameters=parameters)
    pipeline.wait(pipeline.start())
    other = pipeline.start(PipelineParameters=[{"Name": "Mode", "Value": "b"}])
    pipeline.wait(other)
    assert "CacheHitResult" not in pipeline.steps(other)["A"]


def test_a_stop_ends_what_runs(pipeline):
    pipeline.create(pipeline.step("A", "import time; time.sleep(30)"), pipeline.step("B", WRITE, output_of("A")))
    arn = pipeline.start()
    eventually(lambda: pipeline.steps(arn).get("A", {}).get("StepStatus") == "Executing")
    pipeline.call("StopPipelineExecution", PipelineExecutionArn=arn)
    assert pipeline.wait(arn)["PipelineExecutionStatus"] == "Stopped"
    steps = pipeline.steps(arn)
    assert steps["A"]["StepStatus"] == "Stopped"
    assert "B" not in steps
    with pytest.raises(ConflictException, match="cannot be stopped: it is Stopped"):
        pipeline.call("StopPipelineExecution", PipelineExecutionArn=arn)


def test_a_retry_keeps_what_succeeded(pipeline, s3):
    check = "import os, sys; sys.exit(0 if os.path.exists('/opt/ml/processing/input/in1/ok') else 1)"
    pipeline.create(pipeline.step("A"), pipeline.step("B", check, output_of("A"), f"{BUCKET}/flag"))
    s3.objects[f"{BUCKET}/flag/no"] = b""
    arn = pipeline.start()
    assert pipeline.wait(arn)["PipelineExecutionStatus"] == "Failed"
    first = pipeline.steps(arn)["A"]["EndTime"]
    s3.objects[f"{BUCKET}/flag/ok"] = b""
    pipeline.call("RetryPipelineExecution", PipelineExecutionArn=arn)
    done = pipeline.wait(arn)
    assert done["PipelineExecutionStatus"] == "Succeeded"
    assert "FailureReason" not in done
    assert pipeline.steps(arn)["A"]["EndTime"] == first
    with pytest.raises(ConflictException, match="cannot be retried: it is Succeeded"):
        pipeline.call("RetryPipelineExecution", PipelineExecutionArn=arn)


def test_a_retry_policy_tries_again(pipeline, call, monkeypatch):
    from local_aws.core import api
    from local_aws.core.errors import AwsError

    original, tries = api.operations["CreateProcessingJob"], []

    def unstable(ctx, params):
        tries.append(1)
        if len(tries) == 1:
            raise AwsError("ThrottlingException", "Rate exceeded")
        return original(ctx, params)

    monkeypatch.setitem(api.operations, "CreateProcessingJob", unstable)
    policy = {"ExceptionType": ["Step.THROTTLING"], "IntervalSeconds": 1, "BackoffRate": 1.0, "MaxAttempts": 2}
    done = pipeline.run(pipeline.step("A", RetryPolicies=[policy]))
    assert done["PipelineExecutionStatus"] == "Succeeded"
    assert pipeline.steps(done["PipelineExecutionArn"])["A"]["AttemptCount"] == 2


def test_retries_back_off_and_end():
    policies = [{"ExceptionType": ["Step.THROTTLING"], "IntervalSeconds": 2, "BackoffRate": 3.0, "MaxAttempts": 2}]
    retries = Retries(policies)
    assert [retries.delay("Step.THROTTLING") for _ in range(3)] == [2.0, 6.0, None]
    assert Retries(policies).delay("SageMaker.CAPACITY_ERROR") is None
    assert Retries(policies).delay(None) is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"Other": "1"}, "parameter 'Other' is not defined by the pipeline; it has: MinAuc"),
        ({"MinAuc": "high"}, "parameter 'MinAuc': 'high' is not of type Float"),
    ],
)
def test_wrong_parameters_start_nothing(pipeline, call, values, message):
    pipeline.create(*gate(pipeline), parameters=PARAMETERS)
    with pytest.raises(ValidationException, match=message):
        pipeline.start(PipelineParameters=[{"Name": k, "Value": v} for k, v in values.items()])
    assert call("ListPipelineExecutions", PipelineName="loans")["PipelineExecutionSummaries"] == []


def test_the_same_token_starts_once(pipeline):
    pipeline.create(pipeline.step("A"))
    first, second = pipeline.start(ClientRequestToken=TOKEN), pipeline.start(ClientRequestToken=TOKEN)
    assert first == second
    pipeline.wait(first)


def test_parameters_and_definition_of_an_execution_are_kept(pipeline, call):
    pipeline.create(*gate(pipeline), parameters=PARAMETERS)
    arn = pipeline.start(PipelineParameters=[{"Name": "MinAuc", "Value": "0.5"}], PipelineExecutionDisplayName="x")
    pipeline.wait(arn)
    listed = call("ListPipelineParametersForExecution", PipelineExecutionArn=arn)["PipelineParameters"]
    assert listed == [{"Name": "MinAuc", "Value": "0.5"}]
    call("UpdatePipeline", PipelineName="loans", PipelineDefinition=json.dumps(_one_step(pipeline)))
    text = call("DescribePipelineDefinitionForExecution", PipelineExecutionArn=arn)["PipelineDefinition"]
    assert len(json.loads(text)["Steps"]) == 2
    call("UpdatePipelineExecution", PipelineExecutionArn=arn, PipelineExecutionDescription="checked")
    described = call("DescribePipelineExecution", PipelineExecutionArn=arn)
    assert described["PipelineExecutionDescription"] == "checked"
    assert (described["PipelineExecutionDisplayName"], described["PipelineVersionId"]) == ("x", 1)


def _one_step(pipeline) -> dict[str, Any]:
    return {"Version": "2020-12-01", "Steps": [pipeline.step("Only")]}


def test_each_update_is_a_version(pipeline, call):
    arn = pipeline.create(pipeline.step("A"))
    answer = call("UpdatePipeline", PipelineName="loans", PipelineDefinition=json.dumps(_one_step(pipeline)))
    assert answer == {"PipelineArn": arn, "PipelineVersionId": 2}

    def first_step(**params: Any) -> str:
        described = call("DescribePipeline", PipelineName="loans", **params)
        return json.loads(described["PipelineDefinition"])["Steps"][0]["Name"]

    assert (first_step(), first_step(PipelineVersionId=1)) == ("Only", "A")
    versions = call("ListPipelineVersions", PipelineName="loans")["PipelineVersionSummaries"]
    assert [version["PipelineVersionId"] for version in versions] == [2, 1]


def test_a_definition_can_come_from_s3(pipeline, call, s3):
    s3.objects[f"{BUCKET}/definition.json"] = json.dumps(_one_step(pipeline)).encode()
    location = {"Bucket": "bucket", "ObjectKey": "definition.json"}
    call("CreatePipeline", PipelineName="loans", PipelineDefinitionS3Location=location, RoleArn=ROLE)
    assert "Only" in call("DescribePipeline", PipelineName="loans")["PipelineDefinition"]


def test_names_are_unique_and_a_deleted_pipeline_is_gone(pipeline, call):
    pipeline.create(pipeline.step("A"), ClientRequestToken=TOKEN)
    with pytest.raises(ValidationException, match="Pipeline names must be unique within an AWS account and region"):
        pipeline.create(pipeline.step("A"))
    assert pipeline.create(pipeline.step("A"), ClientRequestToken=TOKEN).endswith(":pipeline/loans")
    arn = pipeline.start()
    pipeline.wait(arn)
    call("DeletePipeline", PipelineName="loans")
    with pytest.raises(ResourceNotFound, match="pipeline/loans' does not exist"):
        call("DescribePipeline", PipelineName="loans")
    with pytest.raises(ResourceNotFound):
        call("DescribePipelineExecution", PipelineExecutionArn=arn)


def test_a_running_pipeline_cannot_be_deleted(pipeline, call):
    pipeline.create(pipeline.step("A", "import time; time.sleep(30)"))
    arn = pipeline.start()
    with pytest.raises(ConflictException, match="is Executing; stop it first"):
        call("DeletePipeline", PipelineName="loans")
    call("StopPipelineExecution", PipelineExecutionArn=arn)
    pipeline.wait(arn)


def test_executions_are_listed_newest_first(pipeline, call):
    pipeline.create(pipeline.step("A"))
    arns = [pipeline.start() for _ in range(2)]
    for arn in arns:
        pipeline.wait(arn)
    listed = call("ListPipelineExecutions", PipelineName="loans")["PipelineExecutionSummaries"]
    assert [item["PipelineExecutionArn"] for item in listed] == arns[::-1]


def test_executions_of_a_server_that_ended_become_failed(pipeline, ctx):
    arn = pipeline.run(pipeline.step("A"))["PipelineExecutionArn"]
    execution_rows.change(ctx, arn, {"PipelineExecutionStatus": "Executing"})
    execution_rows.change_step(ctx, arn, "A", {"StepStatus": "Executing"})
    pipeline_runs.fail_interrupted()
    done = pipeline.call("DescribePipelineExecution", PipelineExecutionArn=arn)
    assert done["PipelineExecutionStatus"] == "Failed"
    assert "local AWS was restarted" in done["FailureReason"]
    assert pipeline.steps(arn)["A"]["StepStatus"] == "Failed"


def test_what_a_stopping_server_cuts_off_is_told_at_the_next_start(pipeline):
    pipeline.create(pipeline.step("A", "import time; time.sleep(30)"))
    arn = pipeline.start()
    eventually(lambda: pipeline.steps(arn).get("A", {}).get("StepStatus") == "Executing")
    running = pipeline_runs._running[arn]
    jobs.end_all()
    eventually(lambda: not jobs._running)
    described = pipeline.call("DescribePipelineExecution", PipelineExecutionArn=arn)
    assert described["PipelineExecutionStatus"] == "Executing"  # what a checkpoint saves now
    pipeline_runs._running.clear()
    jobs.fail_interrupted()
    pipeline_runs.fail_interrupted()
    assert pipeline.wait(arn)["PipelineExecutionStatus"] == "Failed"
    assert not running.done.is_set()


def test_rows_are_plain_data(pipeline):
    """What a checkpoint saves must survive being written as JSON with times."""
    pipeline.run(*gate(pipeline), parameters=PARAMETERS)
    for table in store.tables().values():
        json.dumps(list(table.values()), default=lambda time: time.isoformat())


@pytest.mark.parametrize("name", ["pipeline_execution.json", "pipeline_step.json"])
def test_events_have_the_members_of_the_real_ones(pipeline, emitted, name):
    sample = real_sample(f"events/{name}")
    pipeline.run(pipeline.step("A"))
    last = [event for event in emitted if event["detail-type"] == sample["detail-type"]][-1]
    assert set(last["detail"]) == set(sample["detail"])
    if "metadata" in last["detail"]:
        assert set(last["detail"]["metadata"]["processingJob"]) == {"arn"}
    assert len(last["resources"]) == len(sample["resources"])


def test_a_step_costs_little_beside_its_script(pipeline):
    pipeline.create(*(pipeline.step(name) for name in "ABCD"))
    pipeline.wait(pipeline.start())  # warm: shapes are loaded, the way of isolation is known
    began = time.monotonic()
    pipeline.wait(pipeline.start(ParallelismConfiguration={"MaxParallelExecutionSteps": 1}))
    assert (time.monotonic() - began) / 4 < 1.0
