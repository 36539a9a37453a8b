"""Batch scoring: the champion's jobs, from one prefix to another, on schedule if the configuration has one."""

import json
import shutil
from functools import cache

import pytest

from tests.infra.environments import ENVIRONMENTS, ROOT, Template, add_some, flat, new_app

BATCH = "BatchFunctionRole"
FOLDER = "loan_approval/batch"
SCHEDULED = 'schedule = "cron(0 3 * * ? *)"\ninstance_type = "ml.g5.xlarge"'
"""On schedule, and on hardware that encrypts its volumes itself."""


@pytest.fixture(scope="module")
def configured(tmp_path_factory):
    """The dev environment's templates, serving and release, with more lines in its file."""

    @cache
    def synthesize(lines):
        from cdk_nag import AwsSolutionsChecks

        from stacks.settings import load

        folder = tmp_path_factory.mktemp("batch")
        shutil.copytree(ROOT / "config", folder / "config")
        with (folder / "config" / "dev.toml").open("a") as dev:
            dev.write(f"\n[model_defaults.batch]\n{lines}\n")
        app = new_app(folder / "cdk.out")
        add_some(app, load(folder / "config", "dev"), "serving", "release")
        stacks = {stack.stack_name: Template(stack.template) for stack in app.synth().stacks}
        violations = [each.rule_name for each in AwsSolutionsChecks(app).validate_scope(app).violations]
        assert violations == []
        return {kind: stacks[f"mlops-dev-loan-approval-{kind}"] for kind in ("serving", "release")}

    return synthesize


def function(release):
    [found] = [
        each["Properties"]
        for name, each in release.resources("AWS::Lambda::Function").items()
        if name.startswith("BatchFunction")
    ]
    return found


def rules(release):
    return {
        each["Properties"]["Description"]: each["Properties"]
        for name, each in release.resources("AWS::Events::Rule").items()
        if name.startswith("Batch")
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_function_may_do_exactly_this(environment, templates):
    release = templates(environment)["release"]
    found = {
        (action, resource.replace("eu-west-1:111122223333", "<AWS::Region>:<AWS::AccountId>"))
        for action, resource in release.allowed(release.role(BATCH))
        if not action.startswith(("logs:", "xray:", "kms:", "sns:", "sqs:"))
    }
    base = f"mlops-{environment}-loan-approval"
    account = "<AWS::Region>:<AWS::AccountId>"
    partition = "aws" if environment == "local" else "<AWS::Partition>"
    [bucket] = [resource for action, resource in found if action == "s3:ListBucket"]
    assert "Data" in bucket
    assert found == {
        ("cloudformation:DescribeStacks", f"arn:{partition}:cloudformation:{account}:stack/{base}-serving/*"),
        ("sagemaker:CreateTransformJob", f"arn:{partition}:sagemaker:{account}:transform-job/{base}--*"),
        ("sagemaker:AddTags", f"arn:{partition}:sagemaker:{account}:transform-job/{base}--*"),
        ("s3:ListBucket", bucket),
    }


def test_it_lists_the_input_only(templates):
    release = templates("prod")["release"]
    [listing] = [each for each in release.statements(release.role(BATCH)) if each["Action"] == "s3:ListBucket"]
    assert listing["Condition"] == {"StringLike": {"s3:prefix": [f"{FOLDER}/input/*"]}}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_jobs_may_read_the_input_and_write_the_output(environment, templates):
    """They run as the model's own role."""
    serving = templates(environment)["serving"]
    role = serving.role("Role")
    data = {
        (action, resource.split(">/")[1])
        for action, resource in serving.allowed(role)
        if action.startswith("s3:") and "Data" in resource and ">/" in resource
    }
    assert data == {
        ("s3:GetObject", f"{FOLDER}/input/*"),
        ("s3:PutObject", f"{FOLDER}/output/*"),
        ("s3:AbortMultipartUpload", f"{FOLDER}/output/*"),
    }
    assert {action for action, _ in serving.allowed(role)} >= {"kms:Encrypt", "kms:CreateGrant"}
    logged = {resource for action, resource in serving.allowed(role) if action == "logs:PutLogEvents"}
    assert any(resource.endswith("log-group:/aws/sagemaker/TransformJobs*") for resource in logged)


def test_function_reads_every_variable_that_it_gets(templates):
    from tests.unit.lambdas.conftest import LAMBDAS, load_folder

    modules = load_folder(LAMBDAS / "batch_scoring", "batch_scoring_infra")
    variables = function(templates("prod")["release"])["Environment"]["Variables"]
    texts = {name: flat(value) for name, value in variables.items()}
    settings = modules.gateway.Settings.read(texts)
    assert set(texts) == {name.upper() for name in vars(settings)}
    assert (settings.project, settings.environment, settings.model) == ("mlops", "prod", "loan-approval")
    assert settings.input_uri.endswith(f">/{FOLDER}/input/")
    assert settings.output_uri.endswith(f">/{FOLDER}/output/")
    assert settings.resources.output_key == settings.resources.volume_key != ""


def test_no_schedule_no_rule_but_failed_jobs_are_heard_of(templates):
    found = rules(templates("prod")["release"])
    assert {name: each["EventPattern"] for name, each in found.items()} == {
        "A transform job of mlops-prod-loan-approval failed or was stopped": {
            "source": ["aws.sagemaker"],
            "detail-type": ["SageMaker Transform Job State Change"],
            "detail": {
                "TransformJobName": [{"prefix": "mlops-prod-loan-approval--"}],
                "TransformJobStatus": ["Failed", "Stopped"],
            },
        }
    }


def test_rule_on_jobs_looks_at_fields_that_real_events_have(templates, shared_fixtures):
    sample = json.loads((shared_fixtures / "events" / "transform_job.json").read_text())
    [rule] = rules(templates("prod")["release"]).values()
    assert rule["EventPattern"]["detail-type"] == [sample["detail-type"]]
    assert set(rule["EventPattern"]["detail"]) <= set(sample["detail"])


def test_a_schedule_of_the_configuration_starts_it(configured):
    release = configured(SCHEDULED)["release"]
    [scheduled] = [each for each in rules(release).values() if "ScheduleExpression" in each]
    assert scheduled["ScheduleExpression"] == "cron(0 3 * * ? *)"
    [name] = [name for name in release.resources("AWS::Lambda::Function") if name.startswith("BatchFunction")]
    assert scheduled["Targets"][0]["Arn"] == {"Fn::GetAtt": [name, "Arn"]}
    for each in rules(release).values():
        assert each["Targets"][0]["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0].startswith("BatchDeadLetters")


def test_no_key_for_volumes_that_hardware_encrypts(configured):
    release = configured(SCHEDULED)["release"]
    resources = json.loads(flat(function(release)["Environment"]["Variables"]["RESOURCES"]))
    assert resources["volume_key"] == ""
    assert resources["output_key"] != ""


def test_switched_off_it_leaves_nothing_behind(configured):
    stacks = configured("enabled = false")
    assert not [name for name in stacks["release"].body["Resources"] if name.startswith("Batch")]
    assert "batch" not in json.dumps(stacks["serving"].body)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_people_hear_of_what_it_cannot_handle(environment, templates):
    alarms = {
        each["Properties"]["MetricName"]: each["Properties"]
        for name, each in templates(environment)["release"].resources("AWS::CloudWatch::Alarm").items()
        if name.startswith("Batch")
    }
    assert set(alarms) == {"ApproximateNumberOfMessagesVisible", "Errors"}
    for each in alarms.values():
        [action] = each["AlarmActions"]
        assert "Topic" in action["Fn::ImportValue"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_command_line_finds_the_function_by_an_output(environment, templates):
    release = templates(environment)["release"]
    [name] = [name for name in release.resources("AWS::Lambda::Function") if name.startswith("BatchFunction")]
    assert release.body["Outputs"]["BatchFunctionName"]["Value"] == {"Ref": name}
