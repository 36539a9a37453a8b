"""Model Monitor's resources come with the first champion and follow the next one, in a stack of a local AWS."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.infra.test_model_monitor import KINDS, monitoring, synthesize

BASE = "mlops-dev-loan-approval"
CHAMPION = "/mlops/dev/loan-approval/release/champion"
KEPT = ("AWS::SageMaker::MonitoringSchedule", *(f"AWS::SageMaker::{kind}JobDefinition" for kind in KINDS))


def package(version: int) -> str:
    return f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/{BASE}/{version}"


def alone(body: dict[str, Any]) -> str:
    """Only the monitors of a template, with plain values for what other resources and stacks would tell."""

    def known(value: Any) -> Any:
        match value:
            case {"Fn::GetAtt": [name, _]}:
                return f"arn:aws:iam::111122223333:role/{name}"
            case {"Fn::ImportValue": name}:
                return "arn:aws:kms:eu-west-1:111122223333:key/1" if "Key" in str(name) else "bucket"
            case {"Fn::FindInMap": _}:
                return "111122223333"
            case dict():
                return {name: known(each) for name, each in value.items() if name not in ("DependsOn", "Tags")}
            case list():
                return [known(each) for each in value]
        return value

    kept = {name: each for name, each in body["Resources"].items() if each["Type"] in KEPT}
    definitions = {each["Type"]: name for name, each in kept.items()}
    resources = {name: known(each) for name, each in kept.items()}
    for each in resources.values():
        if each["Type"] == KEPT[0]:
            kind = each["Properties"]["MonitoringScheduleConfig"]["MonitoringType"]
            each["DependsOn"] = definitions[f"AWS::SageMaker::{kind}JobDefinition"]
    parameters = {"MonitoredPackage": body["Parameters"]["MonitoredPackage"]}
    # CloudFormation refuses a stack without any resource that stays.
    resources["Stays"] = {"Type": "AWS::SNS::Topic"}
    return json.dumps(
        {
            "Parameters": parameters,
            "Conditions": {"HasChampion": body["Conditions"]["HasChampion"]},
            "Resources": resources,
            "Outputs": {"MonitoredPackage": body["Outputs"]["MonitoredPackage"]},
        }
    )


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("synthesized")
    synthesize(folder, "dev")
    return alone(monitoring(folder, "dev").body)


def settled(cloudformation: Any, stack: str) -> dict[str, Any]:
    for _ in range(400):
        [found] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        if not found["StackStatus"].endswith("_IN_PROGRESS"):
            assert found["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), found
            return dict(found)
        time.sleep(0.05)
    raise AssertionError(f"{stack}: never at rest")


def test_definitions_come_with_the_first_champion_and_follow_the_next(local_aws: Any, template: str) -> None:
    cloudformation, sagemaker, ssm = (local_aws.client(name) for name in ("cloudformation", "sagemaker", "ssm"))
    stack = "model-monitor-alone"

    def names(version: int) -> dict[str, str]:
        found = sagemaker.list_monitoring_schedules(NameContains=BASE)["MonitoringScheduleSummaries"]
        made = {each["MonitoringType"]: each["MonitoringJobDefinitionName"] for each in found}
        assert all(name.endswith(f"-v{version}") for name in made.values())
        return made

    def release(version: int) -> None:
        """As the translator does after one."""
        ssm.put_parameter(Name=CHAMPION, Value=package(version), Type="String", Overwrite=True)
        cloudformation.update_stack(
            StackName=stack,
            UsePreviousTemplate=True,
            Parameters=[{"ParameterKey": "MonitoredPackage", "UsePreviousValue": True}],
            Capabilities=["CAPABILITY_IAM"],
        )
        settled(cloudformation, stack)

    ssm.put_parameter(Name=CHAMPION, Value="none", Type="String")
    cloudformation.create_stack(StackName=stack, TemplateBody=template)
    settled(cloudformation, stack)
    assert names(0) == {}
    release(3)
    first = names(3)
    assert set(first) == set(KINDS)
    release(4)
    second = names(4)
    assert set(second) == set(KINDS)
    found = sagemaker.describe_data_quality_job_definition(JobDefinitionName=second["DataQuality"])
    statistics = found["DataQualityBaselineConfig"]["StatisticsResource"]["S3Uri"]
    assert statistics.endswith("loan_approval/monitoring/baselines/version-4/data-quality/statistics.json")
    with pytest.raises(ClientError, match="Could not find"):
        sagemaker.describe_data_quality_job_definition(JobDefinitionName=first["DataQuality"])
    [deployed] = settled(cloudformation, stack)["Outputs"]
    assert deployed["OutputValue"] == package(4)
    cloudformation.delete_stack(StackName=stack)
    ssm.delete_parameter(Name=CHAMPION)
