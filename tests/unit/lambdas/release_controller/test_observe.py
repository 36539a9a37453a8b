"""What is observed: against moto, and against recorded answers where moto cannot play the service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from tests.unit.lambdas.release_controller.names import GROUP, STACK, STACK_ID, P, arn

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SUMMARY = {"ModelPackageGroupName": GROUP, "CreationTime": NOW, "ModelPackageName": GROUP}


def describe(aws, outputs=None, **stack):
    listed = [{"OutputKey": key, "OutputValue": value} for key, value in (outputs or {}).items()]
    found = {"StackName": STACK, "CreationTime": NOW, "StackStatus": "UPDATE_COMPLETE", "Outputs": listed, **stack}
    aws.cloudformation.add_response("describe_stacks", {"Stacks": [found]}, {"StackName": STACK})


def event(token, status, minutes, *, resource=STACK, reason=""):
    return {
        "StackId": STACK_ID,
        "EventId": f"{token}-{minutes}-{resource}",
        "StackName": STACK,
        "LogicalResourceId": resource,
        "ResourceStatus": status,
        "Timestamp": NOW + timedelta(minutes=minutes),
        "ClientRequestToken": token,
        **({"ResourceStatusReason": reason} if reason else {}),
    }


def observe(aws):
    return aws.gateway.observer.observe()


def look(aws, seen, at, of=""):
    return aws.gateway.observer.look(seen, aws.modules.state.Look(at, of))


def test_observes_what_the_stack_deployed(parameters):
    outputs = {
        "ChampionPackage": arn(1),
        "ChallengerPackage": arn(2),
        "ShadowPackage": "none",
        "ChallengerScaled": "true",
        "EndpointName": GROUP,
        "EndpointConfigName": "config-1",
        "ChampionAlarms": "a,b",
        "ChallengerAlarms": "c",
    }
    keys = [{"ParameterKey": key, "ParameterValue": "name"} for key in ("ChampionPackage", "ShadowPackage")]
    describe(parameters, outputs, Parameters=keys)
    stack = observe(parameters).stack
    assert (stack.champion, stack.challenger, stack.shadow) == (arn(1), arn(2), "none")
    assert (stack.challenger_scaled, stack.endpoint_config) == (True, "config-1")
    assert stack.alarms == {"champion": ("a", "b"), "challenger": ("c",), "shadow": ()}
    assert stack.parameters == ("ChampionPackage", "ShadowPackage")


@pytest.mark.parametrize(("output", "scaled"), [({"ChallengerScaled": "false"}, False), ({}, None)])
def test_stack_without_autoscaling_says_nothing_of_a_scaled_challenger(parameters, output, scaled):
    describe(parameters, output)
    assert observe(parameters).stack.challenger_scaled is scaled


@pytest.mark.parametrize(
    ("output", "running"), [({"RunningNow": "off"}, False), ({"RunningNow": "on"}, True), ({}, True)]
)
def test_observes_whether_the_endpoint_is_switched_on(parameters, output, running):
    describe(parameters, output)
    assert observe(parameters).stack.running is running


def test_observes_every_parameter_with_its_version(parameters):
    parameters.gateway.put("challenger-weight", "25")
    describe(parameters)
    seen = observe(parameters)
    assert (seen.parameters.champion.value, seen.parameters.champion.version) == ("none", 1)
    assert (seen.parameters.share, seen.parameters.challenger_weight.version) == (25, 2)
    assert seen.parameters.generation == 10
    assert seen.parameters.released == "none"


def test_released_is_the_value_under_the_label_wherever_it_is(parameters):
    version = parameters.gateway.put("champion", arn(1))
    assert version == 2
    parameters.gateway.label_released(version)
    describe(parameters)
    assert observe(parameters).parameters.released == arn(1)
    parameters.gateway.put("champion", arn(2))
    describe(parameters)
    seen = observe(parameters).parameters
    assert (seen.released, seen.champion.value, seen.champion.version) == (arn(1), arn(2), 3)


def test_missing_parameter_is_named(parameters):
    parameters.clients.ssm.delete_parameter(Name=f"{P}failed")
    describe(parameters)
    with pytest.raises(parameters.modules.environment.ConfigurationError, match=f"parameter {P}failed: does not exi"):
        observe(parameters)


def test_missing_stack_is_a_status_and_other_errors_are_raised(parameters):
    missing = f"Stack with id {STACK} does not exist"
    parameters.cloudformation.add_client_error("describe_stacks", "ValidationError", missing)
    assert observe(parameters).stack.status == "MISSING"
    parameters.cloudformation.add_client_error("describe_stacks", "Throttling", "Rate exceeded")
    with pytest.raises(ClientError, match="Rate exceeded"):
        observe(parameters)


TOKEN = "release-3-1-1-1"


@pytest.fixture
def attempt(aws, observed):
    """The attempt seen in these pages of stack events, each newest first."""

    def see(*pages):
        for number, events in enumerate(pages):
            expected = {"StackName": STACK} | ({"NextToken": str(number)} if number else {})
            more = {"NextToken": str(number + 1)} if number < len(pages) - 1 else {}
            aws.cloudformation.add_response("describe_stack_events", {"StackEvents": events, **more}, expected)
        champion = aws.modules.state.Parameter(arn(2), 3, NOW)
        return look(aws, observed({"champion": champion}), "attempt").attempt

    return see


def test_attempt_is_the_tokens_operation_with_its_first_cause(aws, attempt):
    seen = attempt(
        [
            event(TOKEN, "UPDATE_ROLLBACK_COMPLETE", 9),
            event(TOKEN, "UPDATE_FAILED", 8, resource="Scaling", reason="Resource update cancelled"),
            event(TOKEN, "DELETE_FAILED", 7, resource="Config", reason="in use"),
        ],
        [
            event(TOKEN, "UPDATE_FAILED", 6, resource="Endpoint", reason="alarm fired"),
            event(TOKEN, "UPDATE_FAILED", 5, reason="Endpoint failed"),
            event(TOKEN, "UPDATE_IN_PROGRESS", 4, reason="User Initiated"),
        ],
    )
    assert seen == aws.modules.state.Attempt("UPDATE_ROLLBACK_COMPLETE", "Endpoint: alarm fired")


def test_attempt_is_found_behind_a_later_operation(attempt):
    seen = attempt(
        [
            event("cdk-deploy", "UPDATE_ROLLBACK_COMPLETE", 9),
            event("cdk-deploy", "UPDATE_IN_PROGRESS", 8, reason="User Initiated"),
            event(TOKEN, "UPDATE_ROLLBACK_FAILED", 7),
            event(TOKEN, "UPDATE_IN_PROGRESS", 6, reason="User Initiated"),
        ],
    )
    assert seen.status == "UPDATE_ROLLBACK_FAILED"


def test_operation_of_other_values_is_no_attempt(aws, attempt):
    assert attempt([event("release-3-1-2-1", "UPDATE_COMPLETE", 9)]) == aws.modules.state.Attempt()


def test_no_event_older_than_the_parameters_is_read(aws, attempt):
    old = [event("cdk-deploy", "UPDATE_COMPLETE", -2), event(TOKEN, "UPDATE_ROLLBACK_COMPLETE", -3)]
    assert attempt(old) == aws.modules.state.Attempt()


def test_packages_of_the_group_newest_first_whatever_their_approval(aws, observed):
    sagemaker = aws.clients.sagemaker
    for group in (GROUP, "other"):
        sagemaker.create_model_package_group(ModelPackageGroupName=group)
    assert look(aws, observed(), "packages").packages == ()
    for approval in ["Approved"] * 11 + ["Rejected", "PendingManualApproval"]:
        sagemaker.create_model_package(ModelPackageGroupName=GROUP, ModelApprovalStatus=approval)
    sagemaker.create_model_package(ModelPackageGroupName="other", ModelApprovalStatus="Approved")
    packages = look(aws, observed(), "packages").packages
    assert [package.version for package in packages] == list(range(13, 0, -1))
    assert [package.approval for package in packages[:3]] == ["PendingManualApproval", "Rejected", "Approved"]


def test_pages_are_read_down_to_the_oldest_version_that_matters(aws, observed):
    changed = {"champion": arn(8), "previous": arn(6), "candidate": f"{arn(9)} shadow", "command": f"rollback {arn(7)}"}
    seen = observed(changed)
    with Stubber(aws.clients.sagemaker) as sagemaker:
        for number, versions in enumerate(([], [9, 8], [7, 6])):
            summaries = [
                SUMMARY
                | {
                    "ModelPackageArn": arn(version),
                    "ModelPackageVersion": version,
                    "ModelPackageStatus": "Failed" if version == 9 else "Completed",
                    "ModelApprovalStatus": "Approved",
                }
                for version in versions
            ]
            answer = {"ModelPackageSummaryList": summaries, "NextToken": str(number + 1)}
            token = {"NextToken": str(number)} if number else {}
            order = {"SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": 100}
            sagemaker.add_response("list_model_packages", answer, {"ModelPackageGroupName": GROUP, **order, **token})
        packages = look(aws, seen, "packages").packages
    assert [package.version for package in packages] == [8, 7, 6]


def test_metadata_of_a_version(aws, observed):
    found = {
        "ModelPackageName": GROUP,
        "ModelPackageArn": arn(2),
        "CreationTime": NOW,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "CustomerMetadataProperties": {"dev-tests": "passed"},
    }
    with Stubber(aws.clients.sagemaker) as sagemaker:
        sagemaker.add_response("describe_model_package", found, {"ModelPackageName": arn(2)})
        assert look(aws, observed(), "metadata", arn(2)).metadata == {arn(2): {"dev-tests": "passed"}}


def test_endpoint_that_does_not_exist_is_a_status(aws, observed):
    assert look(aws, observed(), "endpoint").endpoint == aws.modules.state.Endpoint("MISSING")


def test_endpoint_with_its_weights(aws, observed):
    found = {
        "EndpointName": GROUP,
        "EndpointArn": f"arn:aws:sagemaker:eu-west-1:111122223333:endpoint/{GROUP}",
        "EndpointConfigName": "config-1",
        "EndpointStatus": "InService",
        "FailureReason": "an alarm fired",
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
        "ProductionVariants": [
            {"VariantName": "champion", "CurrentWeight": 0.75},
            {"VariantName": "challenger", "CurrentWeight": 0.25},
        ],
        "ShadowProductionVariants": [{"VariantName": "shadow", "CurrentWeight": 1.0}],
    }
    with Stubber(aws.clients.sagemaker) as sagemaker:
        sagemaker.add_response("describe_endpoint", found, {"EndpointName": GROUP})
        endpoint = look(aws, observed(), "endpoint").endpoint
    assert (endpoint.status, endpoint.config, endpoint.reason) == ("InService", "config-1", "an alarm fired")
    assert (endpoint.weights, endpoint.share) == ({"champion": 0.75, "challenger": 0.25}, 25)


@pytest.mark.parametrize(
    ("stage", "ringing"), [("shadow", ("shadow-latency",)), ("challenger", ()), ("promote", ("champion-errors",))]
)
def test_alarms_of_the_candidates_variant_only(aws, observed, stage, ringing):
    stack = aws.modules.state.Stack(
        "UPDATE_COMPLETE",
        alarms={"champion": ("champion-errors",), "challenger": (), "shadow": ("shadow-errors", "shadow-latency")},
    )
    for name in ("champion-errors", "shadow-errors", "shadow-latency", "somebody-elses"):
        aws.clients.cloudwatch.put_metric_alarm(
            AlarmName=name,
            EvaluationPeriods=1,
            ComparisonOperator="GreaterThanThreshold",
            Namespace="n",
            MetricName="m",
        )
        state = "OK" if name == "shadow-errors" else "ALARM"
        aws.clients.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")
    seen = observed({"candidate": f"{arn(2)} {stage}"}, stack=stack)
    assert look(aws, seen, "alarming").alarming == ringing


def test_noted_is_what_the_ledger_has_of_this_generation(aws, observed):
    seen = observed()
    assert look(aws, seen, "noted", "hold#1").noted == {"hold#1": False}
    item = {"model": {"S": "loan-approval"}, "entry": {"S": "0000000009#hold#1"}}
    aws.clients.dynamodb.put_item(TableName=aws.gateway.settings.ledger_table, Item=item)
    assert look(aws, seen, "noted", "hold#1").noted == {"hold#1": True}
