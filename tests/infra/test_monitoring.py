"""The monitoring pipeline runs after each window, as a role that reads what was seen and writes what was found."""

import json
import re

import pytest

from tests.infra.environments import ENVIRONMENTS, flat

LOCAL = "eu-west-1:111122223333"
BASE = "mlops-local-loan-approval"
ROLE, STARTER = "MonitoringRole", "ScheduleRole"


def definition(template):
    """The pipeline's definition; values that only the deployment knows show as `<…>`."""
    body = template.only("AWS::SageMaker::Pipeline")["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]
    return json.loads(flat(body))


def statement(template, role, action):
    [found] = [each for each in template.statements(template.role(role)) if action in str(each["Action"])]
    return found


def below(template, action):
    """Bucket and prefix of what the role may do `action` to."""
    arns = {arn for each, arn in template.allowed(template.role(ROLE)) if each == action}
    found = {re.sub(r"<.*GetAtt(Capture|Artifacts).*>", r"\1", arn) for arn in arns if arn.endswith("/*")}
    return {arn.removeprefix("arn:<AWS::Partition>:s3:::") for arn in found}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_pipeline_has_the_name_that_people_use_and_runs_as_its_own_role(environment, templates):
    monitoring = templates(environment)["monitoring"]
    pipeline = monitoring.only("AWS::SageMaker::Pipeline")
    assert pipeline["Properties"]["PipelineName"] == f"mlops-{environment}-loan-approval-monitoring"
    role = {"Fn::GetAtt": [monitoring.role(ROLE), "Arn"]}
    assert pipeline["Properties"]["RoleArn"] == role
    assert (
        next(name for name in monitoring.resources("AWS::IAM::Policy") if name.startswith(ROLE))
        in (pipeline["DependsOn"])
    )
    assert {step["Type"] for step in definition(monitoring)["Steps"]} == {"Processing"}


def test_settings_reach_the_steps(templates):
    monitoring = templates("prod")["monitoring"]
    steps = {step["Name"]: step["Arguments"] for step in definition(monitoring)["Steps"]}
    assert set(steps) == {"WatchInputs", "WatchOutcomes", "Report"}

    def told(step, option):
        arguments = steps[step]["AppSpecification"]["ContainerArguments"]
        return arguments[arguments.index(option) + 1]

    assert told("WatchInputs", "--window-hours") == "24"
    assert told("WatchInputs", "--delay-minutes") == "60"
    assert told("WatchInputs", "--min-rows") == "200"
    assert told("WatchOutcomes", "--matures-after-days") == "730"
    assert told("Report", "--schedule-name") == "mlops-prod-loan-approval-monitoring"
    assert (told("Report", "--breaches"), told("Report", "--of")) == ("3", "4")
    assert told("WatchInputs", "--endpoint") == "mlops-prod-loan-approval"
    assert told("WatchInputs", "--champion-parameter") == "/mlops/prod/loan-approval/release/champion"
    assert told("WatchInputs", "--capture").endswith(">/loan_approval")
    assert told("WatchInputs", "--results").endswith(">/loan_approval/monitoring")


def test_jobs_have_the_monitors_resources_and_not_those_of_training(templates):
    """local.toml stops a job of the monitors after 900 s; training keeps the hour of base.toml."""
    for step in definition(templates("local")["monitoring"])["Steps"]:
        assert step["Arguments"]["StoppingCondition"] == {"MaxRuntimeInSeconds": 900}
    training = definition(templates("local")["training"])
    assert training["Steps"][0]["Arguments"]["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600}


def test_role_may_do_exactly_this(templates):
    monitoring = templates("local")["monitoring"]
    jobs = f"arn:aws:sagemaker:{LOCAL}:processing-job/pipelines-*"
    role = monitoring.role(ROLE)
    found = {
        (action, arn)
        for action, arn in monitoring.allowed(role)
        if not action.startswith(("s3:", "logs:", "ecr:", "kms:"))
    }
    assert found == {
        *((f"sagemaker:{each}ProcessingJob", jobs) for each in ("Create", "Describe", "Stop")),
        ("sagemaker:AddTags", jobs),
        ("iam:PassRole", f"<{role}>"),
        ("ssm:GetParameter", f"arn:aws:ssm:{LOCAL}:parameter/mlops/local/loan-approval/release/champion"),
        ("sagemaker:DescribeModelPackage", f"arn:aws:sagemaker:{LOCAL}:model-package/{BASE}/*"),
        ("events:PutEvents", f"arn:aws:events:{LOCAL}:event-bus/default"),
        ("cloudwatch:PutMetricData", "*"),
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_its_figures_and_its_events_are_its_own(environment, templates):
    monitoring = templates(environment)["monitoring"]
    assert statement(monitoring, ROLE, "cloudwatch:PutMetricData")["Condition"] == {
        "StringLike": {
            "cloudwatch:namespace": ["aws/sagemaker/Endpoints/data-metrics", "/aws/sagemaker/ProcessingJobs"]
        }
    }
    assert statement(monitoring, ROLE, "events:PutEvents")["Condition"] == {
        "StringEquals": {
            "events:source": "mlops.monitoring",
            "events:detail-type": "Model Monitoring Run Completed",
        }
    }
    assert statement(monitoring, ROLE, "iam:PassRole")["Condition"] == {
        "StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}
    }


@pytest.mark.parametrize("environment", ["local", "dev", "staging"])
def test_role_reads_its_models_data_and_writes_only_findings(environment, templates):
    monitoring = templates(environment)["monitoring"]
    assert below(monitoring, "s3:GetObject") == {"Capture/loan_approval/*", "Artifacts/loan_approval/*"}
    assert below(monitoring, "s3:PutObject") == {"Artifacts/loan_approval/monitoring/*"}


def test_production_reads_the_champions_artifacts_where_they_were_made(templates):
    monitoring = templates("prod")["monitoring"]
    source = {
        each["Default"] for each in monitoring.body["Parameters"].values() if "/staging/foundation/" in each["Default"]
    }
    assert source == {"/mlops/staging/foundation/artifacts-bucket", "/mlops/staging/foundation/key"}
    read = below(monitoring, "s3:GetObject")
    assert {"Capture/loan_approval/*", "Artifacts/loan_approval/monitoring/*"} <= read
    [elsewhere] = read - {"Capture/loan_approval/*", "Artifacts/loan_approval/monitoring/*"}
    assert elsewhere.startswith("<SsmParameterValuemlopsstagingfoundationartifactsbucket")
    assert elsewhere.endswith(">/loan_approval/*")
    described = {
        arn for each, arn in monitoring.allowed(monitoring.role(ROLE)) if each == "sagemaker:DescribeModelPackage"
    }
    assert [arn.partition("model-package/")[2] for arn in described] == ["mlops-staging-loan-approval/*"]


def test_role_reads_one_object_of_the_bootstrap_bucket(templates):
    monitoring = templates("staging")["monitoring"]
    [code] = [
        arn
        for action, arn in monitoring.allowed(monitoring.role(ROLE))
        if action == "s3:GetObject" and "cdk-hnb659fds-assets" in arn
    ]
    assert re.fullmatch(r".*/[0-9a-f]{64}\.tar\.gz", code)


def schedule(template):
    return template.only("AWS::Scheduler::Schedule")["Properties"]


@pytest.mark.parametrize(("environment", "cron"), [("local", "cron(0 1 * * ? *)"), ("prod", "cron(0 1 * * ? *)")])
def test_it_runs_once_a_window_some_time_after_its_end(environment, cron, templates):
    found = schedule(templates(environment)["monitoring"])
    assert (found["ScheduleExpression"], found["ScheduleExpressionTimezone"]) == (cron, "UTC")
    assert (found["State"], found["FlexibleTimeWindow"]) == (
        "ENABLED",
        {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
    )


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_request_is_one_that_sagemaker_takes_and_says_which_time_was_meant(environment, templates):
    """Scheduler replaces its attributes and passes the rest on as it is."""
    from mlops_constructs.definition_arguments import _check
    from mlops_constructs.definition_expressions import Scope
    from mlops_constructs.definition_shapes import request_shape

    monitoring = templates(environment)["monitoring"]
    target = schedule(monitoring)["Target"]
    assert flat(target["Arn"]).endswith(":scheduler:::aws-sdk:sagemaker:startPipelineExecution")
    text = target["Input"].replace("<aws.scheduler.scheduled-time>", "2026-11-21T01:00:00Z")
    # Nothing of it differs between two attempts at one time, so that SageMaker knows the second one by its token.
    assert "<aws" not in text
    request = json.loads(text)
    assert "2026-11-21T01:00:00Z" in request["ClientRequestToken"]
    assert list(_check(request, request_shape("StartPipelineExecution"), "", Scope({}, {}))) == []
    pipeline = monitoring.only("AWS::SageMaker::Pipeline")["Properties"]["PipelineName"]
    assert request["PipelineName"] == pipeline
    declared = {each["Name"] for each in definition(monitoring)["Parameters"]}
    assert request["PipelineParameters"] == [{"Name": "ScheduledTime", "Value": "2026-11-21T01:00:00Z"}]
    assert "ScheduledTime" in declared


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_could_not_be_started_is_kept(environment, templates):
    monitoring = templates(environment)["monitoring"]
    target = schedule(monitoring)["Target"]
    [queue] = [name for name in monitoring.resources("AWS::SQS::Queue") if name.startswith("Schedule")]
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": [queue, "Arn"]}}
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 7200, "MaximumRetryAttempts": 10}


def test_the_schedule_starts_this_pipeline_and_does_nothing_else(templates):
    monitoring = templates("local")["monitoring"]
    allowed = {
        pair for pair in monitoring.allowed(monitoring.role(STARTER)) if not pair[0].startswith(("kms:", "sqs:"))
    }
    assert allowed == {("sagemaker:StartPipelineExecution", f"arn:aws:sagemaker:{LOCAL}:pipeline/{BASE}-monitoring")}
    [trust] = monitoring.resources("AWS::IAM::Role")[monitoring.role(STARTER)]["Properties"][
        "AssumeRolePolicyDocument"
    ]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {
            "aws:SourceAccount": "111122223333",
            "aws:SourceArn": "arn:aws:scheduler:eu-west-1:111122223333:schedule-group/default",
        }
    }
