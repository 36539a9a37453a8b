"""The release controller is woken by events that exist, may do what a release takes, and its failures are heard."""

import json

import pytest

from tests.infra.environments import ENVIRONMENTS, flat

CONTROLLER = "ControllerFunctionRole"


def rules(template):
    return {
        each["Properties"]["Description"]: each["Properties"]
        for each in template.resources("AWS::Events::Rule").values()
    }


def test_controller_may_do_exactly_this(templates):
    release = templates("local")["release"]
    region = "eu-west-1:111122223333"
    parameters = f"arn:aws:ssm:{region}:parameter/mlops/local/loan-approval/release"
    stack = f"arn:aws:cloudformation:{region}:stack/mlops-local-loan-approval-serving/*"
    names = ("champion", "challenger", "challenger-weight", "shadow", "failed")
    found = {
        (action, resource)
        for action, resource in release.allowed(release.role(CONTROLLER))
        if not action.startswith(("logs:", "xray:", "kms:", "sns:", "sqs:"))
    }
    assert found == {
        *(("ssm:GetParameter", f"{parameters}/{name}") for name in names),
        *(("ssm:GetParameters", f"{parameters}/{name}") for name in names),
        ("ssm:PutParameter", f"{parameters}/champion"),
        ("ssm:PutParameter", f"{parameters}/failed"),
        ("ssm:LabelParameterVersion", f"{parameters}/champion"),
        ("cloudformation:UpdateStack", stack),
        ("cloudformation:DescribeStacks", stack),
        ("cloudformation:DescribeStackEvents", stack),
        ("sagemaker:ListModelPackages", "*"),
        ("sagemaker:DescribeEndpoint", f"arn:aws:sagemaker:{region}:endpoint/mlops-local-loan-approval"),
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_controller_sends_to_its_topic_and_its_queue_only(environment, templates):
    release = templates(environment)["release"]
    [queue] = release.resources("AWS::SQS::Queue")
    sent = {pair for pair in release.allowed(release.role(CONTROLLER)) if pair[0].startswith(("sns:", "sqs:"))}
    assert sent == {
        ("sns:Publish", f"<mlops-{environment}-foundation:ExportsOutputRefTopicBFC7AF6ECB4A357A>"),
        ("sqs:SendMessage", f"<{queue}>"),
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_function_is_told_what_it_looks_after(environment, templates):
    release = templates(environment)["release"]
    function = release.only("AWS::Lambda::Function")["Properties"]
    base, prefix = f"mlops-{environment}-loan-approval", f"/mlops/{environment}/loan-approval/release"
    variables = dict(function["Environment"]["Variables"])
    assert "Topic" in flat(variables.pop("TOPIC_ARN"))
    assert variables.pop("DEAD_LETTER_QUEUE_URL") == {"Ref": next(iter(release.resources("AWS::SQS::Queue")))}
    assert variables == {
        "ENVIRONMENT": environment,
        "MODEL_PACKAGE_GROUP": base,
        "SERVING_STACK": f"{base}-serving",
        "ENDPOINT_NAME": base,
        "CHAMPION_PARAMETER": f"{prefix}/champion",
        "FAILED_PARAMETER": f"{prefix}/failed",
    }
    assert function["ReservedConcurrentExecutions"] == 1
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["Architectures"] == ["arm64"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_log_group_is_encrypted_and_ends(environment, templates):
    for stack in templates(environment).values():
        for name, each in stack.resources("AWS::Logs::LogGroup").items():
            assert "Key961B73FD" in json.dumps(each["Properties"]["KmsKeyId"]), name
            assert each["Properties"]["RetentionInDays"] in (7, 30, 90, 731), name
        for each in stack.resources("AWS::Lambda::Function").values():
            assert each["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] in stack.resources("AWS::Logs::LogGroup")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_package_changes_of_this_group_wake_it(environment, templates):
    patterns = [each.get("EventPattern", {}) for each in rules(templates(environment)["release"]).values()]
    assert {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": [f"mlops-{environment}-loan-approval"]},
    } in patterns


def test_the_end_of_any_operation_on_the_serving_stack_wakes_it(templates):
    [pattern] = [
        each["EventPattern"]
        for each in rules(templates("local")["release"]).values()
        if each.get("EventPattern", {}).get("source") == ["aws.cloudformation"]
    ]
    assert pattern["detail-type"] == ["CloudFormation Stack Status Change"]
    assert pattern["detail"]["stack-id"] == [
        {"prefix": "arn:aws:cloudformation:eu-west-1:111122223333:stack/mlops-local-loan-approval-serving/"}
    ]
    statuses = pattern["detail"]["status-details"]["status"]
    assert {"UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED", "CREATE_COMPLETE"} <= set(statuses)
    assert not [status for status in statuses if "IN_PROGRESS" in status or "DELETE" in status]


@pytest.mark.parametrize(("environment", "rate"), [("local", "rate(1 minute)"), ("prod", "rate(15 minutes)")])
def test_a_schedule_catches_what_events_lost(environment, rate, templates):
    schedules = [each.get("ScheduleExpression") for each in rules(templates(environment)["release"]).values()]
    assert rate in schedules


def test_sagemaker_event_types_are_ones_that_aws_sends(templates, shared_fixtures):
    known = (shared_fixtures / "events" / "sagemaker_event_types_list.txt").read_text().splitlines()
    for each in rules(templates("prod")["release"]).values():
        pattern = each.get("EventPattern", {})
        if pattern.get("source") == ["aws.sagemaker"]:
            assert set(pattern["detail-type"]) <= set(known)


def test_package_rule_looks_at_fields_that_real_events_have(templates, shared_fixtures):
    sample = json.loads((shared_fixtures / "events" / "model_package.json").read_text())
    for each in rules(templates("prod")["release"]).values():
        pattern = each.get("EventPattern", {})
        if pattern.get("source") == ["aws.sagemaker"]:
            assert pattern["detail-type"] == [sample["detail-type"]]
            assert set(pattern["detail"]) <= set(sample["detail"])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_nothing_that_fails_is_lost(environment, templates):
    """Undelivered events, failed invocations and malformed events all end in one alarmed queue."""
    release = templates(environment)["release"]
    [queue] = release.resources("AWS::SQS::Queue")
    arn = {"Fn::GetAtt": [queue, "Arn"]}
    for each in rules(release).values():
        [target] = each["Targets"]
        assert target["DeadLetterConfig"] == {"Arn": arn}
    invoke = release.only("AWS::Lambda::EventInvokeConfig")["Properties"]
    assert invoke["DestinationConfig"] == {"OnFailure": {"Destination": arn}}
    properties = release.only("AWS::SQS::Queue")["Properties"]
    assert properties["MessageRetentionPeriod"] == 1209600
    assert "Key961B73FD" in json.dumps(properties["KmsMasterKeyId"])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_people_hear_of_dead_letters_and_failing_runs(environment, templates):
    alarms = templates(environment)["release"].resources("AWS::CloudWatch::Alarm").values()
    assert {each["Properties"]["MetricName"] for each in alarms} == {
        "ApproximateNumberOfMessagesVisible",
        "Errors",
    }
    for each in alarms:
        [action] = each["Properties"]["AlarmActions"]
        assert "Topic" in action["Fn::ImportValue"]
        assert each["Properties"]["Threshold"] == 0


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_only_these_rules_and_this_accounts_events_reach_the_queue(environment, templates):
    release = templates(environment)["release"]
    statements = release.only("AWS::SQS::QueuePolicy")["Properties"]["PolicyDocument"]["Statement"]
    denied = [each for each in statements if each["Effect"] == "Deny"]
    assert [each["Condition"] for each in denied] == [{"Bool": {"aws:SecureTransport": "false"}}]
    for each in statements:
        if each["Effect"] == "Allow":
            assert each["Principal"] == {"Service": "events.amazonaws.com"}
            assert "aws:SourceArn" in json.dumps(each["Condition"])
