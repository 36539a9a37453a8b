"""The foundation keeps what it holds: encrypted, private, retained where it matters, and untouched by releases."""

import json
import re

import pytest

from tests.infra.environments import ENVIRONMENTS, PRIVATE, STACKS, SWITCHED, stack_names

BUCKETS = {"Data666C94C7", "Artifacts82DD59A1", "Capture4F9379E3", "Evidence4CC26D68"}
KEPT = ("staging", "prod")
KEEPING = (
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SageMaker::FeatureGroup",
    "AWS::SageMaker::ModelPackageGroup",
)
OWN_CUSTOM_RESOURCES = {
    "Custom::DefaultSecurityGroup",
    "Custom::EmptyOnDelete",
    "Custom::FeatureGroup",
    "Custom::InstanceType",
}
VANISHING = ("local", "dev")
OF_A_MODEL = ("training", "serving", "release", "monitoring", "governance")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_things_that_hold_state_keep_their_logical_ids(environment, templates):
    """A changed id is a new, empty resource."""
    foundation = templates(environment)["foundation"]
    assert set(foundation.resources("AWS::KMS::Key")) == {"Key961B73FD"}
    assert set(foundation.resources("AWS::S3::Bucket")) == BUCKETS | {"AccessLogs8B620ECA"}
    assert set(foundation.resources("AWS::SNS::Topic")) == {"TopicBFC7AF6E"}
    assert set(foundation.resources("AWS::DynamoDB::Table")) == {"LedgerB7379752"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_release_parameters_never_change(environment, templates):
    """CloudFormation would write the initial value back, and so undo a release, if any of this differed."""
    prefix = f"/mlops/{environment}/loan-approval/release"
    initial = {
        "ReleaseChampion2012CACC": ("champion", "none"),
        "ReleaseChallenger697F6071": ("challenger", "none"),
        "ReleaseChallengerWeightE0D93E48": ("challenger-weight", "0"),
        "ReleaseShadow6FB4DFFC": ("shadow", "none"),
        "ReleaseFailedC4819225": ("failed", "none"),
        "ReleasePreviousF84FBD84": ("previous", "none"),
        "ReleaseCandidateA85E282C": ("candidate", "none"),
        "ReleaseCommandFD6FB1EC": ("command", "none"),
        "ReleaseAllowed3FC49052": ("allowed", "none"),
    }
    parameters = templates(environment)["state"].resources("AWS::SSM::Parameter")
    bare = {name: {key: value for key, value in each.items() if key != "Metadata"} for name, each in parameters.items()}
    assert bare == {
        name: {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": f"{prefix}/{parameter}", "Type": "String", "Value": value},
        }
        for name, (parameter, value) in initial.items()
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_other_environments_can_find_the_artifacts(environment, templates):
    parameters = templates(environment)["foundation"].resources("AWS::SSM::Parameter").values()
    values = {each["Properties"]["Name"]: each["Properties"]["Value"] for each in parameters}
    shared = {name: value for name, value in values.items() if "/foundation/" in name}
    assert shared == {
        f"/mlops/{environment}/foundation/artifacts-bucket": {"Ref": "Artifacts82DD59A1"},
        f"/mlops/{environment}/foundation/key": {"Fn::GetAtt": ["Key961B73FD", "Arn"]},
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_ledger_is_encrypted_and_can_be_wound_back(environment, templates):
    table = templates(environment)["foundation"].only("AWS::DynamoDB::Table")["Properties"]
    assert table["KeySchema"] == [
        {"AttributeName": "model", "KeyType": "HASH"},
        {"AttributeName": "entry", "KeyType": "RANGE"},
    ]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"] == {
        "SSEEnabled": True,
        "SSEType": "KMS",
        "KMSMasterKeyId": {"Fn::GetAtt": ["Key961B73FD", "Arn"]},
    }
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["DeletionProtectionEnabled"] is (environment in KEPT)
    assert "TableName" not in table


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_buckets_that_outcomes_and_training_data_arrive_in_send_events(environment, templates):
    buckets = templates(environment)["foundation"].resources("AWS::S3::Bucket")
    telling = {
        name: each["Properties"]["NotificationConfiguration"]
        for name, each in buckets.items()
        if "NotificationConfiguration" in each["Properties"]
    }
    on = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert telling == {"Capture4F9379E3": on, "Data666C94C7": on}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_stacks_have_no_tags_that_would_reach_the_release_parameters(environment, assembly):
    manifest = json.loads((assembly(environment) / "manifest.json").read_text())
    stacks = [each for each in manifest["artifacts"].values() if each["type"] == "aws:cloudformation:stack"]
    assert len(stacks) == len(stack_names(environment))
    assert {each["properties"].get("tags") is None for each in stacks} == {True}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_buckets_are_encrypted_private_and_versioned(environment, templates):
    buckets = templates(environment)["foundation"].resources("AWS::S3::Bucket")
    for name in BUCKETS:
        properties = buckets[name]["Properties"]
        [rule] = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"] == {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": {"Fn::GetAtt": ["Key961B73FD", "Arn"]},
        }
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
        assert properties["LoggingConfiguration"]["DestinationBucketName"] == {"Ref": "AccessLogs8B620ECA"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_evidence_cannot_be_removed_for_years_where_data_are_kept_and_nothing_else_is_locked(environment, templates):
    buckets = templates(environment)["foundation"].resources("AWS::S3::Bucket")
    locked = {
        name: each["Properties"]["ObjectLockConfiguration"]
        for name, each in buckets.items()
        if "ObjectLockConfiguration" in each["Properties"]
    }
    years = {"Rule": {"DefaultRetention": {"Days": 2555, "Mode": "GOVERNANCE"}}, "ObjectLockEnabled": "Enabled"}
    assert locked == ({"Evidence4CC26D68": years} if environment in KEPT else {})
    assert {buckets[name]["Properties"]["ObjectLockEnabled"] for name in locked} <= {True}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_buckets_and_topic_refuse_plain_http(environment, templates):
    foundation = templates(environment)["foundation"]
    policies = {
        json.dumps(each["Properties"].get("Bucket") or each["Properties"]["Topics"]): each["Properties"]
        for kind in ("AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy")
        for each in foundation.resources(kind).values()
    }
    assert len(policies) == 6
    for properties in policies.values():
        assert any(
            statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            for statement in properties["PolicyDocument"]["Statement"]
        )


def test_key_rotates_and_serves_logs_alarms_and_rules_of_this_account_only(templates):
    key = templates("prod")["foundation"].only("AWS::KMS::Key")["Properties"]
    assert key["EnableKeyRotation"] is True
    statements = {each.get("Sid"): each for each in key["KeyPolicy"]["Statement"]}
    assert "kms:EncryptionContext:aws:logs:arn" in statements["LogGroupsOfThisAccount"]["Condition"]["ArnLike"]
    publishers = statements["AlarmsAndRulesOfThisAccount"]
    assert publishers["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert publishers["Principal"]["Service"] == ["cloudwatch.amazonaws.com", "events.amazonaws.com"]


@pytest.mark.parametrize("environment", KEPT)
def test_data_outlive_their_stacks_where_it_matters(environment, templates):
    for stack in templates(environment).values():
        for kind in KEEPING:
            for name, each in stack.resources(kind).items():
                assert (each["DeletionPolicy"], each["UpdateReplacePolicy"]) == ("Retain", "Retain"), name
        assert not stack.resources("Custom::EmptyOnDelete")


@pytest.mark.parametrize("environment", VANISHING)
def test_nothing_is_left_behind_where_it_may_vanish(environment, templates):
    buckets, emptied = set(), set()
    for stack in templates(environment).values():
        buckets |= {("bucket", json.dumps({"Ref": name})) for name in stack.resources("AWS::S3::Bucket")}
        for name, each in stack.body["Resources"].items():
            assert each.get("DeletionPolicy", "Delete") == "Delete", name
        for each in stack.resources("Custom::EmptyOnDelete").values():
            emptied.add((each["Properties"]["Kind"], json.dumps(each["Properties"]["Name"])))
    assert emptied == {*buckets, ("model-package-group", f'"mlops-{environment}-loan-approval"')}


@pytest.mark.parametrize("environment", VANISHING)
def test_a_bucket_is_emptied_while_its_function_may_still_do_so(environment, templates):
    """CloudFormation deletes in reverse: the custom resource, then what it depends on."""
    foundation = templates(environment)["foundation"]
    function = foundation.only("AWS::Lambda::Function")
    policies = [name for name in function["DependsOn"] if "Policy" in name]
    assert policies
    [target] = foundation.resources("AWS::Lambda::Function")
    for each in foundation.resources("Custom::EmptyOnDelete").values():
        assert each["Properties"]["ServiceToken"] == {"Fn::GetAtt": [target, "Arn"]}


@pytest.mark.parametrize("environment", VANISHING)
def test_s3_loses_the_right_to_write_logs_before_their_bucket_is_emptied(environment, templates):
    """Deleting the other buckets' objects is logged too; what arrives late would keep the bucket from deletion."""
    foundation = templates(environment)["foundation"]
    emptied_by = {
        each["Properties"]["Name"]["Ref"]: name for name, each in foundation.resources("Custom::EmptyOnDelete").items()
    }
    policies = {
        each["Properties"]["Bucket"]["Ref"]: (name, each.get("DependsOn", []))
        for name, each in foundation.resources("AWS::S3::BucketPolicy").items()
    }
    for bucket, (policy, after) in policies.items():
        emptying = emptied_by[bucket]
        if bucket == "AccessLogs8B620ECA":
            assert after == [emptying]
        else:
            assert foundation.body["Resources"][emptying]["DependsOn"] == [policy]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_stacks_are_protected_from_deletion_where_data_are_kept(environment, assembly):
    manifest = json.loads((assembly(environment) / "manifest.json").read_text())
    stacks = [each for each in manifest["artifacts"].values() if each["type"] == "aws:cloudformation:stack"]
    assert len(stacks) == len(stack_names(environment))
    assert {each["properties"].get("terminationProtection", False) for each in stacks} == {environment in KEPT}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_function_needs_node(environment, templates):
    """CDK's own custom resources do; none may creep in."""
    for stack in templates(environment).values():
        for each in stack.resources("AWS::Lambda::Function").values():
            assert each["Properties"]["Runtime"] == "python3.14"
        kinds = {each["Type"] for each in stack.body["Resources"].values()}
        assert {kind for kind in kinds if kind.startswith("Custom::")} <= OWN_CUSTOM_RESOURCES


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_costs_can_be_allocated(environment, templates):
    for stack, template in templates(environment).items():
        for name, each in template.body["Resources"].items():
            tags = each.get("Properties", {}).get("Tags")
            if isinstance(tags, list):
                tags = {tag["Key"]: tag["Value"] for tag in tags}
                assert tags["project"] == "mlops", name
                assert tags["environment"] == environment, name
                assert ("model" in tags) is (stack in OF_A_MODEL), name


def test_what_models_import_from_the_foundation_does_not_come_and_go(templates):
    """CloudFormation refuses to remove an export before the last stack that imports it has changed."""
    exported = {
        environment: {
            name.removeprefix(f"mlops-{environment}-foundation:")
            for each in templates(environment)["foundation"].body["Outputs"].values()
            if (name := each.get("Export", {}).get("Name"))
        }
        for environment in ENVIRONMENTS
    }
    of_the_network = {
        environment: {name for name in names if name.startswith("ExportsOutputRefNetwork")}
        for environment, names in exported.items()
    }
    assert len({frozenset(exported[each] - of_the_network[each]) for each in ENVIRONMENTS}) == 1
    assert {each for each, names in of_the_network.items() if names} == set(PRIVATE)
    assert len({frozenset(of_the_network[each]) for each in PRIVATE}) == 1
    for environment in ENVIRONMENTS:
        stacks = json.dumps([each.body for each in templates(environment).values()])
        imported = set(re.findall(rf'"Fn::ImportValue": "mlops-{environment}-foundation:(\w+)"', stacks))
        assert imported <= exported[environment]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_outputs_tell_people_where_things_are(environment, templates):
    outputs = {
        kind: {name for name in template.body["Outputs"] if not name.startswith("ExportsOutput")}
        for kind, template in templates(environment).items()
        if "Outputs" in template.body
    }
    expected = {
        "network": {"VpcId"},
        "foundation": {"KeyArn", "DataBucket", "ArtifactsBucket", "CaptureBucket", "EvidenceBucket"}
        | {"LedgerTable", "TopicArn"},
        "features": {"WorkgroupName"},
        "training": {"PipelineName", "ModelPackageGroupName"},
        "serving": {
            "ChampionPackage",
            "ChallengerPackage",
            "ChallengerWeight",
            "ShadowPackage",
            "EndpointName",
            "EndpointConfigName",
            "ModelName",
            "ChampionAlarms",
            "ChallengerAlarms",
            "ShadowAlarms",
            "ChallengerScaled",
            *(["RunningNow"] if environment in SWITCHED else []),
        },
        "release": {
            "FunctionName",
            "DeadLetterQueueUrl",
            "BatchFunctionName",
            *(["TestsFunctionName"] if environment == "staging" else []),
        },
        "monitoring": {
            "DashboardName",
            "PipelineName",
            "DeadLetterQueueUrl",
            *(["RetrainingFunctionName"] if environment in ("local", "staging") else []),
        },
        "overview": {"DashboardName"},
    }
    told_elsewhere = {"access", "governance"}
    assert {kind: names for kind, names in outputs.items() if kind not in told_elsewhere} == {
        kind: expected[kind] for kind in STACKS[environment] if kind not in {*told_elsewhere, "state"}
    }, "the release state is read by its parameters' names"
