"""Fails a deployment that changes the instance type of a variant while autoscaling watches it, and says why."""

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.conditional import exist_only_if
from mlops_constructs.data_protection import DataProtection
from mlops_constructs.function import PythonFunction
from mlops_constructs.settings import ServingSettings


class InstanceTypeGuard(Construct):
    """A custom resource that stands for the endpoint's instance type and for whether autoscaling is on.

    What must not come before it depends on `resource`. It is there without autoscaling too: a change is judged
    by what it stood for before. A release changes none of its properties, so CloudFormation does not call the
    function then; that has no right but to write its log.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str,
        settings: ServingSettings,
        exists: cdk.CfnCondition,
        protection: DataProtection,
    ) -> None:
        super().__init__(scope, construct_id)
        function = PythonFunction(
            self,
            "Function",
            name="custom_resources",
            description=f"Refuses changes of the instance type that SageMaker would refuse for {endpoint_name}",
            protection=protection,
        )
        self.resource = cdk.CustomResource(
            self,
            "Resource",
            resource_type="Custom::InstanceType",
            service_token=function.function_arn,
            properties={
                "Kind": "instance-type",
                "Name": endpoint_name,
                "InstanceType": settings.instance_type,
                "Autoscaling": "on" if settings.autoscaling.enabled else "off",
            },
        )
        exist_only_if(self.resource, exists)
