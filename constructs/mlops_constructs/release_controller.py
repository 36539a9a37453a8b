"""The Lambda function that keeps an endpoint at the newest approved version, and what wakes it."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns
from constructs import Construct

from mlops_constructs.access import NO_RESOURCE, allow
from mlops_constructs.dead_letter_queue import DeadLetterQueue
from mlops_constructs.foundation import Foundation
from mlops_constructs.function import PythonFunction
from mlops_constructs.naming import ModelNames, ReleaseParameter
from mlops_constructs.settings import ReleaseSettings

# A stack at rest; the controller has nothing to see while an operation runs.
_TERMINAL = [
    "CREATE_COMPLETE",
    "CREATE_FAILED",
    "ROLLBACK_COMPLETE",
    "ROLLBACK_FAILED",
    "UPDATE_COMPLETE",
    "UPDATE_FAILED",
    "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_FAILED",
]
_EVENT_AGE = cdk.Duration.hours(2)


class ReleaseController(Construct):
    """Events and a schedule only wake the function; what it does follows from what it then observes."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: ModelNames,
        settings: ReleaseSettings,
        foundation: Foundation,
    ) -> None:
        super().__init__(scope, construct_id)
        self._names, self._stack = names, cdk.Stack.of(self)
        self.dead_letters = DeadLetterQueue(self, "DeadLetters", protection=foundation.protection)
        self.function = self._build_function(settings, foundation)
        self._allow_release()
        self._allow_notifications(foundation)
        self._build_rules(settings)
        self._alarm("DeadLettersWaiting", self.dead_letters.metric_waiting(), foundation.topic)
        self._alarm("FunctionFails", self.function.metric_failures(), foundation.topic)

    def _build_function(self, settings: ReleaseSettings, foundation: Foundation) -> PythonFunction:
        names = self._names
        return PythonFunction(
            self,
            "Function",
            name="release_controller",
            description=f"Releases the newest approved version of {names.public} in {names.environment}",
            protection=foundation.protection,
            environment={
                "ENVIRONMENT": names.environment,
                "MODEL_PACKAGE_GROUP": names.package_group,
                "SERVING_STACK": names.serving_stack,
                "ENDPOINT_NAME": names.endpoint,
                "CHAMPION_PARAMETER": names.release_parameter(ReleaseParameter.CHAMPION),
                "FAILED_PARAMETER": names.release_parameter(ReleaseParameter.FAILED),
                "TOPIC_ARN": foundation.topic.topic_arn,
                "DEAD_LETTER_QUEUE_URL": self.dead_letters.queue_url,
            },
            # One run at a time; 0 leaves it to the controller's own conditional writes.
            reserved_concurrency=settings.reserved_concurrency or None,
            on_failure=self.dead_letters,
        )

    def _allow_release(self) -> None:
        """Read the registry and the endpoint, write the release, update the serving stack.

        No iam:PassRole: CloudFormation keeps the role that deployed the stack, CDK's execution role, for
        every later operation that names none.
        """
        role, names = self.function.execution_role, self._names
        written = [self._parameter(p) for p in (ReleaseParameter.CHAMPION, ReleaseParameter.FAILED)]
        allow(role, ["ssm:PutParameter"], written)
        allow(role, ["ssm:LabelParameterVersion"], written[:1])
        # CloudFormation resolves the stack's parameters with the rights of who asks for the update.
        allow(role, ["ssm:GetParameter", "ssm:GetParameters"], [self._parameter(p) for p in ReleaseParameter])
        allow(
            role,
            [
                "cloudformation:UpdateStack",
                "cloudformation:DescribeStacks",
                "cloudformation:DescribeStackEvents",
            ],
            [
                self._stack.format_arn(
                    service="cloudformation", resource="stack", resource_name=f"{names.serving_stack}/*"
                )
            ],
            why="The end of a stack's ARN is an id that CloudFormation gives it; the stack's name is exact.",
        )
        allow(
            role,
            ["sagemaker:ListModelPackages"],
            ["*"],
            why=f"{NO_RESOURCE}; it reads names and states.",
        )
        allow(role, ["sagemaker:DescribeEndpoint"], [self._sagemaker("endpoint", names.endpoint)])

    def _allow_notifications(self, foundation: Foundation) -> None:
        role = self.function.execution_role
        allow(role, ["sns:Publish"], [foundation.topic.topic_arn])
        allow(role, ["kms:Decrypt", "kms:GenerateDataKey"], [foundation.protection.key.key_arn])

    def _build_rules(self, settings: ReleaseSettings) -> None:
        self._rule(
            "PackageChanged",
            f"A version of {self._names.package_group} was registered, approved, rejected or edited",
            events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Model Package State Change"],
                detail={"ModelPackageGroupName": [self._names.package_group]},
            ),
        )
        stack_arn = self._stack.format_arn(
            service="cloudformation", resource="stack", resource_name=f"{self._names.serving_stack}/"
        )
        self._rule(
            "StackSettled",
            f"An operation on {self._names.serving_stack} ended",
            events.EventPattern(
                source=["aws.cloudformation"],
                detail_type=["CloudFormation Stack Status Change"],
                detail={"stack-id": [{"prefix": stack_arn}], "status-details": {"status": _TERMINAL}},
            ),
        )
        rate = events.Schedule.rate(cdk.Duration.minutes(settings.schedule_minutes))
        rule = events.Rule(self, "Schedule", description="Catches what events lost", schedule=rate)
        rule.add_target(self._target())

    def _rule(self, construct_id: str, description: str, pattern: events.EventPattern) -> None:
        rule = events.Rule(self, construct_id, description=description, event_pattern=pattern)
        rule.add_target(self._target())

    def _target(self) -> targets.LambdaFunction:
        return targets.LambdaFunction(
            self.function, dead_letter_queue=self.dead_letters, max_event_age=_EVENT_AGE, retry_attempts=8
        )

    def _alarm(self, construct_id: str, metric: cloudwatch.Metric, topic: sns.ITopic) -> None:
        alarm = metric.create_alarm(
            self,
            construct_id,
            alarm_description=f"Release controller of {self._names.base}: {construct_id}",
            threshold=0,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(topic))

    def _parameter(self, parameter: ReleaseParameter) -> str:
        name = self._names.release_parameter(parameter)
        return self._stack.format_arn(service="ssm", resource="parameter", resource_name=name[1:])

    def _sagemaker(self, resource: str, name: str) -> str:
        return self._stack.format_arn(service="sagemaker", resource=resource, resource_name=name)
