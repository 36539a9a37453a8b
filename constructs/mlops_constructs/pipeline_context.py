"""What a model's `definition.py` is given: everything that only the deployment knows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mlops_constructs.settings import TrainingSettings


@dataclass(frozen=True)
class PipelineContext:
    """Surroundings of one model's pipeline.

    Every string but `model`, `base_name`, `code_sha256`, `package_group`, `champion_parameter`, `features_workgroup`
    and `features_rows_table` may be a deploy-time token: put it into f-strings or `Std:Join`, never look inside.
    """

    model: str
    """Folder below `pipeline_code/`; also the prefix of all that is written to the artifacts bucket."""
    base_name: str
    """`<project>-<environment>-<public model name>`, the stem of every physical name."""
    role_arn: str
    """Role of the pipeline and of each of its jobs."""
    code_uri: str
    """`s3://…/<code_sha256>.tar.gz`: the archive described in `code_bundle`."""
    code_sha256: str
    """Hash of that archive's contents, for the model package's metadata; the archive's file is named by it."""
    data_bucket: str
    artifacts_bucket: str
    """The pipeline's role may write below `<model>/` only."""
    key_arn: str
    """KMS key for volumes and outputs."""
    package_group: str
    champion_parameter: str
    """SSM parameter that names today's champion package, or `none`."""
    label_maturity_days: int
    """`monitoring.labels.matures_after_days`: how old a prediction is when its outcome counts as known."""
    features: Mapping[str, Mapping[str, Any]]
    """The model's feature groups by their names in the configuration, as pipeline_code/features/group.py reads them."""
    features_workgroup: str
    """Athena workgroup for what follows."""
    features_rows_table: str
    """`database.table` of rows that wait for their features: row, record, event_time, and the partition `run`."""
    features_rows_uri: str
    """Where that table's files lie, `<uri>/<run>/…`: tab-separated lines without a header."""
    features_results_uri: str
    """Where the pipeline's role may have query results written."""
    image_uri: Callable[[str], str]
    """Container image of a framework, for example `image_uri("xgboost")`."""
    built_in: Callable[[str], bool]
    """Whether SageMaker takes that image for one of its own algorithms, and so refuses metrics defined for it."""
    settings: TrainingSettings
    """`[models.<model>.training]` of the environment's configuration."""
    package_repository: str = ""
    """In a private network, CodeArtifact's `domain/owner/repository` that has Python packages; may be a token."""
