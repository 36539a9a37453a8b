"""The serving stack follows the release parameters by name, watches its fleets, and checks what it may not change."""

import json

import pytest

from mlops_constructs.naming import STACK_LIMIT
from tests.infra.environments import ENVIRONMENTS, SWITCHED, flat
from tests.infra.serving_stack import (
    CONFIG_NAME,
    watched,
)

SWITCH = {"Running": ("String", "on"), "RunningAsked": ("String", "with the stack")}
BANK_HISTORY = {
    "name": "bank_history",
    "physical": "mlops-prod-bank-history",
    "record_identifier": "bank",
    "event_time": "known_from",
    "event_time_type": "String",
    "features": {"approvals_12m": "Integral", "charge_offs_12m": "Integral", "charge_off_share_12m": "Fractional"},
}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_inputs_are_the_release_parameters_by_name(environment, templates):
    prefix = f"/mlops/{environment}/loan-approval/release"
    parameters = templates(environment)["serving"].body["Parameters"]
    # CDK's own parameters are those of an environment that artifacts are read from.
    released = {name: each for name, each in parameters.items() if not name.startswith("SsmParameterValue")}
    assert {name: (each["Type"], each["Default"]) for name, each in released.items()} == {
        "ChampionPackage": ("AWS::SSM::Parameter::Value<String>", f"{prefix}/champion"),
        "ChallengerPackage": ("AWS::SSM::Parameter::Value<String>", f"{prefix}/challenger"),
        "ChallengerWeight": ("AWS::SSM::Parameter::Value<String>", f"{prefix}/challenger-weight"),
        "ShadowPackage": ("AWS::SSM::Parameter::Value<String>", f"{prefix}/shadow"),
        **(SWITCH if environment in SWITCHED else {}),
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_update_reads_no_bootstrap_parameter(environment, templates):
    body = templates(environment)["serving"].body
    assert "BootstrapVersion" not in body["Parameters"]
    assert "Rules" not in body


def test_model_is_the_champion_package_and_every_answer_names_its_version(templates):
    model = templates("prod")["serving"].resources("AWS::SageMaker::Model")["ServingModel2BFB7A72"]["Properties"]
    champion = {"Ref": "ChampionPackage"}
    assert model["PrimaryContainer"] == {
        "ModelPackageName": champion,
        "Environment": {
            "MODEL_PACKAGE_ARN": champion,
            # "none" has no third part, and CloudFormation refuses to select what is not there.
            "FEATURE_GROUPS": json.dumps({"bank_history": BANK_HISTORY}, separators=(",", ":")),
            "SAGEMAKER_REGION": {"Ref": "AWS::Region"},
            "MODEL_VERSION": {"Fn::Select": [2, {"Fn::Split": ["/", {"Fn::Join": ["", [champion, "//"]]}]}]},
        },
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_models_can_be_replaced(environment, templates):
    models = templates(environment)["serving"].resources("AWS::SageMaker::Model")
    assert len(models) == 3
    for each in models.values():
        assert "ModelName" not in each["Properties"], "a fixed name could not be replaced"


@pytest.mark.parametrize("groups", [["bank_history"], []])
def test_models_have_a_network_only_if_they_read_features_and_a_right_to_those_alone(groups, prod_with):
    own = "[models.loan_approval.release]\ntakes_from = ''\nrequires = []\n"
    template = prod_with(f"{own}[models.loan_approval.features]\ngroups = {groups}")
    for each in template.resources("AWS::SageMaker::Model").values():
        assert each["Properties"]["EnableNetworkIsolation"] is (not groups)
        assert ("FEATURE_GROUPS" in each["Properties"]["PrimaryContainer"]["Environment"]) is bool(groups)
    read = {pair for pair in template.allowed("Role1ABCC5F0") if pair[0].endswith("Record")}
    group = "arn:<AWS::Partition>:sagemaker:<AWS::Region>:<AWS::AccountId>:feature-group/mlops-prod-bank-history"
    assert read == ({("sagemaker:GetRecord", group), ("sagemaker:BatchGetRecord", group)} if groups else set())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_traffic_is_captured_encrypted_below_the_models_prefix(environment, templates):
    config = templates(environment)["serving"].only("AWS::SageMaker::EndpointConfig")["Properties"]
    assert "EndpointConfigName" not in config, "a fixed name could not be replaced"
    capture = config["DataCaptureConfig"]
    assert capture["EnableCapture"] is True
    assert capture["InitialSamplingPercentage"] == 100
    assert capture["CaptureOptions"] == [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]
    assert capture["CaptureContentTypeHeader"] == {
        "CsvContentTypes": ["text/csv"],
        "JsonContentTypes": ["application/json"],
    }
    assert capture["DestinationS3Uri"]["Fn::Join"][1][-1] == "/loan_approval"
    assert capture["KmsKeyId"] == config["KmsKeyId"]
    assert "KeyF" in json.dumps(capture["KmsKeyId"]) or "Key961B73FD" in json.dumps(capture["KmsKeyId"])


@pytest.mark.parametrize(
    ("environment", "routing"),
    [
        ("local", {"Type": "CANARY", "WaitIntervalInSeconds": 2}),
        ("dev", {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 60}),
        ("staging", {"Type": "CANARY", "WaitIntervalInSeconds": 300}),
        ("prod", {"Type": "CANARY", "WaitIntervalInSeconds": 600}),
    ],
)
def test_models_are_replaced_step_by_step(environment, routing, templates):
    endpoint = templates(environment)["serving"].only("AWS::SageMaker::Endpoint")["Properties"]
    policy = endpoint["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    size = {"CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10}} if routing["Type"] == "CANARY" else {}
    assert policy["TrafficRoutingConfiguration"] == routing | size
    assert "RollingUpdatePolicy" not in endpoint["DeploymentConfig"]
    assert endpoint["RetainAllVariantProperties"] is True
    assert endpoint["EndpointName"] == f"mlops-{environment}-loan-approval"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_rollback_watches_the_champions_new_fleet(environment, templates):
    serving = templates(environment)["serving"]
    endpoint = serving.only("AWS::SageMaker::Endpoint")["Properties"]
    rollback = endpoint["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert {each["AlarmName"]["Ref"] for each in rollback} == watched(serving)["champion"]


@pytest.mark.parametrize("variant", ["champion", "challenger", "shadow"])
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_people_are_told_of_every_fleet(environment, variant, templates):
    serving = templates(environment)["serving"]
    alarms = {name: serving.body["Resources"][name]["Properties"] for name in watched(serving)[variant]}
    assert {each["MetricName"] for each in alarms.values()} == {
        "Invocation4XXErrors",
        "Invocation5XXErrors",
        "ModelLatency",
    }
    for each in alarms.values():
        assert {d["Name"]: d["Value"] for d in each["Dimensions"]} == {
            "EndpointName": f"mlops-{environment}-loan-approval",
            "VariantName": variant,
            "EndpointConfigName": CONFIG_NAME,
        }
        assert each["Namespace"] == "AWS/SageMaker"
        assert each["TreatMissingData"] == "notBreaching"
        [action] = each["AlarmActions"]
        assert "Topic" in action["Fn::ImportValue"]


def test_thresholds_are_shares_and_microseconds(templates):
    alarms = templates("prod")["serving"].resources("AWS::CloudWatch::Alarm").values()
    thresholds = {"Invocation5XXErrors": 0.01, "Invocation4XXErrors": 0.1, "ModelLatency": 500_000}
    for each in (alarm["Properties"] for alarm in alarms):
        assert each["Threshold"] == thresholds[each["MetricName"]]
        assert each.get("ExtendedStatistic") == ("p95" if each["MetricName"] == "ModelLatency" else None)
        assert (each["EvaluationPeriods"], each["Period"]) == (3, 60)


@pytest.mark.parametrize(("autoscaling", "switch"), [("true", "on"), ("false", "off")])
def test_instance_type_is_checked_before_the_endpoint_moves(autoscaling, switch, prod_with):
    template = prod_with(f"[models.loan_approval.serving.autoscaling]\nenabled = {autoscaling}")
    [(name, check)] = template.resources("Custom::InstanceType").items()
    [function] = template.resources("AWS::Lambda::Function")
    assert name in template.only("AWS::SageMaker::EndpointConfig")["DependsOn"]
    assert check["Properties"] == {
        "ServiceToken": {"Fn::GetAtt": [function, "Arn"]},
        "Kind": "instance-type",
        "Name": "mlops-prod-loan-approval",
        "InstanceType": "ml.m5.large",
        "Autoscaling": switch,
    }
    assert check["Condition"] == "HasChampion", "without an endpoint any type will do"


def test_the_check_may_write_its_log_and_nothing_else(templates):
    serving = templates("prod")["serving"]
    [log_group] = serving.resources("AWS::Logs::LogGroup")
    assert serving.allowed(serving.role("ServingInstanceTypeFunctionRole")) == {
        ("logs:CreateLogStream", f"<{log_group}>"),
        ("logs:PutLogEvents", f"<{log_group}>"),
        ("xray:PutTelemetryRecords", "*"),
        ("xray:PutTraceSegments", "*"),
    }


def test_role_may_look_at_the_alarms_of_every_variant(templates):
    serving = templates("local")["serving"]
    [alarms] = [arn for action, arn in serving.allowed("Role1ABCC5F0") if action == "cloudwatch:DescribeAlarms"]
    assert flat(alarms) == "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:mlops-local-loan-approval-serving-*"
    for each in serving.resources("AWS::CloudWatch::Alarm").values():
        assert flat(each["Properties"]["AlarmName"]).startswith("mlops-local-loan-approval-serving-")


def test_another_fleet_has_other_alarms(templates):
    # An alarm that only looked elsewhere would keep its state: an old fleet's ALARM would stop what replaces it.
    alarms = templates("prod")["serving"].resources("AWS::CloudWatch::Alarm").values()
    names = [flat(each["Properties"]["AlarmName"]) for each in alarms]
    assert len(set(names)) == len(names) == 9
    assert all(name.endswith("-<ServingConfig79E8D9DE>") for name in names)
    longest = max(len(name.replace("<ServingConfig79E8D9DE>", "c" * 63)) for name in names)
    assert longest + STACK_LIMIT - len("mlops-prod-loan-approval-serving") <= 255, "PutMetricAlarm: AlarmName"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_role_may_do_exactly_this(environment, templates):
    serving = templates(environment)["serving"]
    assert {action for action, _ in serving.allowed("Role1ABCC5F0")} == {
        "cloudwatch:DescribeAlarms",
        "cloudwatch:PutMetricData",
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetAuthorizationToken",
        "ecr:GetDownloadUrlForLayer",
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",  # of transform jobs
        "kms:GenerateDataKey",
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
        "s3:AbortMultipartUpload",
        "s3:GetBucketLocation",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
        "sagemaker:BatchGetRecord",
        "sagemaker:GetRecord",
    }


@pytest.mark.parametrize(("setting", "value"), [("", "random"), ('assignment = "sticky"', "sticky")])
def test_the_endpoint_tells_callers_who_draws_the_variant(setting, value, prod_with):
    template = prod_with(f"[models.loan_approval.serving]\n{setting}")
    [endpoint] = template.resources("AWS::SageMaker::Endpoint").values()
    assert {"Key": "assignment", "Value": value} in endpoint["Properties"]["Tags"]
