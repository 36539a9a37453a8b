"""Fails a deployment that changes what AWS cannot change in a feature group, and says how to get there."""

import json

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.data_protection import DataProtection
from mlops_constructs.feature_settings import FeatureGroupSettings
from mlops_constructs.function import PythonFunction


class FeatureGroupGuard(Construct):
    """A custom resource for each feature group that stands for what the configuration says of it.

    Left to CloudFormation, such a change would end in a replacement that the group's own name forbids, or be taken
    back half done. While the stack is rolled back nothing is refused, so the function looks at its status.
    """

    def __init__(self, scope: Construct, construct_id: str, *, protection: DataProtection) -> None:
        super().__init__(scope, construct_id)
        self._function = PythonFunction(
            self,
            "Function",
            name="custom_resources",
            description="Refuses changes of feature groups that SageMaker would refuse",
            protection=protection,
        )
        allow(self._function.execution_role, ["cloudformation:DescribeStacks"], [cdk.Stack.of(self).stack_id])

    def watch(self, name: str, settings: FeatureGroupSettings, *, physical: str) -> cdk.CustomResource:
        """What the feature group depends on, so that nothing has changed yet when it refuses.

        name, physical: as in the configuration, and on AWS.
        """
        resource = cdk.CustomResource(
            self,
            name,
            resource_type="Custom::FeatureGroup",
            service_token=self._function.function_arn,
            properties={
                "Kind": "feature-group",
                "Name": physical,
                "Setting": f"feature_groups.{name}",
                "Definition": json.dumps(settings.definition),
            },
        )
        # The function can look at the stack by then.
        resource.node.add_dependency(self._function.execution_role)
        return resource
