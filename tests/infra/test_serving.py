"""The serving stack follows the release parameters, watches its new fleet, and is empty without a champion."""

import json

import pytest

from tests.infra.environments import ENVIRONMENTS

CONFIG_NAME = {"Fn::GetAtt": ["ServingConfig79E8D9DE", "EndpointConfigName"]}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_inputs_are_the_release_parameters_by_name(environment, templates):
    prefix = f"/mlops/{environment}/loan-approval/release"
    parameters = templates(environment)["serving"].body["Parameters"]
    assert {name: (each["Type"], each["Default"]) for name, each in parameters.items()} == {
        "ChampionPackage": ("AWS::SSM::Parameter::Value<String>", f"{prefix}/champion"),
        "ChallengerPackage": ("AWS::SSM::Parameter::Value<String>", f"{prefix}/challenger"),
        "ChallengerWeight": ("AWS::SSM::Parameter::Value<String>", f"{prefix}/challenger-weight"),
        "ShadowPackage": ("AWS::SSM::Parameter::Value<String>", f"{prefix}/shadow"),
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_update_reads_no_bootstrap_parameter(environment, templates):
    body = templates(environment)["serving"].body
    assert "BootstrapVersion" not in body["Parameters"]
    assert "Rules" not in body


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_without_a_champion_there_is_a_role_and_nothing_else(environment, templates):
    serving = templates(environment)["serving"]
    assert serving.body["Conditions"] == {
        "HasChampion": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ChampionPackage"}, "none"]}]}
    }
    standing = {each["Type"] for each in serving.body["Resources"].values() if "Condition" not in each}
    assert standing == {"AWS::IAM::Role", "AWS::IAM::Policy"}
    outputs = serving.body["Outputs"]
    assert {name for name, each in outputs.items() if each.get("Condition") == "HasChampion"} == {
        "EndpointName",
        "EndpointConfigName",
    }
    assert outputs["ChampionPackage"] == {"Value": {"Ref": "ChampionPackage"}}


def test_model_is_the_champion_package_and_every_answer_names_its_version(templates):
    model = templates("prod")["serving"].only("AWS::SageMaker::Model")["Properties"]
    champion = {"Ref": "ChampionPackage"}
    assert model["PrimaryContainer"] == {
        "ModelPackageName": champion,
        "Environment": {
            "MODEL_PACKAGE_ARN": champion,
            # "none" has no third part, and CloudFormation refuses to select what is not there.
            "MODEL_VERSION": {"Fn::Select": [2, {"Fn::Split": ["/", {"Fn::Join": ["", [champion, "//"]]}]}]},
        },
    }
    assert model["EnableNetworkIsolation"] is True
    assert "ModelName" not in model, "a fixed name could not be replaced"


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
def test_rollback_watches_the_new_fleet_and_people_are_told(environment, templates):
    serving = templates(environment)["serving"]
    alarms = serving.resources("AWS::CloudWatch::Alarm")
    endpoint = serving.only("AWS::SageMaker::Endpoint")["Properties"]
    rollback = endpoint["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert {each["AlarmName"]["Ref"] for each in rollback} == set(alarms)
    assert {each["Properties"]["MetricName"] for each in alarms.values()} == {
        "Invocation4XXErrors",
        "Invocation5XXErrors",
        "ModelLatency",
    }
    for each in alarms.values():
        assert {d["Name"]: d["Value"] for d in each["Properties"]["Dimensions"]} == {
            "EndpointName": f"mlops-{environment}-loan-approval",
            "VariantName": "champion",
            "EndpointConfigName": CONFIG_NAME,
        }
        assert each["Properties"]["Namespace"] == "AWS/SageMaker"
        assert each["Properties"]["TreatMissingData"] == "notBreaching"
        [action] = each["Properties"]["AlarmActions"]
        assert "Topic" in action["Fn::ImportValue"]


def test_thresholds_are_shares_and_microseconds(templates):
    alarms = templates("prod")["serving"].resources("AWS::CloudWatch::Alarm").values()
    by_metric = {each["Properties"]["MetricName"]: each["Properties"] for each in alarms}
    assert by_metric["Invocation5XXErrors"]["Threshold"] == 0.01
    assert by_metric["Invocation4XXErrors"]["Threshold"] == 0.1
    assert by_metric["ModelLatency"]["Threshold"] == 500_000
    assert by_metric["ModelLatency"]["ExtendedStatistic"] == "p95"
    assert {each["EvaluationPeriods"] for each in by_metric.values()} == {3}
    assert {each["Period"] for each in by_metric.values()} == {60}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_autoscaling_follows_the_endpoint(environment, templates):
    serving = templates(environment)["serving"]
    target = serving.only("AWS::ApplicationAutoScaling::ScalableTarget")
    [endpoint] = serving.resources("AWS::SageMaker::Endpoint")
    assert endpoint in target["DependsOn"]
    assert target["Properties"]["ResourceId"] == f"endpoint/mlops-{environment}-loan-approval/variant/champion"
    [variant] = serving.only("AWS::SageMaker::EndpointConfig")["Properties"]["ProductionVariants"]
    capacity = target["Properties"]["MinCapacity"], target["Properties"]["MaxCapacity"]
    assert capacity[0] <= variant["InitialInstanceCount"] <= capacity[1]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_role_may_do_exactly_this(environment, templates):
    serving = templates(environment)["serving"]
    assert {action for action, _ in serving.allowed(serving.role("Role"))} == {
        "cloudwatch:DescribeAlarms",
        "cloudwatch:PutMetricData",
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetAuthorizationToken",
        "ecr:GetDownloadUrlForLayer",
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
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
    }
