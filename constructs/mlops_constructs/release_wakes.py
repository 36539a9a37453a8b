"""What wakes the release controller of a model: events of the services that a release touches, and a schedule."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from constructs import Construct

from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import ModelNames, ReleaseParameter
from mlops_constructs.registry import Registry
from mlops_constructs.release_settings import ReleaseSettings
from mlops_constructs.wakes import Wakes

# A stack and an endpoint at rest; the controller has nothing to see while an operation runs.
_STACK_AT_REST = [
    "CREATE_COMPLETE",
    "CREATE_FAILED",
    "ROLLBACK_COMPLETE",
    "ROLLBACK_FAILED",
    "UPDATE_COMPLETE",
    "UPDATE_FAILED",
    "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_FAILED",
]
# As the events spell them, which is not as DescribeEndpoint does.
_ENDPOINT_AT_REST = ["FAILED", "IN_SERVICE", "OUT_OF_SERVICE", "UPDATE_ROLLBACK_FAILED"]


class ReleaseWakes(Wakes):
    """Rules on the default bus. None of them carries a decision: what is lost, the schedule makes good."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: ModelNames,
        registry: Registry,
        settings: ReleaseSettings,
        foundation: Foundation,
        target: events.IRuleTarget,
    ) -> None:
        super().__init__(scope, construct_id, target=target)
        self._names, self._stack = names, cdk.Stack.of(self)
        self._on_registry(registry)
        self._on_serving()
        self._on_people()
        # More often than the schedule comes by, but not once for each of many files where hours are enough.
        if settings.stages and settings.experiment.look_seconds < settings.schedule_minutes * 60:
            self._on_outcomes(foundation)
        rate = events.Schedule.rate(cdk.Duration.minutes(settings.schedule_minutes))
        self._by("Schedule", "Catches what events lost", rate)

    def _on_registry(self, registry: Registry) -> None:
        """Where the registry is in another account, that one forwards the event, which keeps its account."""
        self._on(
            "PackageChanged",
            f"A version of {registry.group_name} was registered, approved, rejected or edited",
            "aws.sagemaker",
            "SageMaker Model Package State Change",
            {"ModelPackageGroupName": [registry.group_name]},
            accounts=[registry.account] if registry.elsewhere else None,
        )

    def _on_serving(self) -> None:
        stack = self._names.serving_stack
        self._on(
            "StackSettled",
            f"An operation on {stack} ended",
            "aws.cloudformation",
            "CloudFormation Stack Status Change",
            {
                "stack-id": [{"prefix": self._arn("cloudformation", "stack", f"{stack}/")}],
                "status-details": {"status": _STACK_AT_REST},
            },
        )
        self._on(
            "EndpointSettled",
            f"The endpoint {self._names.endpoint} came to rest",
            "aws.sagemaker",
            "SageMaker Endpoint State Change",
            {"EndpointName": [self._names.endpoint], "EndpointStatus": _ENDPOINT_AT_REST},
        )
        # The names of the stack's alarms start with the stack's name (guardrail_alarms).
        alarms = self._arn("cloudwatch", "alarm", f"{stack}-", cdk.ArnFormat.COLON_RESOURCE_NAME)
        self._on(
            "AlarmRaised",
            f"An alarm of {stack} went off",
            "aws.cloudwatch",
            "CloudWatch Alarm State Change",
            {"state": {"value": ["ALARM"]}},
            resources=events.Match.prefix(alarms),
        )

    def _on_people(self) -> None:
        asked = (ReleaseParameter.COMMAND, ReleaseParameter.ALLOWED)
        self._on(
            "PersonAsked",
            f"Somebody gave a command on {self._names.base}, or let a version in",
            "aws.ssm",
            "Parameter Store Change",
            {"name": [self._names.release_parameter(each) for each in asked], "operation": ["Create", "Update"]},
        )

    def _on_outcomes(self, foundation: Foundation) -> None:
        self._on(
            "OutcomesArrived",
            f"Outcomes of predictions of {self._names.base} arrived",
            "aws.s3",
            "Object Created",
            {
                "bucket": {"name": [foundation.capture.bucket_name]},
                "object": {"key": [{"prefix": f"{self._names.ground_truth}/"}]},
            },
        )

    def _arn(self, service: str, resource: str, name: str, arn_format: cdk.ArnFormat | None = None) -> str:
        return self._stack.format_arn(service=service, resource=resource, resource_name=name, arn_format=arn_format)
