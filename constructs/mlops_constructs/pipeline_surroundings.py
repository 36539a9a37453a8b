"""What a deployment knows of a pipeline's surroundings, as the context that its definition is written with."""

from mlops_constructs.feature_access import FeatureAccess
from mlops_constructs.foundation import Foundation
from mlops_constructs.images import Images
from mlops_constructs.naming import EnvironmentNames, ModelNames, ReleaseParameter
from mlops_constructs.pipeline_context import PipelineContext
from mlops_constructs.published_code import PublishedCode
from mlops_constructs.sagemaker_role import SageMakerRole
from mlops_constructs.settings import TrainingSettings


def surroundings(
    *,
    names: ModelNames,
    package_group: str,
    role: SageMakerRole,
    code: PublishedCode,
    foundation: Foundation,
    images: Images,
    label_maturity_days: int,
    settings: TrainingSettings,
    features: FeatureAccess | None = None,
) -> PipelineContext:
    """The context of a pipeline that runs as `role`; an image that its definition uses, the role may pull.

    features: the feature groups that it uses, if it does.
    """

    def use(framework: str) -> str:
        image = images.image(framework)
        role.grant_pull(image)
        return image.uri

    network = foundation.protection.network
    if network:
        role.add_managed_policy(network.packages.readers)
    environment = EnvironmentNames(names.project, names.environment)
    artifacts = f"s3://{foundation.artifacts.bucket_name}"
    return PipelineContext(
        model=names.folder,
        base_name=names.base,
        role_arn=role.role_arn,
        code_uri=code.uri,
        code_sha256=code.sha256,
        data_bucket=foundation.data.bucket_name,
        artifacts_bucket=foundation.artifacts.bucket_name,
        key_arn=foundation.protection.key.key_arn,
        package_group=package_group,
        champion_parameter=names.release_parameter(ReleaseParameter.CHAMPION),
        label_maturity_days=label_maturity_days,
        features=features.documents if features else {},
        features_workgroup=environment.features_workgroup,
        features_rows_table=f"{environment.features_database}.{names.feature_rows_table}",
        features_rows_uri=f"{artifacts}/{names.feature_rows}",
        features_results_uri=f"{artifacts}/{names.feature_results}",
        image_uri=use,
        built_in=lambda framework: images.image(framework).built_in,
        settings=settings,
        package_repository=network.packages.address if network else "",
    )
