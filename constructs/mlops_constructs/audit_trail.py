"""A record of who did what to an environment's models, data and features, in files whose digests are signed."""

from collections.abc import Iterator, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudtrail as cloudtrail
from constructs import Construct

from mlops_constructs.audit_bucket import AuditBucket
from mlops_constructs.encrypted_bucket import AccessLogBucket, EncryptedBucket
from mlops_constructs.failure_alarm import FailureAlarm
from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import EnvironmentNames
from mlops_constructs.trail_watch import TrailWatch

_Field = cloudtrail.CfnTrail.AdvancedFieldSelectorProperty
_Selector = cloudtrail.CfnTrail.AdvancedEventSelectorProperty

_REMOVALS = ("DeleteObject", "DeleteObjects", "DeleteObjectTagging", "PutObjectLegalHold", "PutObjectRetention")


class AuditTrail(Construct):
    """A trail of every region: what IAM and STS do is recorded where they are, in us-east-1 (user guide: global
    service events), and what somebody does elsewhere in the account's name should not go unseen.

    It records changes (management events that write), and reads and writes of objects of the data, artifacts and
    evidence buckets. Of the feature store only what changes it: every prediction may read it. SageMaker has no data
    event for InvokeEndpoint; that is what data capture is for (user guide: data events, supported types).

    ```python
    import aws_cdk as cdk

    from mlops_constructs import AuditTrail, DataProtection, EnvironmentKey, EnvironmentNames, SharedFoundation

    app = cdk.App()
    names = EnvironmentNames("shop", "dev")
    shared = cdk.Stack(app, names.foundation_stack)
    key = EnvironmentKey(shared, "Key", retain=False, description="All that shop-dev stores")
    protection = DataProtection(key=key, retain=False, log_retention_days=30)
    foundation = SharedFoundation(shared, "Shared", protection=protection, emails=["ml@example.com"]).foundation
    stack = cdk.Stack(app, names.access_stack)
    AuditTrail(stack, "Trail", names=names, foundation=foundation)

    app.synth()
    ```
    """

    def __init__(self, scope: Construct, construct_id: str, *, names: EnvironmentNames, foundation: Foundation) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        self.name = f"{names.base}-audit"
        self.arn = stack.format_arn(service="cloudtrail", resource="trail", resource_name=self.name)
        protection = foundation.protection
        self.access_logs = AccessLogBucket(self, "AccessLogs", protection=protection)
        self.bucket = AuditBucket(
            self, "Files", protection=protection, access_logs=self.access_logs, trail_arn=self.arn
        )
        self.watch = TrailWatch(self, "Watch", protection=protection, base=names.base)
        groups = stack.format_arn(service="sagemaker", resource="feature-group", resource_name=f"{names.base}-")
        self.trail = cloudtrail.CfnTrail(
            self,
            "Resource",
            trail_name=self.name,
            is_logging=True,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            s3_bucket_name=self.bucket.bucket_name,
            kms_key_id=protection.key.key_arn,
            cloud_watch_logs_log_group_arn=self.watch.log_group.log_group_arn,
            cloud_watch_logs_role_arn=self.watch.role.role_arn,
            advanced_event_selectors=[
                _selector("Changes of the account", _equals("eventCategory", "Management"), _changes()),
                _objects("Data, models and evidence", (foundation.data, foundation.artifacts, foundation.evidence)),
                # Not what the trail itself writes there, which would be recorded again and again.
                _objects("Files of this trail", [self.bucket], _equals("eventName", *_REMOVALS)),
                _selector(
                    "Features",
                    *_data("AWS::SageMaker::FeatureGroup"),
                    _Field(field="resources.ARN", starts_with=[groups]),
                    _changes(),
                ),
            ],
        )
        assert self.bucket.policy
        self.trail.node.add_dependency(self.bucket.policy, self.watch.role)
        touched = self.watch.count(
            trail_name=self.name, bucket_name=self.bucket.bucket_name, key_id=protection.key.key_id
        )
        description = f"Somebody changed the trail of {names.base}, its bucket or its key, not by a deployment"
        FailureAlarm(self, "Touched", metric=touched, topic=foundation.topic, description=description)


def _objects(name: str, buckets: Sequence[EncryptedBucket], *further: _Field) -> _Selector:
    arns = [each.arn_for_objects("") for each in buckets]
    return _selector(name, *_data("AWS::S3::Object"), _Field(field="resources.ARN", starts_with=arns), *further)


def _data(resource_type: str) -> Iterator[_Field]:
    yield _equals("eventCategory", "Data")
    yield _equals("resources.type", resource_type)


def _changes() -> _Field:
    return _equals("readOnly", "false")


def _equals(field: str, *values: str) -> _Field:
    return _Field(field=field, equal_to=list(values))


def _selector(name: str, *fields: _Field) -> _Selector:
    return _Selector(name=name, field_selectors=list(fields))
