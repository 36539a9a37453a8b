"""Where the versions of a model are registered: in this environment or another one, in this account or another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_constructs.naming import EnvironmentNames, ModelNames

if TYPE_CHECKING:
    # The settings name registries too, and the command line reads those: it does not wait for CDK.
    import aws_cdk as cdk


@dataclass(frozen=True)
class Registry:
    """The model package group that an environment releases from.

    names: of the model where its versions are made. account: where that is, "" for the account of who asks; a region
    is never between them, since SageMaker reads a model's data in its own.
    """

    names: ModelNames
    account: str = ""

    @property
    def elsewhere(self) -> bool:
        """Whether it is in another account."""
        return bool(self.account)

    @property
    def group_name(self) -> str:
        return self.names.package_group

    @property
    def environment_names(self) -> EnvironmentNames:
        return EnvironmentNames(self.names.project, self.names.environment)

    def group(self, stack: cdk.Stack) -> str:
        """How calls name the group: by its name, or by its ARN where it is in another account."""
        return self.group_arn(stack) if self.elsewhere else self.group_name

    def group_arn(self, stack: cdk.Stack) -> str:
        return self._arn(stack, "model-package-group", self.group_name)

    def versions_arn(self, stack: cdk.Stack) -> str:
        """Of all versions; the registry numbers them."""
        return self._arn(stack, "model-package", f"{self.group_name}/*")

    def _arn(self, stack: cdk.Stack, resource: str, name: str) -> str:
        return stack.format_arn(
            service="sagemaker", resource=resource, resource_name=name, account=self.account or stack.account
        )
