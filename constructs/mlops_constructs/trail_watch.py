"""Somebody touches what the record rests on: the trail, its files or the key. That counts."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.data_protection import DataProtection

_CLOUDTRAIL = "cloudtrail.amazonaws.com"
_NAMESPACE, _METRIC = "mlops/audit", "ProtectionTouched"
_OF_THE_TRAIL = ("StopLogging", "DeleteTrail", "UpdateTrail")
_OF_THE_KEY = ("DisableKey", "ScheduleKeyDeletion", "PutKeyPolicy")
_OF_THE_BUCKET = (
    "PutBucketPolicy",
    "DeleteBucketPolicy",
    "PutBucketPublicAccessBlock",
    "PutBucketVersioning",
    "PutBucketObjectLockConfiguration",
    "PutBucketLifecycle",
)


class TrailWatch(Construct):
    """The log group that a trail writes to beside its files, and a figure of certain calls in it.

    A trail's events are there within about five minutes (user guide: sending events to CloudWatch Logs). What
    CloudFormation does for a deployment does not count: that is reviewed, and recorded, elsewhere.
    """

    def __init__(self, scope: Construct, construct_id: str, *, protection: DataProtection, base: str) -> None:
        """base: the project's and the environment's name, with which the figure's name begins."""
        super().__init__(scope, construct_id)
        self._base = base
        self.log_group = logs.LogGroup(
            self,
            "Logs",
            encryption_key=protection.key,
            retention=protection.log_retention,
            removal_policy=protection.removal_policy,
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal(_CLOUDTRAIL))
        allow(self.role, ["logs:CreateLogStream", "logs:PutLogEvents"], [self.log_group.log_group_arn])

    def count(self, *, trail_name: str, bucket_name: str, key_id: str) -> cloudwatch.Metric:
        """How often the trail, the bucket with its files or the key was changed, not by a deployment."""
        self._filter("Trail", _OF_THE_TRAIL, "name", f"*{trail_name}")
        self._filter("TrailSelectors", ("PutEventSelectors",), "trailName", f"*{trail_name}")
        self._filter("Key", _OF_THE_KEY, "keyId", f"*{key_id}")
        self._filter("Bucket", _OF_THE_BUCKET, "bucketName", bucket_name)
        return cloudwatch.Metric(
            namespace=_NAMESPACE,
            metric_name=f"{self._base}-{_METRIC}",
            period=cdk.Duration.minutes(5),
            statistic=cloudwatch.Stats.SUM,
        )

    def _filter(self, construct_id: str, calls: tuple[str, ...], parameter: str, value: str) -> None:
        """User guide: filter pattern syntax for JSON; a star stands for anything."""
        names = " || ".join(f'($.eventName = "{call}")' for call in calls)
        logs.CfnMetricFilter(
            self,
            construct_id,
            log_group_name=self.log_group.log_group_name,
            filter_pattern=f'{{ ($.sourceIPAddress != "cloudformation.amazonaws.com") && '
            f'($.requestParameters.{parameter} = "{value}") && ({names}) }}',
            metric_transformations=[
                logs.CfnMetricFilter.MetricTransformationProperty(
                    metric_namespace=_NAMESPACE,
                    metric_name=f"{self._base}-{_METRIC}",
                    metric_value="1",
                )
            ],
        )
