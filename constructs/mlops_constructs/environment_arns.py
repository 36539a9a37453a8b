"""ARNs of one environment's resources, by what they have in common."""

import aws_cdk as cdk
from constructs import IConstruct

from mlops_constructs.naming import EnvironmentNames

OWN = "Names of this environment's resources start so; the wildcard stands for its models and what they have many of."


class EnvironmentArns:
    """In the account and region of the stack that `scope` is in."""

    def __init__(self, scope: IConstruct, names: EnvironmentNames) -> None:
        self._stack, self._names = cdk.Stack.of(scope), names

    def sagemaker(self, *paths: str) -> list[str]:
        """Of these, each a kind and a name: `pipeline/mlops-dev-loan-approval-training`."""
        return [self._arn("sagemaker", kind, name) for kind, _, name in (path.partition("/") for path in paths)]

    def sagemaker_own(self, *kinds: str) -> list[str]:
        """All of the environment, of these kinds."""
        return self.sagemaker(*(f"{kind}/{self._names.base}-*" for kind in kinds))

    def stacks(self) -> str:
        return self._arn("cloudformation", "stack", f"{self._names.base}-*")

    def schedules(self) -> str:
        return self._arn("scheduler", "schedule", f"default/{self._names.base}-*")

    def parameters(self, rest: str = "*") -> str:
        """What is below the environment's part of the parameter store."""
        return self.parameter(f"/{self._names.project}/{self._names.environment}/{rest}")

    def parameter(self, name: str) -> str:
        """Of a parameter by its name, with its leading slash."""
        return self._arn("ssm", "parameter", name[1:])

    def logs(self, group: str) -> str:
        return self._arn("logs", "log-group", group, cdk.ArnFormat.COLON_RESOURCE_NAME)

    def iam(self, kind: str, beginning: str = "") -> str:
        """Roles or policies of the environment, or those whose names start so."""
        name = f"{beginning or self._names.base}-*"
        return self._stack.format_arn(service="iam", region="", resource=kind, resource_name=name)

    def _arn(self, service: str, resource: str, name: str, arn_format: cdk.ArnFormat | None = None) -> str:
        return self._stack.format_arn(service=service, resource=resource, resource_name=name, arn_format=arn_format)
