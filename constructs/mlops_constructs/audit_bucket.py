"""Where CloudTrail writes who did what: nobody else writes there, and what is there cannot be taken away unnoticed."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from mlops_constructs.data_protection import DataProtection
from mlops_constructs.encrypted_bucket import EncryptedBucket

_CLOUDTRAIL = "cloudtrail.amazonaws.com"


class AuditBucket(EncryptedBucket):
    """Takes the log files of one trail, by its ARN, and of no other (user guide: S3 bucket policy for CloudTrail)."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        protection: DataProtection,
        access_logs: s3.IBucket,
        trail_arn: str,
    ) -> None:
        """Where data are retained, a log file is locked as long as logs are kept."""
        locked_for = cdk.Duration.days(protection.log_retention_days) if protection.retain else None
        super().__init__(scope, construct_id, protection=protection, access_logs=access_logs, locked_for=locked_for)
        self._allow("TrailLooksAtTheBucket", "s3:GetBucketAcl", self.bucket_arn, {"aws:SourceArn": trail_arn})
        self._allow(
            "TrailWritesItsFiles",
            "s3:PutObject",
            self.arn_for_objects(f"AWSLogs/{cdk.Stack.of(self).account}/*"),
            {"aws:SourceArn": trail_arn, "s3:x-amz-acl": "bucket-owner-full-control"},
        )

    def _allow(self, sid: str, action: str, resource: str, equals: dict[str, str]) -> None:
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid=sid,
                principals=[iam.ServicePrincipal(_CLOUDTRAIL)],
                actions=[action],
                resources=[resource],
                conditions={"StringEquals": equals},
            )
        )
