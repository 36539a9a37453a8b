"""The role that a model's containers run as behind its endpoint."""

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.artifact_source import ArtifactSource
from mlops_constructs.batch_settings import BatchSettings
from mlops_constructs.feature_access import FeatureAccess
from mlops_constructs.foundation import Foundation
from mlops_constructs.images import ContainerImage
from mlops_constructs.naming import ModelNames
from mlops_constructs.sagemaker_role import SageMakerRole


class ModelRole(SageMakerRole):
    """Loads the model, writes what it captured, and lets a deployment look at its alarms.

    source: where the model's artifacts are, if not in this environment. features: the groups that it reads online.

    ```python
    import aws_cdk as cdk

    from mlops_constructs import (
        DataProtection,
        EnvironmentKey,
        EnvironmentNames,
        FeatureAccess,
        Images,
        ModelRole,
        SharedFoundation,
    )

    app = cdk.App()
    names = EnvironmentNames("shop", "dev")
    shared = cdk.Stack(app, names.foundation_stack)
    key = EnvironmentKey(shared, "Key", retain=False, description="All that shop-dev stores")
    protection = DataProtection(key=key, retain=False, log_retention_days=30)
    foundation = SharedFoundation(shared, "Shared", protection=protection, emails=["ml@example.com"]).foundation
    model = names.model("churn")
    stack = cdk.Stack(app, model.serving_stack)
    role = ModelRole(
        stack,
        "Role",
        names=model,
        image=Images(stack, {}).image("xgboost"),
        foundation=foundation,
        features=FeatureAccess(names, {}, foundation),
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
        image: ContainerImage,
        foundation: Foundation,
        features: FeatureAccess,
        source: ArtifactSource | None = None,
    ) -> None:
        super().__init__(scope, construct_id, description=f"Endpoint {names.endpoint}")
        self.grant_pull(image)
        self.grant_logs(f"/aws/sagemaker/Endpoints/{names.endpoint}")
        self.grant_metrics()
        (source or foundation.artifacts).grant_read_below(self, names.folder)
        foundation.capture.grant_write_below(self, names.folder)
        self.grant_volumes(foundation.protection.key)
        self.grant_network(foundation.protection.network)
        features.grant_read_online(self)
        self._allow_alarms(names)

    def grant_batch(self, names: ModelNames, settings: BatchSettings, foundation: Foundation) -> None:
        """Let transform jobs run as this role: read the batch input, write the output, log."""
        foundation.data.grant_read_below(self, names.own_prefix(settings.input_prefix))
        foundation.data.grant_write_below(self, names.own_prefix(settings.output_prefix))
        # Asked for by jobs that name a key for their outputs (developer guide: execution roles).
        allow(self, ["kms:Encrypt"], [foundation.protection.key.key_arn])
        self.grant_logs("/aws/sagemaker/TransformJobs")

    def _allow_alarms(self, names: ModelNames) -> None:
        """Needed for automatic rollback (developer guide: deployment guardrails, prerequisites)."""
        alarms = cdk.Stack.of(self).format_arn(
            service="cloudwatch",
            resource="alarm",
            resource_name=f"{names.serving_stack}-*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        allow(
            self,
            ["cloudwatch:DescribeAlarms"],
            [alarms],
            why="The names of this stack's alarms start with the stack's name; CloudFormation generates their end.",
        )
