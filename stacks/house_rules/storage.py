"""What stores something is encrypted with a key of ours, takes nothing but TLS, is private, and is kept."""

from collections.abc import Iterator
from typing import Any

from mlops_constructs.instance_types import has_local_storage
from stacks.house_rules.findings import Breach, Expected
from stacks.house_rules.templates import Resource, Templates, at, items, statements

_BUCKET, _KEY = "AWS::S3::Bucket", "AWS::KMS::Key"
_ENDPOINT_CONFIG = "AWS::SageMaker::EndpointConfig"
_BUCKET_KEY = "BucketEncryption.ServerSideEncryptionConfiguration.0.ServerSideEncryptionByDefault.KMSMasterKeyID"
KEYS = {
    _BUCKET: _BUCKET_KEY,
    _ENDPOINT_CONFIG: "KmsKeyId",
    "AWS::Athena::WorkGroup": "WorkGroupConfiguration.ResultConfiguration.EncryptionConfiguration.KmsKey",
    "AWS::Backup::BackupVault": "EncryptionKeyArn",
    "AWS::CloudTrail::Trail": "KMSKeyId",
    "AWS::CodeArtifact::Domain": "EncryptionKey",
    "AWS::CodeBuild::Project": "EncryptionKey",
    "AWS::CodePipeline::Pipeline": "ArtifactStore.EncryptionKey.Id",
    "AWS::DynamoDB::Table": "SSESpecification.KMSMasterKeyId",
    "AWS::ECR::Repository": "EncryptionConfiguration.KmsKey",
    "AWS::EFS::FileSystem": "KmsKeyId",
    "AWS::Logs::LogGroup": "KmsKeyId",
    "AWS::SNS::Topic": "KmsMasterKeyId",
    "AWS::SQS::Queue": "KmsMasterKeyId",
    "AWS::SecretsManager::Secret": "KmsKeyId",
}
"""Where the key stands, for each type that stores what is ours."""

_ONLINE, _OFFLINE = (
    ("OnlineStoreConfig", "OnlineStoreConfig.SecurityConfig.KmsKeyId"),
    ("OfflineStoreConfig", "OfflineStoreConfig.S3StorageConfig.KmsKeyId"),
)
STATEFUL = (
    _BUCKET,
    _KEY,
    "AWS::Backup::BackupVault",
    "AWS::DynamoDB::Table",
    "AWS::ECR::Repository",
    "AWS::Logs::LogGroup",
    "AWS::SQS::Queue",
    "AWS::SageMaker::FeatureGroup",
    "AWS::SageMaker::ModelPackageGroup",
)
_POLICIES = {
    _BUCKET: ("AWS::S3::BucketPolicy", "Bucket"),
    "AWS::SQS::Queue": ("AWS::SQS::QueuePolicy", "Queues"),
    "AWS::SNS::Topic": ("AWS::SNS::TopicPolicy", "Topics"),
}
"""The policy of each type, and where it names what it is of."""


def encrypted(templates: Templates, _: Expected) -> Iterator[Breach]:
    access_logs = {
        templates.target(each.stack, each.get("LoggingConfiguration.DestinationBucketName") or {"Ref": each.name})
        for each in templates.resources(_BUCKET)
    }
    for resource in templates.resources(*KEYS):
        path = KEYS[resource.kind]
        # S3 delivers access logs only to buckets with keys of its own; their acknowledgement says so.
        delivered = path == _BUCKET_KEY and (resource.stack, resource.name) in access_logs and _is_log_bucket(resource)
        if not resource.get(path) and not delivered and not _on_local_disks(resource):
            yield resource, path, f"encrypt it with the environment's key: {path}"
    for resource in templates.resources(_KEY):
        if resource.get("EnableKeyRotation") is not True:
            yield resource, "EnableKeyRotation", "let the key be rotated: EnableKeyRotation"
    for resource in templates.resources(_ENDPOINT_CONFIG):
        if resource.get("DataCaptureConfig.EnableCapture") and not resource.get("DataCaptureConfig.KmsKeyId"):
            yield resource, "DataCaptureConfig", "encrypt what is captured: DataCaptureConfig.KmsKeyId"
    for resource in templates.resources("AWS::SageMaker::FeatureGroup"):
        for store, path in (_ONLINE, _OFFLINE):
            if resource.get(store) and not resource.get(path):
                yield resource, path, f"encrypt the store with the environment's key: {path}"


def _is_log_bucket(bucket: Resource) -> bool:
    return bool(bucket.get(_BUCKET_KEY.replace("KMSMasterKeyID", "SSEAlgorithm"))) and not bucket.get(
        "LoggingConfiguration"
    )


def _on_local_disks(resource: Resource) -> bool:
    """SageMaker refuses a key for instances whose disks encrypt by themselves (CreateEndpointConfig: KmsKeyId)."""
    types = [at(each, "InstanceType") for each in items(resource.properties.get("ProductionVariants"))]
    return bool(types) and all(isinstance(each, str) and has_local_storage(each) for each in types)


def tls_only(templates: Templates, _: Expected) -> Iterator[Breach]:
    guarded = set()
    for policy, where in _POLICIES.values():
        for each in templates.resources(policy):
            if any(_denies_plain_http(statement) for statement in statements(each.get("PolicyDocument"))):
                guarded |= {templates.target(each.stack, of) for of in items(each.properties.get(where))}
    for resource in templates.resources(*_POLICIES):
        if (resource.stack, resource.name) not in guarded:
            yield resource, "", "deny what comes without TLS in its policy: enforce_ssl=True"


def _denies_plain_http(statement: Any) -> bool:
    secure = at(statement, "Condition.Bool")
    return (
        statement.get("Effect") == "Deny" and isinstance(secure, dict) and secure.get("aws:SecureTransport") == "false"
    )


def kept(templates: Templates, expected: Expected) -> Iterator[Breach]:
    for resource in templates.resources(*STATEFUL) if expected.retain else ():
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            if not str(resource.body.get(policy)).startswith("Retain"):
                yield resource, policy, f"keep it, since retain is true: {policy} Retain"
