"""ARNs of one environment's resources, by what they have in common."""

import aws_cdk as cdk
from constructs import IConstruct

from mlops_constructs.naming import EnvironmentNames

OWN = "Names of this environment's resources start so; the wildcard stands for its models and what they have many of."
BUNDLES = "Code bundles are called by the hash of their contents; a version has that of its deployment."


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

    def pipelines(self, ending: str) -> list[str]:
        """Of all models, by what their names end in: `-training`. Their executions follow a slash."""
        return self.sagemaker(f"pipeline/{self._names.base}-*{ending}")

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

    def workgroup(self, name: str) -> str:
        return self._arn("athena", "workgroup", name)

    def catalog(self, database: str, *tables: str) -> list[str]:
        """What Athena looks up with the rights of who asks, the default database too (user guide: fine-grained access
        to databases and tables)."""
        return [
            self._stack.format_arn(service="glue", resource="catalog"),
            *(self._arn("glue", "database", each) for each in ("default", database)),
            *(self._arn("glue", "table", f"{database}/{each}") for each in tables),
        ]

    def iam(self, kind: str, beginning: str = "") -> str:
        """Roles or policies of the environment, or those whose names start so."""
        name = f"{beginning or self._names.base}-*"
        return self._stack.format_arn(service="iam", region="", resource=kind, resource_name=name)

    def code_bundles(self) -> str:
        """As `code_bundles`."""
        return code_bundles(self._stack)

    def _arn(self, service: str, resource: str, name: str, arn_format: cdk.ArnFormat | None = None) -> str:
        return self._stack.format_arn(service=service, resource=resource, resource_name=name, arn_format=arn_format)


def code_bundles(stack: cdk.Stack) -> str:
    """Of the code that versions were made with: it is where CDK publishes what a deployment needs."""
    qualifier = stack.synthesizer.bootstrap_qualifier or cdk.DefaultStackSynthesizer.DEFAULT_QUALIFIER
    bucket = f"cdk-{qualifier}-assets-{stack.account}-{stack.region}"
    return stack.format_arn(service="s3", region="", account="", resource=bucket, resource_name="*.tar.gz")
