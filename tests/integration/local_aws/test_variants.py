"""An endpoint's variants come and go by stack updates under steady traffic: no request fails.

The tests of this module run in their order on one stack, whose template adds and removes variants by conditions.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .serving import IMAGE, Serving, Traffic, eventually

ENDPOINT = "variants-test"
STACK = "variants-test"
NOTHING = {"Ref": "AWS::NoValue"}


def model(version: str) -> dict[str, Any]:
    container = {
        "Image": IMAGE,
        "ModelDataUrl": {"Fn::Sub": f"s3://{ENDPOINT}-capture/models/${{{version}}}.tar.gz"},
        "Environment": {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
    }
    role = "arn:aws:iam::111122223333:role/serving"
    return {"Type": "AWS::SageMaker::Model", "Properties": {"PrimaryContainer": container, "ExecutionRoleArn": role}}


def variant(name: str, model: str, weight: float) -> dict[str, Any]:
    return {
        "VariantName": name,
        "ModelName": {"Fn::GetAtt": [model, "ModelName"]},
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": weight,
    }


def template() -> dict[str, Any]:
    """Champion always; challenger, shadow and the challenger's scaling on demand."""
    watched = {"MinCapacity": 1, "MaxCapacity": {"Ref": "MaxInstances"}, "ServiceNamespace": "sagemaker"}
    dimension = "sagemaker:variant:DesiredInstanceCount"

    def target(name: str) -> dict[str, Any]:
        resource_id = {"Fn::Sub": f"endpoint/${{Endpoint.EndpointName}}/variant/{name}"}
        properties = {**watched, "ScalableDimension": dimension, "ResourceId": resource_id}
        return {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": properties}

    capture = {
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{ENDPOINT}-capture/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
    }
    policy = {
        "PolicyName": "requests",
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": {"Ref": "ChampionTarget"},
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": {"Ref": "Requests"},
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        },
    }
    blue_green = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 30},
                "WaitIntervalInSeconds": 1,
            },
            "TerminationWaitInSeconds": 0,
        }
    }
    champion, challenger = variant("champion", "ChampionModel", 1), variant("challenger", "ChallengerModel", 0)
    shadow = variant("shadow", "ShadowModel", 1)
    return {
        "Parameters": {
            "Champion": {"Type": "String"},
            "Challenger": {"Type": "String", "Default": "none"},
            "Shadow": {"Type": "String", "Default": "none"},
            "ScaleChallenger": {"Type": "String", "Default": "false"},
            "MaxInstances": {"Type": "Number", "Default": 2},
            "Requests": {"Type": "Number", "Default": 100000},
        },
        "Conditions": {
            "HasChallenger": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Challenger"}, "none"]}]},
            "HasShadow": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Shadow"}, "none"]}]},
            "ScalesChallenger": {"Fn::Equals": [{"Ref": "ScaleChallenger"}, "true"]},
        },
        "Resources": {
            "ChampionModel": model("Champion"),
            "ChallengerModel": {**model("Challenger"), "Condition": "HasChallenger"},
            "ShadowModel": {**model("Shadow"), "Condition": "HasShadow"},
            "Config": {
                "Type": "AWS::SageMaker::EndpointConfig",
                "Properties": {
                    "ProductionVariants": [champion, {"Fn::If": ["HasChallenger", challenger, NOTHING]}],
                    "ShadowProductionVariants": {"Fn::If": ["HasShadow", [shadow], NOTHING]},
                    "DataCaptureConfig": capture,
                },
            },
            "Endpoint": {
                "Type": "AWS::SageMaker::Endpoint",
                "Properties": {
                    "EndpointName": ENDPOINT,
                    "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
                    "RetainAllVariantProperties": True,
                    "DeploymentConfig": blue_green,
                },
            },
            "ChampionTarget": target("champion"),
            "ChampionPolicy": {"Type": "AWS::ApplicationAutoScaling::ScalingPolicy", "Properties": policy},
            "ChallengerTarget": {**target("challenger"), "Condition": "ScalesChallenger"},
        },
        "Outputs": {"Target": {"Value": {"Ref": "ChampionTarget"}}, "Policy": {"Value": {"Ref": "ChampionPolicy"}}},
    }


class Variants:
    """The stack, its endpoint and its scalable targets."""

    def __init__(self, local_aws: Any) -> None:
        self.serving = Serving(local_aws, ENDPOINT)
        self.stacks = local_aws.client("cloudformation")
        self.scaling = local_aws.client("application-autoscaling")
        self.cloudwatch = local_aws.client("cloudwatch")
        self._parameters: dict[str, str] = {}
        self._exists = False

    def deploy(self, **parameters: str) -> dict[str, Any]:
        """Create or update the stack; parameters stay until they are given again."""
        self._parameters |= parameters
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in self._parameters.items()]
        change = self.stacks.update_stack if self._exists else self.stacks.create_stack
        self._exists = True
        change(StackName=STACK, TemplateBody=json.dumps(template()), Parameters=given)
        eventually(lambda: not self.described()["StackStatus"].endswith("_IN_PROGRESS"), 60)
        return self.described()

    def described(self) -> dict[str, Any]:
        return dict(self.stacks.describe_stacks(StackName=STACK)["Stacks"][0])

    def reasons(self) -> str:
        events = self.stacks.describe_stack_events(StackName=STACK)["StackEvents"]
        return "\n".join(event.get("ResourceStatusReason", "") for event in events)

    def names(self) -> list[str]:
        described = self.serving.settled()
        members = ("ProductionVariants", "ShadowProductionVariants")
        return [variant["VariantName"] for member in members for variant in described.get(member, [])]

    def weigh(self, **weights: float) -> None:
        changes = [{"VariantName": name, "DesiredWeight": weight} for name, weight in weights.items()]
        self.serving.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=ENDPOINT, DesiredWeightsAndCapacities=changes
        )
        self.serving.settled()

    def targets(self) -> dict[str, dict[str, Any]]:
        found = self.scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        return {target["ResourceId"].rpartition("/")[2]: target for target in found}


@pytest.fixture(scope="module")
def variants(local_aws: Any) -> Iterator[Variants]:
    shared = Variants(local_aws)
    for version in ("one", "two", "three", "broken"):
        shared.serving.upload(version)
    assert shared.deploy(Champion="one")["StackStatus"] == "CREATE_COMPLETE", shared.reasons()
    yield shared


def test_variants_come_and_go_without_a_failed_request(variants: Variants) -> None:
    serving = variants.serving

    def answered() -> set[str]:
        """The versions that answer requests which begin from now on."""
        under_way, now = 4, len(traffic.versions)
        eventually(lambda: len(traffic.versions) > now + under_way + 30)
        return set(traffic.versions[now + under_way :])

    with Traffic(serving, threads=4) as traffic:
        assert variants.deploy(Shadow="two")["StackStatus"] == "UPDATE_COMPLETE", variants.reasons()
        assert (variants.names(), answered()) == (["champion", "shadow"], {"one"})

        assert variants.deploy(Shadow="none", Challenger="two")["StackStatus"] == "UPDATE_COMPLETE"
        assert (variants.names(), answered()) == (["champion", "challenger"], {"one"})

        variants.weigh(champion=0.5, challenger=0.5)
        assert answered() == {"one", "two"}

        # The set of variants stays: a canary, with the weights as they were moved.
        assert variants.deploy(Champion="three")["StackStatus"] == "UPDATE_COMPLETE"
        assert {v["CurrentWeight"] for v in serving.settled()["ProductionVariants"]} == {0.5}
        assert answered() == {"three", "two"}

        variants.weigh(champion=1.0, challenger=0.0)
        assert answered() == {"three"}

        assert variants.deploy(Challenger="none")["StackStatus"] == "UPDATE_COMPLETE"
        assert (variants.names(), answered()) == (["champion"], {"three"})
    assert traffic.errors == []
    assert len(traffic.versions) > 200


def test_a_shadow_is_captured_under_the_same_inference_id(variants: Variants) -> None:
    variants.deploy(Champion="one", Shadow="two")
    assert variants.names() == ["champion", "shadow"]
    serving = variants.serving
    variants.weigh(champion=0.5)  # whatever weight the champion was left with, the shadow sees all
    for number in range(20):
        serving.predict(InferenceId=f"loan-{number}")

    def answers() -> dict[str, dict[str, str]] | None:
        found: dict[str, dict[str, str]] = {"champion": {}, "shadow": {}}
        for name, answered in found.items():
            for record in serving.captured(name):
                output = json.loads(record["captureData"]["endpointOutput"]["data"])
                if (loan := record["eventMetadata"].get("inferenceId", "")).startswith("loan-"):
                    answered[loan] = output["predictions"][0]["version"]
        return found if min(map(len, found.values())) == 20 else None

    found = eventually(answers)
    assert found["champion"].keys() == found["shadow"].keys() == {f"loan-{number}" for number in range(20)}
    assert (set(found["champion"].values()), set(found["shadow"].values())) == ({"one"}, {"two"})
    variants.deploy(Shadow="none")


def test_scaling_comes_with_the_stack(variants: Variants) -> None:
    outputs = {output["OutputKey"]: output["OutputValue"] for output in variants.described()["Outputs"]}
    assert outputs["Target"] == f"endpoint/{ENDPOINT}/variant/champion|sagemaker:variant:DesiredInstanceCount|sagemaker"
    assert outputs["Policy"].endswith(f":resource/sagemaker/endpoint/{ENDPOINT}/variant/champion:policyName/requests")
    (policy,) = variants.scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    names = [alarm["AlarmName"] for alarm in policy["Alarms"]]
    alarms = variants.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
    assert {alarm["EvaluationPeriods"] for alarm in alarms} == {3, 15}
    assert (variants.targets()["champion"]["MinCapacity"], variants.targets()["champion"]["MaxCapacity"]) == (1, 2)


def test_a_scheduled_action_takes_instances_away(variants: Variants) -> None:
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{ENDPOINT}/variant/champion",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    count = [{"VariantName": "champion", "DesiredInstanceCount": 2}]
    variants.serving.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=ENDPOINT, DesiredWeightsAndCapacities=count
    )
    variants.serving.settled()
    soon = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 2))
    variants.scaling.put_scheduled_action(
        **target,
        ScheduledActionName="night",
        Schedule=f"at({soon})",
        ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 1},
    )

    def one_instance() -> bool:
        (found,) = variants.serving.settled()["ProductionVariants"]
        return bool(found["CurrentInstanceCount"] == 1)

    eventually(one_instance)
    told = variants.scaling.describe_scaling_activities(ServiceNamespace="sagemaker", ResourceId=target["ResourceId"])
    assert told["ScalingActivities"][0]["Cause"] == "maximum capacity was set to 1"
    assert variants.targets()["champion"]["MaxCapacity"] == 1


def test_a_scaled_challenger_stays_until_its_target_is_gone(variants: Variants) -> None:
    variants.deploy(Challenger="two", ScaleChallenger="true")
    assert set(variants.targets()) == {"champion", "challenger"}
    # At once, the endpoint is updated first and the target deleted after it: SageMaker refuses.
    assert variants.deploy(Challenger="none", ScaleChallenger="false")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert 'The variant(s) "[challenger]" must be deregistered as scalable targets' in variants.reasons()
    assert variants.names() == ["champion", "challenger"]
    assert set(variants.targets()) == {"champion", "challenger"}
    # In two steps it goes.
    assert variants.deploy(Challenger="two", ScaleChallenger="false")["StackStatus"] == "UPDATE_COMPLETE"
    assert variants.deploy(Challenger="none")["StackStatus"] == "UPDATE_COMPLETE"
    assert (variants.names(), set(variants.targets())) == (["champion"], {"champion"})


def test_a_version_that_does_not_load_is_rolled_back_without_a_failed_request(variants: Variants) -> None:
    with Traffic(variants.serving) as traffic:
        assert variants.deploy(Champion="broken")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert (traffic.errors, len(set(traffic.versions))) == ([], 1)
    assert "did not pass the ping health check" in variants.reasons()
    variants.deploy(Champion="one", MaxInstances="3")


def test_a_stack_that_cannot_roll_back_serves_on_and_can_be_freed(variants: Variants) -> None:
    """The endpoint is updated, a resource after it fails, and what the endpoint should go back to is gone."""
    served = variants.serving.settled()["EndpointConfigName"]
    variants.serving.sagemaker.delete_endpoint_config(EndpointConfigName=served)
    assert variants.deploy(Champion="two", Requests="0")["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    assert "TargetValue must be greater than 0" in variants.reasons()
    assert f'endpoint-config/{served.lower()}"' in variants.reasons()
    assert variants.serving.predict()["Prediction"]["version"] == "two"
    variants.stacks.continue_update_rollback(StackName=STACK, ResourcesToSkip=["Endpoint"])
    eventually(lambda: variants.described()["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE", 30)
    assert variants.deploy(Champion="three", Requests="1000")["StackStatus"] == "UPDATE_COMPLETE", variants.reasons()
    assert variants.serving.predict()["Prediction"]["version"] == "three"


def test_deleting_the_stack_leaves_no_target_and_no_alarm(variants: Variants) -> None:
    variants.stacks.delete_stack(StackName=STACK)

    def gone() -> bool:
        try:
            return bool(variants.described()["StackStatus"] == "DELETE_COMPLETE")
        except ClientError:
            return True

    eventually(gone, 30)
    assert variants.targets() == {}
    assert variants.cloudwatch.describe_alarms(AlarmNamePrefix="TargetTracking-")["MetricAlarms"] == []
