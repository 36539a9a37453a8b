"""What every Lambda function of the project shares; a function adds its name, its settings and its grants."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from mlops_constructs.access import NO_RESOURCE, allow
from mlops_constructs.acknowledge import acknowledge
from mlops_constructs.data_protection import DataProtection
from mlops_constructs.dead_letter_queue import DeadLetterQueue
from mlops_constructs.errors import ConstructError

LAMBDAS = Path(__file__).resolve().parents[2] / "lambdas"

SHARED = "shared"
"""The package that goes into every function beside its own modules."""

ENVIRONMENT_LIMIT = 4096  # bytes
_TOKEN = re.compile(r"\$\{Token\[[^\]]+\]\}")
_LONGEST_TOKEN = 256  # what only the deployment knows: names and ARNs of what this project makes are shorter
_XRAY_REASON = f"{NO_RESOURCE}: xray:PutTraceSegments, xray:PutTelemetryRecords."


@contextmanager
def _package(name: str) -> Iterator[str]:
    """A folder with a function's modules and the shared package, as the runtime finds them.

    CDK copies it as soon as the function is made, and names the copy by its contents. (Its own bundling would say so
    for each function and environment, in the middle of what synthesis has to say.)
    """
    left_out = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
    with TemporaryDirectory() as folder:
        shutil.copytree(LAMBDAS / name, folder, ignore=left_out, dirs_exist_ok=True)
        shutil.copytree(LAMBDAS / SHARED, Path(folder) / SHARED, ignore=left_out)
        yield folder


class PythonFunction(lambda_.Function):
    """`lambdas/<name>` beside the shared package: own role, encrypted logs, tracing and, if given, dead letters."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        description: str,
        protection: DataProtection,
        environment: Mapping[str, str] | None = None,
        timeout: cdk.Duration | None = None,
        memory_mb: int = 256,
        reserved_concurrency: int | None = None,
        on_failure: DeadLetterQueue | None = None,
    ) -> None:
        log_group = logs.LogGroup(
            scope,
            f"{construct_id}Logs",
            encryption_key=protection.key,
            retention=protection.log_retention,
            removal_policy=protection.removal_policy,
        )
        role = iam.Role(scope, f"{construct_id}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        allow(role, ["logs:CreateLogStream", "logs:PutLogEvents"], [log_group.log_group_arn])
        with _package(name) as folder:
            super().__init__(
                scope,
                construct_id,
                description=description,
                code=lambda_.Code.from_asset(folder),
                handler="handler.handler",
                runtime=lambda_.Runtime.PYTHON_3_14,
                architecture=lambda_.Architecture.ARM_64,
                memory_size=memory_mb,
                timeout=timeout or cdk.Duration.seconds(30),
                environment=dict(environment or {}),
                role=role,
                log_group=log_group,
                tracing=lambda_.Tracing.ACTIVE,
                reserved_concurrent_executions=reserved_concurrency,
            )
        self.execution_role = role
        self._check_environment(name, environment or {})
        if on_failure:
            self._send_failures_to(on_failure)
        acknowledge(role, {"AwsSolutions-IAM5[Resource::*]": _XRAY_REASON})

    def _check_environment(self, name: str, variables: Mapping[str, str]) -> None:
        """Lambda measures the variables as one JSON object (developer guide: quotas)."""
        known = {key: _TOKEN.sub("x" * _LONGEST_TOKEN, value) for key, value in variables.items()}
        size = len(json.dumps(known, separators=(",", ":")).encode())
        if size > ENVIRONMENT_LIMIT:
            longest = max(known, key=lambda key: len(known[key]))
            raise ConstructError(
                f"variables of function {name} take up to {size} bytes, Lambda allows {ENVIRONMENT_LIMIT}: shorten "
                f"{longest} by {size - ENVIRONMENT_LIMIT}, for example texts of the configuration in it"
            )

    def _send_failures_to(self, queue: DeadLetterQueue) -> None:
        """After two retries an event that EventBridge handed over goes to `queue`, with the error."""
        queue.grant_send(self.execution_role)
        lambda_.CfnEventInvokeConfig(
            self,
            "Failures",
            function_name=self.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=2,
            destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(destination=queue.queue_arn)
            ),
        ).node.add_dependency(self.execution_role)

    def metric_failures(self) -> cloudwatch.Metric:
        """Invocations that raised or timed out."""
        return self.metric_errors(period=cdk.Duration.minutes(1), statistic=cloudwatch.Stats.SUM)
