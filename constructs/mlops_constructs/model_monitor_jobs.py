"""The four job definitions of SageMaker Model Monitor for the champion, and the schedule of each."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mlops_constructs import model_monitor_schedules as schedules
from mlops_constructs.foundation import Foundation
from mlops_constructs.instance_types import has_local_storage
from mlops_constructs.model_monitor_images import MonitorImages
from mlops_constructs.model_monitor_payload import Payload
from mlops_constructs.model_monitor_role import ModelMonitorRole
from mlops_constructs.monitoring_settings import MonitoringSettings
from mlops_constructs.naming import SCHEDULE_LIMIT, ModelNames
from mlops_constructs.release_inputs import ReleasedVariant

INPUT, OUTPUT = "/opt/ml/processing/input/endpoint", "/opt/ml/processing/output"
DATA, QUALITY, BIAS, EXPLAINABILITY = KINDS = ("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability")

_SHORT = {DATA: "data", QUALITY: "quality", BIAS: "bias", EXPLAINABILITY: "explain"}
_VERSION_IN_ARN = 2
_VERSION_ROOM = 8  # `-v` and six digits
_PUBLISH = {"publish_cloudwatch_metrics": "Enabled"}

# A property that may be a token takes a dictionary by the names of the template, beginning in lower case.
_Definition = Callable[..., cdk.CfnResource]


class ModelMonitorJobs(Construct):
    """Exist while `champion` does, and are made anew for each version, from its folder (`baselines/version-<n>`).

    Every property of a job definition replaces it, so its name says what it is made of: a hash of all that is known
    now, and the version. The translator reads the version of an execution there.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: ModelNames,
        settings: MonitoringSettings,
        payload: Payload,
        champion: ReleasedVariant,
        role: ModelMonitorRole,
        images: MonitorImages,
        foundation: Foundation,
    ) -> None:
        super().__init__(scope, construct_id)
        self._names, self._settings, self._payload, self._role = names, settings, payload, role
        self._images, self._foundation, self._champion = images, foundation, champion
        # "none" has no such part, and CloudFormation refuses to select what is not there: two more parts for it.
        self._version = cdk.Fn.select(_VERSION_IN_ARN, cdk.Fn.split("/", f"{champion.package_arn}//"))
        bucket = foundation.artifacts.bucket_name
        self._folder = f"s3://{bucket}/{names.findings}/baselines/version-{self._version}"
        self._inputs, self._outcomes = schedules.inputs(settings), schedules.outcomes(settings)
        for kind, build in self._builders().items():
            self._schedule(kind, *build())

    def _builders(self) -> Mapping[str, Callable[[], tuple[_Definition, dict[str, Any]]]]:
        return {DATA: self._data, QUALITY: self._quality, BIAS: self._bias, EXPLAINABILITY: self._explainability}

    def _data(self) -> tuple[_Definition, dict[str, Any]]:
        baseline = {
            "statisticsResource": {"s3Uri": f"{self._folder}/data-quality/statistics.json"},
            "constraintsResource": {"s3Uri": f"{self._folder}/data-quality/constraints.json"},
        }
        return sagemaker.CfnDataQualityJobDefinition, {
            "data_quality_baseline_config": baseline,
            "data_quality_app_specification": self._analyzer(),
            "data_quality_job_input": {"endpointInput": self._endpoint()},
            "data_quality_job_output_config": self._output(DATA),
        }

    def _quality(self) -> tuple[_Definition, dict[str, Any]]:
        """The script gives the columns the names that the container makes of these attributes."""
        found = {"inferenceAttribute": "label"}
        if self._payload.problem_type == "BinaryClassification":
            found["probabilityAttribute"] = "probability"
        return sagemaker.CfnModelQualityJobDefinition, {
            "model_quality_baseline_config": self._constraints("model-quality"),
            "model_quality_app_specification": {**self._analyzer(), "problemType": self._payload.problem_type},
            "model_quality_job_input": self._with_outcomes(found),
            "model_quality_job_output_config": self._output(QUALITY),
        }

    def _bias(self) -> tuple[_Definition, dict[str, Any]]:
        found = {
            "featuresAttribute": self._payload.features_attribute,
            "probabilityAttribute": self._payload.probability_attribute,
            "probabilityThresholdAttribute": self._payload.threshold,
        }
        return sagemaker.CfnModelBiasJobDefinition, {
            "model_bias_baseline_config": self._constraints("bias"),
            "model_bias_app_specification": self._clarify("bias"),
            "model_bias_job_input": self._with_outcomes(found),
            "model_bias_job_output_config": self._output(BIAS),
        }

    def _explainability(self) -> tuple[_Definition, dict[str, Any]]:
        found = {
            "featuresAttribute": self._payload.features_attribute,
            "probabilityAttribute": self._payload.probability_attribute,
        }
        return sagemaker.CfnModelExplainabilityJobDefinition, {
            "model_explainability_baseline_config": self._constraints("explainability"),
            "model_explainability_app_specification": self._clarify("explainability"),
            "model_explainability_job_input": {"endpointInput": self._endpoint(found)},
            "model_explainability_job_output_config": self._output(EXPLAINABILITY),
        }

    def _analyzer(self) -> dict[str, Any]:
        script = f"{self._folder}/record_preprocessor.py"
        return {
            "imageUri": self._images.analyzer.uri,
            "recordPreprocessorSourceUri": script,
            "environment": _PUBLISH,
        }

    def _clarify(self, folder: str) -> dict[str, Any]:
        config = f"{self._folder}/{folder}/analysis_config.json"
        return {"imageUri": self._images.clarify.uri, "configUri": config, "environment": _PUBLISH}

    def _constraints(self, folder: str) -> dict[str, Any]:
        return {"constraintsResource": {"s3Uri": f"{self._folder}/{folder}/constraints.json"}}

    def _endpoint(self, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return {"endpointName": self._names.endpoint, "localPath": INPUT, **(more or {})}

    def _with_outcomes(self, more: Mapping[str, Any]) -> dict[str, Any]:
        offsets = {"startTimeOffset": self._outcomes.start_offset, "endTimeOffset": self._outcomes.end_offset}
        truth = f"s3://{self._foundation.capture.bucket_name}/{self._names.ground_truth}"
        return {
            "endpointInput": self._endpoint({**more, **offsets}),
            "groundTruthS3Input": {"s3Uri": truth},
        }

    def _output(self, kind: str) -> dict[str, Any]:
        place = f"s3://{self._foundation.artifacts.bucket_name}/{self._names.findings}/model-monitor/{_SHORT[kind]}"
        output = {"s3Uri": place, "localPath": OUTPUT, "s3UploadMode": "EndOfJob"}
        return {
            "monitoringOutputs": [{"s3Output": output}],
            "kmsKeyId": self._foundation.protection.key.key_arn,
        }

    def _network(self) -> dict[str, Any]:
        """Not isolated: the containers publish figures, and Clarify asks its endpoint."""
        network = self._foundation.protection.network
        place = {} if network is None else {"vpcConfig": _in_lower_case(network.vpc_config)}
        return {"enableInterContainerTrafficEncryption": True, "enableNetworkIsolation": False, **place}

    def _resources(self) -> dict[str, Any]:
        settings = self._settings
        cluster = {
            "instanceCount": 1,
            "instanceType": settings.processing_instance_type,
            "volumeSizeInGb": settings.volume_gb,
        }
        if not has_local_storage(settings.processing_instance_type):
            cluster["volumeKmsKeyId"] = self._foundation.protection.key.key_arn
        return {"clusterConfig": cluster}

    def _schedule(self, kind: str, definition_type: _Definition, specific: Mapping[str, Any]) -> None:
        has_outcomes = kind in (QUALITY, BIAS)
        properties = {
            **specific,
            "job_resources": self._resources(),
            "role_arn": self._role.role_arn,
            "network_config": self._network(),
            "stopping_condition": {
                "maxRuntimeInSeconds": schedules.longest_run(self._settings, jobs=2 if has_outcomes else 1)
            },
        }
        name = f"{definition_stem(self._names, kind, self._digest(properties))}-v{self._version}"
        definition = definition_type(self, kind, job_definition_name=name, **properties)
        definition.cfn_options.condition = self._champion.exists
        definition.node.add_dependency(self._role)
        # Where outcomes are needed, the definition has the offsets.
        window = (
            {}
            if has_outcomes
            else {
                "data_analysis_start_time": self._inputs.start_offset,
                "data_analysis_end_time": self._inputs.end_offset,
            }
        )
        schedule = sagemaker.CfnMonitoringSchedule(
            self,
            f"{kind}Schedule",
            monitoring_schedule_name=schedule_name(self._names, kind),
            monitoring_schedule_config=sagemaker.CfnMonitoringSchedule.MonitoringScheduleConfigProperty(
                monitoring_job_definition_name=name,
                monitoring_type=kind,
                schedule_config=sagemaker.CfnMonitoringSchedule.ScheduleConfigProperty(
                    schedule_expression=schedules.cron(self._settings), **window
                ),
            ),
        )
        schedule.cfn_options.condition = self._champion.exists
        schedule.add_dependency(definition)

    def _digest(self, properties: Mapping[str, Any]) -> str:
        known = json.dumps(cdk.Stack.of(self).resolve(properties), sort_keys=True)
        return hashlib.sha256(known.encode()).hexdigest()[:8]


def _in_lower_case(members: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{name[0].lower()}{name[1:]}": value for name, value in members.items()}


def definition_stem(names: ModelNames, kind: str, digest: str) -> str:
    return _within(names.base, f"-{_SHORT[kind]}-{digest}", SCHEDULE_LIMIT - _VERSION_ROOM)


def schedule_name(names: ModelNames, kind: str) -> str:
    """Data quality's is that of the project's own figures: the dashboard finds the features' distances by it."""
    if kind == DATA:
        return names.monitoring_schedule
    return _within(names.base, f"-monitoring-{_SHORT[kind]}", SCHEDULE_LIMIT)


def _within(name: str, end: str, limit: int) -> str:
    """`name` and `end`; a name too long for that is cut, and gets a hash of the whole."""
    if len(name) + len(end) <= limit:
        return f"{name}{end}"
    end = f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}{end}"
    return f"{name[: limit - len(end)].rstrip('-')}{end}"
