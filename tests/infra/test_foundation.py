"""The foundation keeps what it holds: encrypted, private, retained where it matters, and untouched by releases."""

import json

import pytest

from tests.infra.environments import ENVIRONMENTS

BUCKETS = {"Data666C94C7", "Artifacts82DD59A1", "Capture4F9379E3"}
KEPT = ("staging", "prod")
VANISHING = ("local", "dev")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_things_that_hold_state_keep_their_logical_ids(environment, templates):
    """A changed id is a new, empty resource."""
    foundation = templates(environment)["foundation"]
    assert set(foundation.resources("AWS::KMS::Key")) == {"Key961B73FD"}
    assert set(foundation.resources("AWS::S3::Bucket")) == BUCKETS | {"AccessLogs8B620ECA"}
    assert set(foundation.resources("AWS::SNS::Topic")) == {"TopicBFC7AF6E"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_release_parameters_never_change(environment, templates):
    """CloudFormation would write the initial value back, and so undo a release, if any of this differed."""
    prefix = f"/mlops/{environment}/loan-approval/release"
    parameters = templates(environment)["foundation"].resources("AWS::SSM::Parameter")
    bare = {name: {key: value for key, value in each.items() if key != "Metadata"} for name, each in parameters.items()}
    assert bare == {
        "ReleaseloanapprovalChampion2AFC533C": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": f"{prefix}/champion", "Type": "String", "Value": "none"},
        },
        "ReleaseloanapprovalChallenger5A8E7FEE": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": f"{prefix}/challenger", "Type": "String", "Value": "none"},
        },
        "ReleaseloanapprovalChallengerWeightB034621F": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": f"{prefix}/challenger-weight", "Type": "String", "Value": "0"},
        },
        "ReleaseloanapprovalShadowC27695C5": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": f"{prefix}/shadow", "Type": "String", "Value": "none"},
        },
        "ReleaseloanapprovalFailedDCC7F409": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": f"{prefix}/failed", "Type": "String", "Value": "none"},
        },
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_stacks_have_no_tags_that_would_reach_the_release_parameters(environment, assembly):
    manifest = json.loads((assembly(environment) / "manifest.json").read_text())
    stacks = [each for each in manifest["artifacts"].values() if each["type"] == "aws:cloudformation:stack"]
    assert len(stacks) == 4
    assert [each["properties"].get("tags") for each in stacks] == [None] * 4


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
def test_buckets_and_topic_refuse_plain_http(environment, templates):
    foundation = templates(environment)["foundation"]
    policies = {
        json.dumps(each["Properties"].get("Bucket") or each["Properties"]["Topics"]): each["Properties"]
        for kind in ("AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy")
        for each in foundation.resources(kind).values()
    }
    assert len(policies) == 5
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
        for kind in ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::SageMaker::ModelPackageGroup", "AWS::Logs::LogGroup"):
            for name, each in stack.resources(kind).items():
                assert (each["DeletionPolicy"], each["UpdateReplacePolicy"]) == ("Retain", "Retain"), name
        assert not stack.resources("Custom::EmptyOnDelete")


@pytest.mark.parametrize("environment", VANISHING)
def test_nothing_is_left_behind_where_it_may_vanish(environment, templates):
    emptied = set()
    for stack in templates(environment).values():
        for name, each in stack.body["Resources"].items():
            assert each.get("DeletionPolicy", "Delete") == "Delete", name
        for each in stack.resources("Custom::EmptyOnDelete").values():
            emptied.add((each["Properties"]["Kind"], json.dumps(each["Properties"]["Name"])))
    assert emptied == {
        *(("bucket", json.dumps({"Ref": name})) for name in BUCKETS | {"AccessLogs8B620ECA"}),
        ("model-package-group", f'"mlops-{environment}-loan-approval"'),
    }


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
def test_stacks_are_protected_from_deletion_where_data_are_kept(environment, synthesized):
    import aws_cdk as cdk

    protected = {
        each.termination_protection for each in synthesized(environment).node.children if isinstance(each, cdk.Stack)
    }
    assert protected == {environment in KEPT}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_function_needs_node(environment, templates):
    """CDK's own custom resources do; none may creep in."""
    for stack in templates(environment).values():
        for each in stack.resources("AWS::Lambda::Function").values():
            assert each["Properties"]["Runtime"] == "python3.14"
        kinds = {each["Type"] for each in stack.body["Resources"].values()}
        assert {kind for kind in kinds if kind.startswith("Custom::")} <= {"Custom::EmptyOnDelete"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_costs_can_be_allocated(environment, templates):
    for stack, template in templates(environment).items():
        for name, each in template.body["Resources"].items():
            tags = each.get("Properties", {}).get("Tags")
            if isinstance(tags, list):
                tags = {tag["Key"]: tag["Value"] for tag in tags}
                assert tags["project"] == "mlops", name
                assert tags["environment"] == environment, name
                assert ("model" in tags) is (stack != "foundation"), name


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_outputs_tell_people_where_things_are(environment, templates):
    outputs = {
        kind: {name for name in template.body["Outputs"] if not name.startswith("ExportsOutput")}
        for kind, template in templates(environment).items()
    }
    assert outputs == {
        "foundation": {"KeyArn", "DataBucket", "ArtifactsBucket", "CaptureBucket", "TopicArn"},
        "training": {"PipelineName", "ModelPackageGroupName"},
        "serving": {
            "ChampionPackage",
            "ChallengerPackage",
            "ChallengerWeight",
            "ShadowPackage",
            "EndpointName",
            "EndpointConfigName",
        },
        "release": {"FunctionName", "DeadLetterQueueUrl"},
    }
