"""The SageMaker pipeline that judges what a model's endpoint saw."""

from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mlops_constructs import definition_check, definition_network, published_code, shipped
from mlops_constructs.artifact_source import ArtifactSource
from mlops_constructs.definition_builder import DefinitionBuilder
from mlops_constructs.errors import ConstructError, SettingRefusedError
from mlops_constructs.foundation import Foundation
from mlops_constructs.images import Images
from mlops_constructs.job_tags import tagged
from mlops_constructs.monitoring_role import BUS, MonitoringRole
from mlops_constructs.monitoring_settings import MonitoringSettings
from mlops_constructs.naming import ModelNames
from mlops_constructs.pipeline_surroundings import surroundings
from mlops_constructs.registry import Registry
from mlops_constructs.settings import TrainingSettings

MODEL_FILE = "monitor.py"
"""Where a model's folder says what the monitors have to know of it."""

_DEFINITION = "monitoring.definition"


class MonitoringPipeline(Construct):
    """`pipeline_code/monitoring` for one model, with a role of its own.

    names: of the model, here. registry: where its versions are. source: where their artifacts are, if not in
    this environment.

    ```python
    from pathlib import Path

    import aws_cdk as cdk

    from mlops_constructs import (
        DataProtection,
        EnvironmentKey,
        EnvironmentNames,
        Images,
        MonitoringPipeline,
        MonitoringSettings,
        Registry,
        SharedFoundation,
        TrainingSettings,
        starting,
    )

    app = cdk.App()
    names = EnvironmentNames("shop", "dev")
    shared = cdk.Stack(app, names.foundation_stack)
    key = EnvironmentKey(shared, "Key", retain=False, description="All that shop-dev stores")
    protection = DataProtection(key=key, retain=False, log_retention_days=30)
    foundation = SharedFoundation(shared, "Shared", protection=protection, emails=["ml@example.com"]).foundation
    model = names.model("churn")
    stack = cdk.Stack(app, model.monitoring_stack)
    code = Path("pipeline_code")
    (code / "churn").mkdir(parents=True, exist_ok=True)
    (code / "churn" / "monitor.py").write_text("MODEL = ...  # a monitoring.model.MonitoredModel")
    MonitoringPipeline(
        stack,
        "Monitoring",
        names=model,
        registry=Registry(model),
        framework="xgboost",
        settings=starting(MonitoringSettings, window_hours=6),
        training=starting(TrainingSettings, data_prefix="churn"),
        code_root=code,
        images=Images(stack, {}),
        foundation=foundation,
    )

    app.synth()
    ```
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: ModelNames,
        registry: Registry,
        framework: str,
        settings: MonitoringSettings,
        training: TrainingSettings,
        code_root: Path,
        images: Images,
        foundation: Foundation,
        source: ArtifactSource | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._names, self._code_root = names, code_root
        _check(code_root, names)
        self.role = MonitoringRole(self, "Role", names=names, registry=registry, foundation=foundation, source=source)
        code = published_code.publish(self, code_root, names.folder)
        self.role.grant_code(code)
        jobs = training.model_copy(
            update=settings.model_dump(include={"processing_instance_type", "volume_gb", "max_runtime_seconds"})
        )
        context = surroundings(
            names=names,
            package_group=registry.group(cdk.Stack.of(self)),
            role=self.role,
            code=code,
            foundation=foundation,
            images=images,
            label_maturity_days=settings.labels.matures_after_days,
            settings=jobs,
        )
        build = DefinitionBuilder(context, framework)
        self.pipeline = self._build_pipeline(self._define(build, settings, foundation))

    def _define(self, build: DefinitionBuilder, settings: MonitoringSettings, foundation: Foundation) -> dict[str, Any]:
        names = self._names
        definition: Any = shipped.load(self._code_root, _DEFINITION)
        watch = definition.Watch(
            model=names.folder,
            endpoint=names.endpoint,
            capture_uri=f"s3://{foundation.capture.bucket_name}/{names.folder}",
            results_uri=f"s3://{foundation.artifacts.bucket_name}/{names.findings}",
            champion_parameter=build.context.champion_parameter,
            window_hours=settings.window_hours,
            delay_minutes=settings.delay_minutes,
            instance_count=settings.instance_count,
            min_rows=settings.min_rows,
            breaches=settings.breaches,
            of=settings.of,
            matures_after_days=settings.labels.matures_after_days,
            missing_means=settings.labels.missing_means,
            schedule_name=names.monitoring_schedule,
            environment=names.environment,
            public_model=names.public,
            bus=BUS,
        )
        body: dict[str, Any] = dict(definition.definition(build, watch))
        definition_network.connect(body, foundation.protection.network)
        if found := definition_check.findings(body):
            raise ConstructError("\n".join(f"pipeline_code/monitoring/definition.py: {each}" for each in found))
        return body

    def _build_pipeline(self, definition: dict[str, Any]) -> sagemaker.CfnPipeline:
        pipeline = sagemaker.CfnPipeline(
            self,
            "Pipeline",
            pipeline_name=self._names.monitoring_pipeline,
            pipeline_description=f"Judges what the endpoint {self._names.endpoint} saw, window by window",
            role_arn=self.role.role_arn,
            # Typed Any in the schema: CloudFormation takes it in PascalCase only.
            pipeline_definition={
                "PipelineDefinitionBody": cdk.Stack.of(self).to_json_string(tagged(definition, self._names))
            },
        )
        pipeline.node.add_dependency(self.role)
        return pipeline


def _check(code_root: Path, names: ModelNames) -> None:
    if not (code_root / names.folder / MODEL_FILE).is_file():
        place = f"{code_root.name}/{names.folder}/{MODEL_FILE}"
        raise SettingRefusedError(f"models.{names.folder}.monitoring.enabled", True, f"false, or {place} must be there")
