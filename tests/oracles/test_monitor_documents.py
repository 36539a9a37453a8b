"""Baselines that the pipeline writes are documents that the SDK's Model Monitor classes read and edit."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops_constructs.pipeline_context import PipelineContext
from mlops_constructs.sdk_canonical import Substitution
from mlops_constructs.sdk_uploads import Uploads
from monitoring import data_quality, model_quality
from monitoring.data_quality import Feature

pytestmark = pytest.mark.oracle

FEATURES = [
    Feature("amount", data_quality.FRACTIONAL, non_negative=True),
    Feature("term", data_quality.INTEGRAL),
    Feature("state", data_quality.STRING, domain=("CA", "NY")),
]
COLUMNS = {
    "amount": [1.5, 2.5, None, 4.0] * 10,
    "term": [12, 24, 36, 48] * 10,
    "state": ["CA", "NY", "CA", "CA"] * 10,
}


def _baselines() -> dict[str, tuple[Any, Any]]:
    rng = np.random.default_rng(7)
    labels = np.tile([0, 1], 50)
    quality = model_quality.statistics(labels, np.clip(labels * 0.4 + rng.random(100) * 0.6, 0, 1), 0.5)
    return {
        "data-quality": (data_quality.statistics(COLUMNS, FEATURES), data_quality.constraints(FEATURES)),
        "model-quality": (quality, model_quality.constraints(quality)),
    }


@pytest.fixture
def session(tmp_path: Path, context: PipelineContext) -> Any:
    from mlops_constructs import sdk_session

    return sdk_session.open_session(Uploads(tmp_path / "s3"), "eu-west-1", Substitution(context).context)


@pytest.mark.parametrize("kind", ["data-quality", "model-quality"])
def test_both_documents_are_read_whole(kind: str, session: Any, tmp_path: Path) -> None:
    from sagemaker.core.model_monitor.monitoring_files import Constraints, Statistics

    statistics, constraints = _baselines()[kind]
    for document, reader, parameter in (
        (statistics, Statistics, "statistics_file_path"),
        (constraints, Constraints, "constraints_file_path"),
    ):
        path = tmp_path / "document.json"
        path.write_text(json.dumps(document))
        read = reader.from_file_path(**{parameter: str(path)}, sagemaker_session=session)
        assert read.body_dict == document


def test_the_sdk_can_switch_the_monitoring_of_our_constraints(session: Any) -> None:
    from sagemaker.core.model_monitor.monitoring_files import Constraints

    _, constraints = _baselines()["data-quality"]
    read = Constraints(
        json.loads(json.dumps(constraints)), "s3://artifacts/constraints.json", sagemaker_session=session
    )
    read.set_monitoring(False)
    read.set_monitoring(False, feature_name="amount")
    assert constraints["monitoring_config"]["evaluate_constraints"] == "Enabled"
    assert read.body_dict["monitoring_config"]["evaluate_constraints"] == "Disabled"
    amount = next(each for each in read.body_dict["features"] if each["name"] == "amount")
    assert amount["monitoring_config_overrides"]["evaluate_constraints"] == "Disabled"
    assert read.body_dict.keys() == constraints.keys()
