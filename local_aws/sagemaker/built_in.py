"""What SageMaker does by itself with jobs in the image of its XGBoost algorithm, in script mode too.

It takes the image for the algorithm: metrics are the algorithm's own, none may be defined, and only the algorithm's
tunable hyperparameters can be tuned. Source: developer guide, "Tune an XGBoost Model"; script mode is no exception
(github.com/aws/sagemaker-python-sdk/issues/2226, github.com/aws/sagemaker-xgboost-container/issues/121).
"""

import re
from collections.abc import Iterable
from typing import Any

from local_aws.core.api import Context, ValidationException

Row = dict[str, Any]

_IMAGE = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.[^/]+/sagemaker-xgboost[:@].+")
_METRICS = ("accuracy", "auc", "error", "f1", "logloss", "mae", "map", "merror", "mlogloss", "mse", "ndcg", "rmse")
_NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"
TUNABLE = frozenset({
    "alpha", "colsample_bylevel", "colsample_bynode", "colsample_bytree", "eta", "gamma", "lambda", "max_delta_step",
    "max_depth", "min_child_weight", "num_round", "subsample",
})  # fmt: skip


def is_built_in(ctx: Context, algorithm: Row) -> bool:
    """Whether the image is AWS's: the same repository in the user's account is an image like any other."""
    match = _IMAGE.fullmatch(algorithm.get("TrainingImage", ""))
    return match is not None and match["account"] != ctx.account


def with_metrics(ctx: Context, params: Row) -> Row:
    """The request with the metrics that SageMaker defines for it; raises ValidationException where it has its own."""
    algorithm = params.get("AlgorithmSpecification", {})
    if not is_built_in(ctx, algorithm):
        return params
    if algorithm.get("MetricDefinitions"):
        raise ValidationException(
            "You can't override the metric definitions for Amazon SageMaker algorithms. Please retry the request "
            "without specifying metric definitions."
        )
    definitions = [
        {"Name": f"{part}:{metric}", "Regex": rf".*\[[0-9]+\].*(?:#011|\s){part}-{metric}:{_NUMBER}.*"}
        for part in ("train", "validation")
        for metric in _METRICS
    ]
    return {**params, "AlgorithmSpecification": {**algorithm, "MetricDefinitions": definitions}}


def check_tunable(ctx: Context, algorithm: Row, names: Iterable[str]) -> None:
    """Raises ValidationException for a hyperparameter that the algorithm does not let one tune."""
    if is_built_in(ctx, algorithm) and (unknown := sorted(set(names) - TUNABLE)):
        raise ValidationException(
            f"ParameterRanges: {', '.join(unknown)} cannot be tuned with the XGBoost algorithm; tunable are "
            f"{', '.join(sorted(TUNABLE))}."
        )
