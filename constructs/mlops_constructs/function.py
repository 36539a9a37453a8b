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

from mlops_constructs import shipped
from mlops_constructs.access import NO_RESOURCE, allow
from mlops_constructs.acknowledge import acknowledge, acknowledge_in_standards
from mlops_constructs.data_protection import DataProtection
from mlops_constructs.dead_letter_queue import DeadLetterQueue
from mlops_constructs.errors import ConstructError
from mlops_constructs.network import Network

LAMBDAS = shipped.folder("lambdas")

SHARED = "shared"
"""The package that goes into every function beside its own modules."""

ENVIRONMENT_LIMIT = 4096  # bytes
_TOKEN = re.compile(r"\$\{Token\[[^\]]+\]\}")
_LONGEST_TOKEN = 256  # what only the deployment knows: names and ARNs of what this project makes are shorter
_XRAY_REASON = f"{NO_RESOURCE}: xray:PutTraceSegments, xray:PutTelemetryRecords."
_DESTINATION = (
    "An event that could not be handled goes to a dead-letter queue with an alarm: as the function's destination on "
    "failure, which carries the error as well. The rule looks for the older DeadLetterConfig."
)
_ANSWERS_CLOUDFORMATION = (
    "Only CloudFormation calls it and waits for its answer: a failure fails the deployment, which says so. An event "
    "kept for later would answer nobody."
)
_FROM_THE_POOL = (
    "Two runs at a time harm nothing here, and nobody outside can call it. What is reserved for one function is taken "
    "from all others of the account, which keep at least 100 (developer guide: reserved concurrency)."
)
_NO_NETWORK = (
    "network.mode is public in this environment: there is no VPC. The function is reachable by IAM alone, and calls "
    "nothing but AWS's own endpoints, by TLS. With network.mode = vpc it is inside."
)


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
        outside: str = "",
        function_name: str | None = None,
    ) -> None:
        """outside: why it is not in the environment's private network, where there is one."""
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
                function_name=function_name,
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
        if protection.network and not outside:
            self._enter(protection.network)
        self._check_environment(name, environment or {})
        if on_failure:
            self._send_failures_to(on_failure)
        acknowledge(role, {"AwsSolutions-IAM5[Resource::*]": _XRAY_REASON})
        self._explain(
            answers_cloudformation=on_failure is None,
            reserved=reserved_concurrency is not None,
            inside=protection.network is not None and not outside,
            outside=outside,
        )

    def _explain(self, *, answers_cloudformation: bool, reserved: bool, inside: bool, outside: str) -> None:
        """What the standards' rules miss or want otherwise."""
        reasons = {"LambdaDLQ": _ANSWERS_CLOUDFORMATION if answers_cloudformation else _DESTINATION}
        if not reserved:
            reasons["LambdaConcurrency"] = _FROM_THE_POOL
        if not inside:
            reasons["LambdaInsideVPC"] = outside or _NO_NETWORK
        acknowledge_in_standards(self, reasons)
        if outside:
            acknowledge(self, {"house-rules::inside-vpc": outside})

    def _enter(self, network: Network) -> None:
        """By the resource's own property: CDK's would take a VPC of its own making."""
        self.execution_role.add_managed_policy(network.functions)
        function = self.node.default_child
        assert isinstance(function, lambda_.CfnFunction)
        function.vpc_config = lambda_.CfnFunction.VpcConfigProperty(
            subnet_ids=list(network.place.subnet_ids), security_group_ids=list(network.place.security_group_ids)
        )

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
