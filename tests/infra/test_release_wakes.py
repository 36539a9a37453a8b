"""What wakes a release controller: the events that AWS sends about its own model, and no others."""

import copy

import pytest

from tests.infra.environments import ENVIRONMENTS
from tests.infra.event_patterns import matches
from tests.real_samples import sample

REGION, ACCOUNT = "eu-west-1", "111122223333"  # what config/local.toml pins, so that ARNs are whole
BASE = "mlops-local-loan-approval"
STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{BASE}-serving/0a1b2c3d"
ALARM = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{BASE}-serving-ServingChampionLatency-1A2B"
PARAMETERS = "/mlops/local/loan-approval/release"
CONTROLLER = "ControllerWakes"


def rules(template):
    """Patterns by what the rules are called in the construct."""
    return {
        name.removeprefix(CONTROLLER).rstrip("0123456789ABCDEF"): each["Properties"]
        for name, each in template.resources("AWS::Events::Rule").items()
        if name.startswith(CONTROLLER)
    }


def pattern(templates, rule):
    return rules(templates("local")["release"])[rule]["EventPattern"]


def make(source, detail_type, resources, **detail):
    return {"source": source, "detail-type": detail_type, "resources": resources, "detail": detail}


def stack_event(arn, status):
    """CloudFormation user guide: event detail, stack status change."""
    details = {"status": status, "status-reason": ""}
    detail = {"stack-id": arn, "status-details": details, "client-request-token": ""}
    return make("aws.cloudformation", "CloudFormation Stack Status Change", [arn], **detail)


def alarm_event(arn, state):
    """CloudWatch user guide: alarm events and EventBridge."""
    detail = {"alarmName": arn.rpartition(":")[2], "state": {"value": state}, "previousState": {"value": "OK"}}
    return make("aws.cloudwatch", "CloudWatch Alarm State Change", [arn], **detail)


def parameter_event(name, operation):
    """Systems Manager user guide: event examples, Parameter Store."""
    arn = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{name}"
    return make("aws.ssm", "Parameter Store Change", [arn], name=name, operation=operation, type="String")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_wake_reaches_the_controller(environment, templates):
    release = templates(environment)["release"]
    [function] = [name for name in release.resources("AWS::Lambda::Function") if name.startswith("ControllerFunction")]
    found = rules(release)
    assert {"PackageChanged", "StackSettled", "EndpointSettled", "AlarmRaised", "PersonAsked", "Schedule"} <= set(found)
    for each in found.values():
        assert [target["Arn"] for target in each["Targets"]] == [{"Fn::GetAtt": [function, "Arn"]}]


@pytest.mark.parametrize(
    "name", ["model_package.json", "model_package_2025_with_UpdatedModelPackageFields.repaired.json"]
)
def test_a_real_event_of_a_version_wakes_it_if_the_group_is_its_own(name, templates):
    registered = pattern(templates, "PackageChanged")
    theirs = sample(f"events/{name}")
    ours = copy.deepcopy(theirs)
    ours["detail"]["ModelPackageGroupName"] = BASE
    assert matches(registered, ours)
    assert not matches(registered, theirs)


def test_a_real_event_of_an_endpoint_wakes_it_if_it_is_its_own_and_at_rest(templates):
    settled = pattern(templates, "EndpointSettled")
    theirs = sample("events/endpoint_state.json")
    ours = copy.deepcopy(theirs)
    ours["detail"]["EndpointName"] = BASE
    assert matches(settled, ours)
    assert not matches(settled, theirs)
    ours["detail"]["EndpointStatus"] = "UPDATING"
    assert not matches(settled, ours)


@pytest.mark.parametrize("name", ["endpoint_deployment.repaired.json", "training_job.json", "pipeline_step.json"])
def test_other_real_events_of_sagemaker_wake_nobody(name, templates):
    event = sample(f"events/{name}")
    found = [each for each in rules(templates("local")["release"]).values() if "EventPattern" in each]
    assert not [each for each in found if matches(each["EventPattern"], event)]


@pytest.mark.parametrize(
    ("arn", "status", "expected"),
    [
        (STACK, "UPDATE_COMPLETE", True),
        (STACK, "UPDATE_ROLLBACK_COMPLETE", True),
        (STACK, "UPDATE_ROLLBACK_FAILED", True),
        (STACK, "CREATE_COMPLETE", True),
        (STACK, "UPDATE_IN_PROGRESS", False),
        (STACK, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", False),
        (STACK, "DELETE_COMPLETE", False),
        (STACK.replace("-serving/", "-serving-too/"), "UPDATE_COMPLETE", False),
    ],
)
def test_the_end_of_an_operation_on_the_serving_stack_wakes_it(arn, status, expected, templates):
    assert matches(pattern(templates, "StackSettled"), stack_event(arn, status)) is expected


@pytest.mark.parametrize(
    ("arn", "state", "expected"),
    [
        (ALARM, "ALARM", True),
        (ALARM, "OK", False),
        (ALARM, "INSUFFICIENT_DATA", False),
        (ALARM.replace("serving", "release"), "ALARM", False),
    ],
)
def test_an_alarm_of_the_serving_stack_wakes_it(arn, state, expected, templates):
    assert matches(pattern(templates, "AlarmRaised"), alarm_event(arn, state)) is expected


@pytest.mark.parametrize(
    ("name", "operation", "expected"),
    [
        (f"{PARAMETERS}/command", "Update", True),
        (f"{PARAMETERS}/allowed", "Update", True),
        (f"{PARAMETERS}/allowed", "Create", True),
        (f"{PARAMETERS}/command", "Delete", False),
        (f"{PARAMETERS}/champion", "Update", False),
        ("/mlops/local/other/release/command", "Update", False),
    ],
)
def test_what_people_write_wakes_it_and_what_it_writes_itself_does_not(name, operation, expected, templates):
    assert matches(pattern(templates, "PersonAsked"), parameter_event(name, operation)) is expected


def test_outcomes_wake_it_where_looks_are_more_frequent_than_the_schedule(templates):
    arrived = pattern(templates, "OutcomesArrived")
    [bucket] = arrived["detail"]["bucket"]["name"]
    assert "Capture" in bucket["Fn::ImportValue"]
    arrived = copy.deepcopy(arrived)
    arrived["detail"]["bucket"]["name"] = ["capture"]

    def put(bucket, key):
        """S3 user guide: EventBridge event message structure."""
        detail = {"bucket": {"name": bucket}, "object": {"key": key, "size": 1}, "reason": "PutObject"}
        return make("aws.s3", "Object Created", [f"arn:aws:s3:::{bucket}"], **detail)

    assert matches(arrived, put("capture", "loan_approval/ground-truth/2026/11/21/12/a.jsonl"))
    assert not matches(arrived, put("artifacts", "loan_approval/ground-truth/2026/11/21/12/a.jsonl"))
    assert not matches(arrived, put("capture", f"loan_approval/{BASE}/champion/2026/11/21/12/a.jsonl"))


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_outcomes_do_not_wake_it_where_the_schedule_is_frequent_enough(environment, templates):
    """Thousands of files an hour would keep it from what matters; or nothing is compared there at all."""
    assert "OutcomesArrived" not in rules(templates(environment)["release"])


def test_production_hears_of_versions_where_they_are_registered(templates):
    registered = rules(templates("prod")["release"])["PackageChanged"]["EventPattern"]
    assert registered["detail"] == {"ModelPackageGroupName": ["mlops-staging-loan-approval"]}


@pytest.mark.parametrize(("environment", "rate"), [("local", "rate(1 minute)"), ("prod", "rate(15 minutes)")])
def test_a_schedule_catches_what_events_lost(environment, rate, templates):
    assert rules(templates(environment)["release"])["Schedule"]["ScheduleExpression"] == rate


def test_sagemaker_event_types_are_ones_that_aws_sends(templates, shared_fixtures):
    known = (shared_fixtures / "events" / "sagemaker_event_types_list.txt").read_text().splitlines()
    for each in templates("prod")["release"].resources("AWS::Events::Rule").values():
        found = each["Properties"].get("EventPattern", {})
        if found.get("source") == ["aws.sagemaker"]:
            assert set(found["detail-type"]) <= set(known)
