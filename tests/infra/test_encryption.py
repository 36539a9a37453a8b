"""In all templates of all environments: what is stored is encrypted with the environment's key, and kept as said.

Each test looks at every resource of a kind, so that a new one is looked at as well.
"""

import json

import pytest

from stacks.settings import load
from tests.infra.environments import ENVIRONMENTS, ROOT, flat

PUBLIC_ACCESS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
# Log delivery cannot write with a customer's key (S3 user guide: server access logging).
OWN_KEY_OF_S3 = ("AccessLogs",)


@pytest.fixture
def all_of(environment, templates):
    """Of a type, every resource of the environment: stack, logical id, the whole resource."""

    def find(kind):
        return [
            (stack, name, each)
            for stack, template in templates(environment).items()
            for name, each in template.resources(kind).items()
        ]

    return find


@pytest.fixture
def settings(environment):
    return load(ROOT / "config", environment)


def is_key(value):
    """The environment's key: itself in its own stack, imported elsewhere."""
    text = flat(value)
    return "Key" in text and text.startswith(("<", "arn:"))


def about(all_of, kind, member):
    """Statements of the resource policies of a kind, by the text of what they are about."""
    found = (each["Properties"] for _, _, each in all_of(kind))
    return {json.dumps(each[member]): each["PolicyDocument"]["Statement"] for each in found}


def denies_plain_text(statements):
    return any(
        each["Effect"] == "Deny" and each.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") == "false"
        for each in statements
    )


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_buckets_are_encrypted_private_versioned_and_tls_only(environment, all_of):
    stated = about(all_of, "AWS::S3::BucketPolicy", "Bucket")
    buckets = all_of("AWS::S3::Bucket")
    assert len(buckets) >= 4
    for stack, name, each in buckets:
        own = each["Properties"]
        assert all(own["PublicAccessBlockConfiguration"][one] is True for one in PUBLIC_ACCESS), (stack, name)
        [rule] = own["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        default = rule["ServerSideEncryptionByDefault"]
        if not any(part in name for part in OWN_KEY_OF_S3):
            assert default["SSEAlgorithm"] == "aws:kms", (stack, name)
            assert is_key(default["KMSMasterKeyID"]), (stack, name)
            assert own["VersioningConfiguration"] == {"Status": "Enabled"}, (stack, name)
        assert denies_plain_text(stated[json.dumps({"Ref": name})]), (stack, name)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_queues_and_topics_are_encrypted_and_tls_only(environment, all_of):
    queues, topics = all_of("AWS::SQS::Queue"), all_of("AWS::SNS::Topic")
    assert queues and topics
    about_queues = [each["Properties"] for _, _, each in all_of("AWS::SQS::QueuePolicy")]
    about_topics = [each["Properties"] for _, _, each in all_of("AWS::SNS::TopicPolicy")]
    for stack, name, each in queues:
        assert is_key(each["Properties"]["KmsMasterKeyId"]), (stack, name)
        mine = [one for one in about_queues if {"Ref": name} in one["Queues"]]
        assert any(denies_plain_text(one["PolicyDocument"]["Statement"]) for one in mine), (stack, name)
    for stack, name, each in topics:
        assert is_key(each["Properties"]["KmsMasterKeyId"]), (stack, name)
        mine = [one for one in about_topics if {"Ref": name} in one["Topics"]]
        assert any(denies_plain_text(one["PolicyDocument"]["Statement"]) for one in mine), (stack, name)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_logs_are_encrypted_and_end_when_the_configuration_says(environment, all_of, settings):
    groups = all_of("AWS::Logs::LogGroup")
    assert groups
    for stack, name, each in groups:
        assert is_key(each["Properties"]["KmsKeyId"]), (stack, name)
        assert each["Properties"]["RetentionInDays"] == settings.log_retention_days, (stack, name)
    functions = all_of("AWS::Lambda::Function")
    for stack, name, each in functions:
        assert "LogGroup" in each["Properties"]["LoggingConfig"], f"{stack} {name}: a group that nobody encrypts"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_tables_queries_features_and_packages_are_encrypted(environment, all_of):
    for stack, name, each in all_of("AWS::DynamoDB::Table"):
        assert each["Properties"]["SSESpecification"]["SSEType"] == "KMS", (stack, name)
        assert is_key(each["Properties"]["SSESpecification"]["KMSMasterKeyId"]), (stack, name)
    for stack, name, each in all_of("AWS::Athena::WorkGroup"):
        result = each["Properties"]["WorkGroupConfiguration"]["ResultConfiguration"]["EncryptionConfiguration"]
        assert result["EncryptionOption"] == "SSE_KMS", (stack, name)
        assert is_key(result["KmsKey"]), (stack, name)
    groups = all_of("AWS::SageMaker::FeatureGroup")
    assert groups
    for stack, name, each in groups:
        assert is_key(each["Properties"]["OnlineStoreConfig"]["SecurityConfig"]["KmsKeyId"]), (stack, name)
        assert is_key(each["Properties"]["OfflineStoreConfig"]["S3StorageConfig"]["KmsKeyId"]), (stack, name)
    for stack, name, each in all_of("AWS::CodeArtifact::Domain"):
        assert is_key(each["Properties"]["EncryptionKey"]), (stack, name)
    for stack, name, each in all_of("AWS::CloudTrail::Trail"):
        assert is_key(each["Properties"]["KMSKeyId"]), (stack, name)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_volumes_and_outputs_of_jobs_and_endpoints_are_encrypted(environment, all_of):
    configs = all_of("AWS::SageMaker::EndpointConfig")
    assert configs
    for stack, name, each in configs:
        assert is_key(each["Properties"]["KmsKeyId"]), (stack, name)
        assert is_key(each["Properties"]["DataCaptureConfig"]["KmsKeyId"]), (stack, name)
    pipelines = all_of("AWS::SageMaker::Pipeline")
    assert pipelines
    for stack, name, each in pipelines:
        waiting = [*json.loads(flat(each["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]))["Steps"]]
        while waiting:
            step = waiting.pop()
            arguments = step["Arguments"]
            waiting += [*arguments.get("IfSteps", []), *arguments.get("ElseSteps", [])]
            job = arguments.get("TrainingJobDefinition", arguments)
            if step["Type"] == "Processing":
                assert is_key(job["ProcessingOutputConfig"]["KmsKeyId"]), (stack, name, step["Name"])
                cluster = job["ProcessingResources"]["ClusterConfig"]
                assert is_key(cluster["VolumeKmsKeyId"]), (stack, name, step["Name"])
            elif step["Type"] in ("Training", "Tuning"):
                assert is_key(job["OutputDataConfig"]["KmsKeyId"]), (stack, name, step["Name"])
                assert is_key(job["ResourceConfig"]["VolumeKmsKeyId"]), (stack, name, step["Name"])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_there_is_one_key_which_rotates_and_opens_itself_to_nobody_without_a_condition(environment, all_of):
    [(stack, _, key)] = all_of("AWS::KMS::Key")
    assert stack == "foundation"
    assert key["Properties"]["EnableKeyRotation"] is True
    first, *others = key["Properties"]["KeyPolicy"]["Statement"]
    assert flat(first["Principal"]["AWS"]).endswith(":root")  # the account, so that roles' own policies count
    for statement in others:
        assert statement["Effect"] == "Allow"
        assert statement["Condition"], statement["Sid"]
        assert set(statement["Principal"]) <= {"Service", "AWS"}
        assert "*" not in str(statement["Principal"].get("AWS", ""))
        assert "kms:*" not in statement["Action"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_holds_state_outlives_its_stack_where_things_are_kept(environment, all_of, settings):
    wanted = "Retain" if settings.retain else "Delete"
    kinds = ("S3::Bucket", "KMS::Key", "DynamoDB::Table", "Logs::LogGroup", "SageMaker::ModelPackageGroup")
    for kind in kinds:
        for stack, name, each in all_of(f"AWS::{kind}"):
            assert each.get("DeletionPolicy", "Delete") == wanted, (stack, name)
            assert each.get("UpdateReplacePolicy", "Delete") == wanted, (stack, name)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_stacks_of_what_is_kept_cannot_be_deleted_by_accident(environment, assembly, settings):
    artifacts = json.loads((assembly(environment) / "manifest.json").read_text())["artifacts"]
    stacks = {name: each for name, each in artifacts.items() if each["type"] == "aws:cloudformation:stack"}
    assert stacks
    for name, each in stacks.items():
        assert each["properties"].get("terminationProtection", False) is settings.retain, name
