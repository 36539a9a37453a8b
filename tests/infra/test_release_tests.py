"""Released versions are tested by a function that can ask one endpoint and note one verdict, and no more."""

import json
import shutil

import pytest

from tests.infra.environments import ENVIRONMENTS, ROOT, flat, new_app

TESTS = "TestsFunctionRole"
REGION = "<AWS::Region>:<AWS::AccountId>"
GROUP = "mlops-staging-loan-approval"


@pytest.fixture(scope="module")
def release(templates):
    return templates("staging")["release"]


@pytest.fixture(scope="module")
def function(release):
    [found] = [
        each["Properties"]
        for name, each in release.resources("AWS::Lambda::Function").items()
        if name.startswith("TestsFunction")
    ]
    return found


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_there_is_one_where_the_configuration_says_so(environment, templates):
    functions = templates(environment)["release"].resources("AWS::Lambda::Function")
    assert any(name.startswith("TestsFunction") for name in functions) == (environment == "staging")


def test_it_may_do_exactly_this(release):
    found = {
        (action, resource)
        for action, resource in release.allowed(release.role(TESTS))
        if not action.startswith(("logs:", "xray:", "kms:", "sns:", "sqs:"))
    }
    packages = f"arn:<AWS::Partition>:sagemaker:{REGION}:model-package/{GROUP}/*"
    [samples] = [resource for action, resource in found if action == "s3:GetObject"]
    assert samples.startswith("arn:<AWS::Partition>:s3:::cdk-")
    assert samples.endswith(".zip")
    assert found == {
        ("sagemaker:InvokeEndpoint", f"arn:<AWS::Partition>:sagemaker:{REGION}:endpoint/{GROUP}"),
        ("sagemaker:DescribeModelPackage", packages),
        ("sagemaker:UpdateModelPackage", packages),
        ("cloudformation:DescribeStacks", f"arn:<AWS::Partition>:cloudformation:{REGION}:stack/{GROUP}-serving/*"),
        ("s3:GetObject", samples),
    }


def test_it_cannot_approve_what_it_tests(release):
    [update] = [
        each for each in release.statements(release.role(TESTS)) if each["Action"] == "sagemaker:UpdateModelPackage"
    ]
    assert update["Condition"]["Null"]["sagemaker:ModelApprovalStatus"] == "true"


def test_it_is_told_what_it_tests_and_how_hard(function):
    variables = {name: value for name, value in function["Environment"]["Variables"].items() if isinstance(value, str)}
    assert {name: variables[name] for name in variables if name not in ("LIMITS", "SAMPLES_KEY")} == {
        "ENVIRONMENT": "staging",
        "MODEL_PACKAGE_GROUP": GROUP,
        "ENDPOINT_NAME": GROUP,
        "SERVING_STACK": f"{GROUP}-serving",
        "EVIDENCE_KEY": "staging-tests",
    }
    assert set(json.loads(variables["LIMITS"])) == {"requests", "concurrency", "max_error_percent", "max_p95_ms"}
    assert "cdk-" in flat(function["Environment"]["Variables"]["SAMPLES_BUCKET"])


def test_function_reads_every_variable_that_it_gets(function):
    """The handler's own settings can be made from the template's variables."""
    from tests.unit.lambdas.conftest import LAMBDAS, load_folder

    modules = load_folder(LAMBDAS / "release_tests", "release_tests_infra")
    texts = {name: flat(value) for name, value in function["Environment"]["Variables"].items()}
    settings = modules.gateway.Settings.read({**texts, "AWS_LAMBDA_FUNCTION_NAME": "f"})
    assert settings.limits.requests > 0
    assert set(texts) == {name.upper() for name in vars(settings)} - {"FUNCTION_NAME"}


def test_it_has_the_time_and_the_processor_for_a_load(function):
    assert (function["Timeout"], function["MemorySize"]) == (900, 1769)
    assert function["ReservedConcurrentExecutions"] == 1


def test_what_it_cannot_handle_is_kept_and_alarmed(release):
    [queue] = [name for name in release.resources("AWS::SQS::Queue") if name.startswith("TestsDeadLetters")]
    [invoke] = [
        each["Properties"]
        for name, each in release.resources("AWS::Lambda::EventInvokeConfig").items()
        if name.startswith("TestsFunction")
    ]
    assert invoke["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": [queue, "Arn"]}
    alarms = {
        each["Properties"]["MetricName"]: each["Properties"]
        for name, each in release.resources("AWS::CloudWatch::Alarm").items()
        if name.startswith("Tests")
    }
    assert set(alarms) == {"ApproximateNumberOfMessagesVisible", "Errors"}
    for each in alarms.values():
        [action] = each["AlarmActions"]
        assert "Topic" in action["Fn::ImportValue"]


@pytest.mark.parametrize("missing", ["requests.jsonl", "response.schema.json"])
def test_missing_samples_are_named_at_synth(missing, tmp_path):
    from mlops_constructs.errors import SettingRefusedError
    from stacks.environment import add_stacks
    from stacks.settings import load

    code = tmp_path / "pipeline_code"
    shutil.copytree(ROOT / "pipeline_code", code, ignore=shutil.ignore_patterns("__pycache__"))
    (code / "loan_approval" / "samples" / missing).unlink()
    with pytest.raises(SettingRefusedError) as error:
        add_stacks(new_app(tmp_path / "out"), load(ROOT / "config", "staging"), code_root=code)
    assert error.value.key == "models.loan_approval.release.tests"
    assert error.value.allowed == f"false, or loan_approval/samples/{missing} must be there"


def test_people_find_the_function_by_an_output(release):
    [name] = [name for name in release.resources("AWS::Lambda::Function") if name.startswith("TestsFunction")]
    assert release.body["Outputs"]["TestsFunctionName"]["Value"] == {"Ref": name}
