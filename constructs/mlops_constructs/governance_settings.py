"""Who answers for a model, how much harm it can do, when it is looked at again, and where its experiments are kept.

As in `settings`, no field has a default.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from mlops_constructs.frozen import FrozenModel


class RiskRating(StrEnum):
    """Of SageMaker's model cards (developer guide: model cards, intended uses)."""

    HIGH = "High"
    MEDIUM = "Medium"
    LOW = "Low"
    UNKNOWN = "Unknown"


class GovernanceSettings(FrozenModel):
    """What a model's card and its manifests say about responsibility; review_days 0: it is never due."""

    owner: Annotated[str, Field(max_length=256, pattern=r"^(\S(.*\S)?)?$", description="a name or an address")]
    risk_rating: Annotated[RiskRating, Field(strict=False)]
    review_days: Annotated[int, Field(ge=0, le=3650)]


class ExperimentSettings(FrozenModel):
    """Where runs are tracked: a managed MLflow, or "" for nowhere.

    ARNs: API reference, AIMlflowConfig. Partitions: those that AWS's plugin sagemaker-mlflow has hosts for.
    """

    tracking: Annotated[
        str,
        Field(
            max_length=2048,
            pattern=r"^(arn:aws(-us-gov)?:sagemaker:[a-z0-9-]+:\d{12}:mlflow-(app|tracking-server)/[A-Za-z0-9-]+)?$",
            description='the ARN of an MLflow app or tracking server of SageMaker, or ""',
        ),
    ]
