"""An Athena workgroup: engine, encryption and how much a query may read are the same for all of the project's."""

from aws_cdk import aws_athena as athena
from aws_cdk import aws_kms as kms
from constructs import Construct


def workgroup(
    scope: Construct, *, name: str, description: str, limit_bytes: int, key: kms.IKey, location: str = ""
) -> athena.CfnWorkGroup:
    """With the id `Workgroup` in `scope`.

    location: where results go; its settings then overrule what a client asks for. Without one each query names its
    own place.
    """
    group = athena.CfnWorkGroup
    return group(
        scope,
        "Workgroup",
        name=name,
        description=description,
        # Executions are a log of queries; a workgroup that has some could not be deleted otherwise.
        recursive_delete_option=True,
        work_group_configuration=group.WorkGroupConfigurationProperty(
            enforce_work_group_configuration=bool(location),
            publish_cloud_watch_metrics_enabled=True,
            bytes_scanned_cutoff_per_query=limit_bytes,
            engine_version=group.EngineVersionProperty(selected_engine_version="Athena engine version 3"),
            result_configuration=group.ResultConfigurationProperty(
                output_location=location or None,
                encryption_configuration=group.EncryptionConfigurationProperty(
                    encryption_option="SSE_KMS", kms_key=key.key_arn
                ),
            ),
        ),
    )
