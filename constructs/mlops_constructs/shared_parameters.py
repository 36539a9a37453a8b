"""What an environment tells the others of its account that take versions from it."""

from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from mlops_constructs.naming import EnvironmentNames, SharedParameter


class SharedParameters(Construct):
    """Names where a version's artifacts are and what they are encrypted with, as SSM parameters."""

    def __init__(
        self, scope: Construct, construct_id: str, *, names: EnvironmentNames, artifacts: s3.IBucket, key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id)
        values = {
            SharedParameter.ARTIFACTS_BUCKET: artifacts.bucket_name,
            SharedParameter.KEY: key.key_arn,
        }
        for parameter, value in values.items():
            ssm.StringParameter(
                self,
                parameter.name.title().replace("_", ""),
                parameter_name=names.shared_parameter(parameter),
                string_value=value,
            )
