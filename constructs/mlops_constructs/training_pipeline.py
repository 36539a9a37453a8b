"""A model's registry entry and the SageMaker pipeline that fills it."""

from collections.abc import Mapping
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mlops_constructs import pipeline_definition, published_code
from mlops_constructs.data_protection import DataProtection
from mlops_constructs.feature_access import FeatureAccess
from mlops_constructs.feature_rows import FeatureRows
from mlops_constructs.foundation import Foundation
from mlops_constructs.images import Images
from mlops_constructs.job_tags import tagged
from mlops_constructs.naming import ModelNames
from mlops_constructs.pipeline_role import PipelineRole
from mlops_constructs.pipeline_surroundings import surroundings
from mlops_constructs.registry import Registry
from mlops_constructs.registry_policy import registry_policy
from mlops_constructs.settings import TrainingSettings

_MAX_PARALLEL_STEPS = 4


class TrainingPipeline(Construct):
    """`pipeline_code/<model>` as a pipeline: code published, definition checked, a role of its own.

    label_maturity_days: as the monitors count outcomes, so that their baselines do. takers: other accounts whose
    environments release these versions, and whether they test them.

    ```python
    from pathlib import Path

    import aws_cdk as cdk

    from mlops_constructs import (
        DataProtection,
        EnvironmentKey,
        EnvironmentNames,
        FeatureAccess,
        Images,
        SharedFoundation,
        TrainingPipeline,
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
    stack = cdk.Stack(app, model.training_stack)
    code = Path("pipeline_code")
    (code / "churn").mkdir(parents=True, exist_ok=True)
    (code / "churn" / "definition.py").write_text('''
    from mlops_constructs.definition_builder import VERSION, DefinitionBuilder, declare, parameter


    def definition(context):
        build = DefinitionBuilder(context, "xgboost")
        instance = context.settings.processing_instance_type
        return {
            "Version": VERSION,
            "Metadata": {},
            "Parameters": [declare("InputDataUri", "String"), declare("ProcessingInstanceType", "String", instance)],
            "Steps": [
                build.processing(
                    "Prepare", "churn.steps.prepare", inputs={"raw": parameter("InputDataUri")}, outputs=["train"]
                ),
            ],
        }
    ''')
    TrainingPipeline(
        stack,
        "Training",
        names=model,
        settings=starting(TrainingSettings, data_prefix="churn"),
        label_maturity_days=30,
        code_root=code,
        images=Images(stack, {}),
        foundation=foundation,
        features=FeatureAccess(names, {}, foundation),
        takers={},
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
        settings: TrainingSettings,
        label_maturity_days: int,
        code_root: Path,
        images: Images,
        foundation: Foundation,
        features: FeatureAccess,
        takers: Mapping[str, bool],
    ) -> None:
        super().__init__(scope, construct_id)
        self._names = names
        self.group = self._build_group(foundation.protection, takers)
        self.role = PipelineRole(self, "Role", names=names)
        self.role.grant_storage(foundation, settings.data_prefix)
        self.role.grant_features(features)
        if features.groups:
            FeatureRows(self, "FeatureRows", names=names, environment=features.names, foundation=foundation)
        code = published_code.publish(self, code_root, names.folder)
        self.role.grant_code(code.bucket, code.key)
        context = surroundings(
            names=names,
            package_group=names.package_group,
            role=self.role,
            code=code,
            foundation=foundation,
            images=images,
            label_maturity_days=label_maturity_days,
            settings=settings,
            features=features,
        )
        definition = pipeline_definition.load(self, code_root, context, foundation.protection.network)
        if definition.code_bucket:
            self.role.grant_code(definition.code_bucket, *(f"{each}/*" for each in definition.code_prefixes))
        self.parameters = frozenset(each["Name"] for each in definition.body.get("Parameters", []))
        self.pipeline = self._build_pipeline(definition.body)

    def _build_group(self, protection: DataProtection, takers: Mapping[str, bool]) -> sagemaker.CfnModelPackageGroup:
        policy = registry_policy(cdk.Stack.of(self), Registry(self._names), takers) if takers else None
        group = sagemaker.CfnModelPackageGroup(
            self,
            "PackageGroup",
            model_package_group_name=self._names.package_group,
            model_package_group_description=f"Versions of {self._names.public} in {self._names.environment}",
            model_package_group_policy=policy,
        )
        group.apply_removal_policy(protection.removal_policy)
        return group

    def _build_pipeline(self, definition: dict[str, object]) -> sagemaker.CfnPipeline:
        body = cdk.Stack.of(self).to_json_string(tagged(definition, self._names))
        pipeline = sagemaker.CfnPipeline(
            self,
            "Pipeline",
            pipeline_name=self._names.pipeline,
            pipeline_description=f"Trains {self._names.public} and registers it for approval",
            role_arn=self.role.role_arn,
            # Both properties are typed Any in the schema: CloudFormation takes them in PascalCase only.
            pipeline_definition={"PipelineDefinitionBody": body},
            parallelism_configuration={"MaxParallelExecutionSteps": _MAX_PARALLEL_STEPS},
        )
        pipeline.node.add_dependency(self.role, self.group)
        return pipeline
