"""Feature groups are encrypted and kept, guarded against what AWS cannot change, and open to their models alone."""

import json
from pathlib import Path

import pytest

from tests.infra.environments import ENVIRONMENTS, ROOT, TRAINED, Template, flat, new_app

GROUP = "AWS::SageMaker::FeatureGroup"
KEPT = ("staging", "prod")


def group_of(templates, environment):
    """The one feature group, its properties, and its template."""
    template = templates(environment)["features"]
    group = template.only(GROUP)
    return group, group["Properties"], template


@pytest.fixture(scope="module")
def features_with(tmp_path_factory):
    """The features template of an environment whose configuration has an addition."""

    def synthesize(addition, environment="prod"):
        from mlops_constructs.naming import EnvironmentNames
        from stacks.features import FeaturesStack
        from stacks.foundation import FoundationStack
        from stacks.settings import load

        folder = tmp_path_factory.mktemp(environment)
        for file in (ROOT / "config").glob("*.toml"):
            text = file.read_text() + (f"\n{addition}\n" if file.stem == environment else "")
            (folder / file.name).write_text(text)
        settings = load(folder, environment)
        names = EnvironmentNames(settings.project, environment)
        app = new_app(folder / "cdk.out")
        shared = FoundationStack(app, names.foundation_stack, names=names, settings=settings).foundation
        FeaturesStack(app, names.features_stack, names=names, settings=settings, foundation=shared)
        app.synth()
        return Template(json.loads(Path(app.outdir, f"{names.features_stack}.template.json").read_text()))

    return synthesize


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_group_is_what_the_configuration_says(environment, templates):
    group, properties, template = group_of(templates, environment)
    assert properties["FeatureGroupName"] == f"mlops-{environment}-bank-history"
    assert properties["RecordIdentifierFeatureName"] == "bank"
    assert properties["EventTimeFeatureName"] == "known_from"
    assert {each["FeatureName"]: each["FeatureType"] for each in properties["FeatureDefinitions"]} == {
        "bank": "String",
        "known_from": "String",
        "approvals_12m": "Integral",
        "charge_offs_12m": "Integral",
        "charge_off_share_12m": "Fractional",
    }
    assert list(template.resources(GROUP)) == ["Groupsbankhistory5B55F9E6"], "a changed id is a new, empty group"
    assert group["DeletionPolicy"] == ("Retain" if environment in KEPT else "Delete")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_tag_of_the_environment_is_no_change_of_a_group(environment, templates):
    """Tags, description, role and offline store are what CloudFormation replaces a group for; the guard knows the
    second, the others are the same in every deployment."""
    _, properties, template = group_of(templates, environment)
    assert "Tags" not in properties
    [role] = [each for name, each in template.resources("AWS::IAM::Role").items() if "bankhistoryrole" in name]
    assert {each["Key"] for each in role["Properties"]["Tags"]} == {"project", "environment"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_both_stores_are_encrypted_with_the_environments_key(environment, templates):
    _, properties, _ = group_of(templates, environment)
    online, offline = properties["OnlineStoreConfig"], properties["OfflineStoreConfig"]
    assert online["EnableOnlineStore"] is True
    assert "TtlDuration" not in online
    for place in (online["SecurityConfig"], offline["S3StorageConfig"]):
        assert "GetAttKey961B73FDArn" in flat(place["KmsKeyId"])
    uri = flat(offline["S3StorageConfig"]["S3Uri"])
    assert uri.startswith("s3://<") and "RefData666C94C7" in uri
    assert uri.endswith("/feature-store/bank_history")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_groups_role_writes_into_its_own_store_and_is_sagemakers(environment, templates):
    _, properties, template = group_of(templates, environment)
    role = "Groupsbankhistoryrole83BCF79C"  # with another id it would be another role, which AWS cannot give a group
    assert properties["RoleArn"] == {"Fn::GetAtt": [role, "Arn"]}
    [trust] = template.resources("AWS::IAM::Role")[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    allowed = template.allowed(role)
    written = {arn.partition("/")[2] for action, arn in allowed if action.startswith("s3:PutObject")}
    assert written == {"feature-store/bank_history/*"}
    assert {arn.partition("/")[2] for action, arn in allowed if action == "s3:GetObject"} == {
        "feature-store/bank_history/metadata/*"
    }
    tables = {arn.partition(":table/")[2] for action, arn in allowed if action == "glue:UpdateTable"} - {""}
    assert tables == {f"sagemaker_featurestore/mlops?{environment}?bank?history?*"}
    assert {action for action, _ in allowed if action.startswith("kms:")} == {"kms:GenerateDataKey", "kms:Decrypt"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_guard_judges_each_change_before_the_group_changes(environment, templates):
    group, _, template = group_of(templates, environment)
    [(name, guard)] = template.resources("Custom::FeatureGroup").items()
    assert name in group["DependsOn"]
    properties = dict(guard["Properties"])  # templates are shared by all tests
    definition = json.loads(properties.pop("Definition"))
    token = properties.pop("ServiceToken")
    assert properties == {
        "Kind": "feature-group",
        "Name": f"mlops-{environment}-bank-history",
        "Setting": "feature_groups.bank_history",
    }
    assert definition["features"]["charge_off_share_12m"] == "Fractional"
    assert definition["event_time"] == "known_from"
    assert token["Fn::GetAtt"][0] in template.resources("AWS::Lambda::Function")


def test_the_guard_may_look_at_its_own_stack_and_nothing_else(templates):
    template = templates("prod")["features"]
    allowed = template.allowed(template.role("GroupsGuardFunctionRole"))
    own = {pair for pair in allowed if not pair[0].startswith(("logs:", "xray:"))}
    assert own == {("cloudformation:DescribeStacks", "<AWS::StackId>")}


def test_the_guard_sees_what_a_deployment_would_send_it(features_with):
    """The definition of today and of tomorrow, as the function compares them."""
    import sys

    sys.path.insert(0, str(ROOT / "lambdas" / "custom_resources"))
    try:
        from feature_group import refusal
    finally:
        sys.path.pop(0)

    def definition(addition):
        return features_with(addition, "dev").only("Custom::FeatureGroup")["Properties"]["Definition"]

    group = "[feature_groups.bank_history"
    before = definition("")
    name = "mlops-dev-bank-history"
    assert refusal("x", name, before, definition(f"{group}.features]\nstate = 'String'")) == ""
    assert refusal("x", name, before, definition(f"{group}]\nttl_days = 90")) == ""
    said = refusal("x", name, before, definition(f"{group}]\ndescription = 'another'"))
    assert said.startswith("x.description") and "declare a group beside this one" in said
    assert "x.record_identifier" in refusal("x", name, before, definition(f"{group}]\nrecord_identifier = 'lender'"))


def test_records_expire_online_where_the_configuration_says_so(features_with):
    template = features_with("[feature_groups.bank_history]\nttl_days = 90")
    online = template.only(GROUP)["Properties"]["OnlineStoreConfig"]
    assert online["TtlDuration"] == {"Unit": "Days", "Value": 90}


def test_a_group_that_is_only_online_has_no_store_to_write_to(features_with):
    own = "description = 'x'\nrecord_identifier = 'a'\nevent_time = 'b'\nevent_time_type = 'Fractional'\n"
    added = f"[feature_groups.sessions]\n{own}online = true\noffline = false\nttl_days = 1\nfeatures = {{c = 'String'}}"
    groups = {
        each["Properties"]["FeatureGroupName"]: each["Properties"]
        for each in features_with(added).resources(GROUP).values()
    }
    assert set(groups) == {"mlops-prod-bank-history", "mlops-prod-sessions"}
    assert not {"OfflineStoreConfig", "RoleArn"} & set(groups["mlops-prod-sessions"])
    assert {"FeatureName": "b", "FeatureType": "Fractional"} in groups["mlops-prod-sessions"]["FeatureDefinitions"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_queries_are_limited_and_encrypted_and_each_says_where_its_results_go(environment, templates):
    workgroup = templates(environment)["features"].only("AWS::Athena::WorkGroup")["Properties"]
    assert workgroup["Name"] == f"mlops-{environment}-features"
    settings = workgroup["WorkGroupConfiguration"]
    assert settings["BytesScannedCutoffPerQuery"] == 1024**4
    assert settings["EnforceWorkGroupConfiguration"] is False, "a model's role may write below its folder alone"
    assert set(settings["ResultConfiguration"]) == {"EncryptionConfiguration"}
    assert settings["ResultConfiguration"]["EncryptionConfiguration"]["EncryptionOption"] == "SSE_KMS"


@pytest.mark.parametrize("environment", TRAINED)
def test_a_run_is_a_partition_that_a_query_has_to_name(environment, templates):
    table = templates(environment)["training"].only("AWS::Glue::Table")["Properties"]
    assert table["DatabaseName"] == f"mlops_{environment}_features"
    described = table["TableInput"]
    assert described["Name"] == "loan_approval_rows"
    assert [each["Name"] for each in described["StorageDescriptor"]["Columns"]] == ["row", "record", "event_time"]
    assert [each["Name"] for each in described["PartitionKeys"]] == ["run"]
    parameters = described["Parameters"]
    assert parameters["projection.run.type"] == "injected"
    assert flat(parameters["storage.location.template"]).endswith("/loan_approval/feature-rows/${run}/")
    assert described["StorageDescriptor"]["SerdeInfo"]["Parameters"]["field.delim"] == "\t"


@pytest.mark.parametrize("environment", TRAINED)
def test_the_pipeline_fills_and_reads_its_models_groups_and_no_others(environment, templates):
    training = templates(environment)["training"]
    allowed = training.allowed(training.role("TrainingRole"))
    records = {(action, arn.rpartition("/")[2]) for action, arn in allowed if "feature-group/" in arn}
    group = f"mlops-{environment}-bank-history"
    actions = ("PutRecord", "GetRecord", "BatchGetRecord", "DescribeFeatureGroup")
    assert records == {(f"sagemaker:{action}", group) for action in actions}
    assert {arn.rpartition("/")[2] for action, arn in allowed if action.startswith("athena:")} == {
        f"mlops-{environment}-features"
    }
    assert {arn.partition(":table/")[2] for action, arn in allowed if action.startswith("glue:")} - {""} == {
        f"mlops_{environment}_features/loan_approval_rows",
        f"sagemaker_featurestore/mlops?{environment}?bank?history?*",
    }
    stored = {arn.partition("/")[2] for action, arn in allowed if action == "s3:GetObject" and "Data666" in arn}
    assert stored == {"loan_approval/*", "feature-store/bank_history/*"}


def test_nothing_fills_groups_where_nothing_is_trained(templates):
    """In prod the facts come from a client: an endpoint reads them, and no role of these stacks writes them."""
    for kind, template in templates("prod").items():
        if kind == "access":
            continue
        actions = {action for role in template.resources("AWS::IAM::Role") for action, _ in template.allowed(role)}
        assert "sagemaker:PutRecord" not in actions, kind


@pytest.mark.parametrize("table", ["mlops_dev_bank_history_1682629457", "mlops-dev-bank-history-1634743303"])
def test_rights_hold_however_feature_store_spells_the_groups_table(table):
    from fnmatch import fnmatchcase

    from mlops_constructs.feature_access import offline_table

    assert fnmatchcase(f"sagemaker_featurestore/{table}", offline_table("mlops-dev-bank-history"))
    assert not fnmatchcase("sagemaker_featurestore/mlops_dev_bank_1682629457", offline_table("mlops-dev-bank-history"))


def test_a_model_that_uses_no_groups_gets_no_rights():
    from mlops_constructs.feature_access import FeatureAccess
    from mlops_constructs.naming import EnvironmentNames

    names = EnvironmentNames("mlops", "dev")
    none = FeatureAccess(names, {}, foundation=None)
    none.grant_put(None)
    none.grant_read_online(None)
    none.grant_describe(None)
    none.grant_query(None, names.model("loan_approval"))
    assert (none.documents, none.environment(names.model("loan_approval"))) == ({}, {})


def test_code_reads_what_a_container_is_told():
    from features.group import read_groups
    from mlops_constructs.feature_access import FeatureAccess
    from mlops_constructs.naming import EnvironmentNames
    from stacks.settings import load

    names, settings = EnvironmentNames("mlops", "local"), load(ROOT / "config", "local")
    access = FeatureAccess(names, settings.used_groups("loan_approval"), foundation=None)
    told = read_groups(access.environment(names.model("loan_approval"))["FEATURE_GROUPS"])
    assert told["bank_history"].physical == "mlops-local-bank-history"
    assert told["bank_history"].types == settings.feature_groups["bank_history"].types
    assert {name: each.document() for name, each in told.items()} == access.documents


def test_groups_that_a_container_cannot_be_told_of_are_refused_with_the_fix():
    from mlops_constructs.errors import SettingRefusedError
    from mlops_constructs.feature_access import FeatureAccess
    from mlops_constructs.feature_settings import FeatureType
    from mlops_constructs.naming import EnvironmentNames
    from stacks.settings import load

    names, settings = EnvironmentNames("mlops", "local"), load(ROOT / "config", "local")
    features = {f"feature_number_{number:02}": FeatureType.INTEGRAL for number in range(40)}
    wide = settings.feature_groups["bank_history"].model_copy(update={"features": features})
    with pytest.raises(SettingRefusedError, match=r"features\.groups = \['wide'\]: must be .* at most 1024 characters"):
        FeatureAccess(names, {"wide": wide}, foundation=None).environment(names.model("loan_approval"))
