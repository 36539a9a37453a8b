"""Documents of the monitors are read whole by the SDK's Model Monitor classes, and can be edited with them.

Also the real ones, so that what the classes take for a document is what AWS writes.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops_constructs.pipeline_context import PipelineContext
from mlops_constructs.sdk_canonical import Substitution
from mlops_constructs.sdk_uploads import Uploads
from monitoring import attribution, bias, data_quality, documents, quality
from monitoring.attribution import Sums
from monitoring.data_quality import Feature
from monitoring.model import BINARY, MULTICLASS, REGRESSION, Explanation, Facet
from monitoring.summary import Summary
from tests.real_samples import sample_folder

pytestmark = pytest.mark.oracle

FEATURES = [
    Feature("amount", data_quality.FRACTIONAL, non_negative=True),
    Feature("term", data_quality.INTEGRAL),
    Feature("state", data_quality.STRING, domain=("CA", "NY")),
]
COLUMNS = {
    "amount": [1.5, 2.5, None, 4.0] * 10,
    "term": [12, 24, 36, 48] * 10,
    "state": ["CA", "NY", "CA", "TX"] * 10,
}
CLARIFYS = ("bias", "attribution")


def _data_quality() -> tuple[Any, Any, Any]:
    summary = Summary(FEATURES)
    for _ in range(100):  # more rows than a sketch holds unfolded
        summary.add(COLUMNS)
    statistics, constraints = summary.statistics(), data_quality.constraints(FEATURES)
    return statistics, constraints, documents.violations(constraints, statistics, statistics)


def _model_quality(problem: str) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(7)
    labels, scores = np.tile([0, 1], 50), rng.random(100)
    texts = [str(label) for label in labels]
    given = {
        BINARY: (texts, scores.tolist(), [str(int(score > 0.5)) for score in scores]),
        MULTICLASS: (texts, None, rng.choice(["0", "1", "2"], size=100).tolist()),
        REGRESSION: (labels.tolist(), scores.tolist(), scores.tolist()),
    }[problem]
    statistics = quality.statistics(problem, *given)
    constraints = quality.constraints(problem, statistics, margin=-3.0)  # on the good side: every metric crosses it
    return statistics, constraints, documents.model_quality_violations(constraints, statistics)


def _bias() -> tuple[Any, Any, Any]:
    facets = (Facet("sex", values=("f",)),)
    counted = [
        bias.counts(
            facets, {"sex": ["f", "m"] * 50}, [place % 4 < threshold for place in range(100)], [True, False] * 50
        )
        for threshold in (2, 1)
    ]
    constraints, current = bias.baseline(counted[0]), bias.analysis(counted[1])
    return current, constraints, documents.bias_violations(constraints, current)


def _attribution() -> tuple[Any, Any, Any]:
    means = np.array([[0.5, 0.3, 0.01]] * 4), np.array([[0.01, 0.3, 0.5]] * 4)
    sums = [Sums.of(Explanation(("a", "b", "c"), each)) for each in means]
    constraints, current = attribution.baseline(sums[0]), attribution.analysis(sums[1])
    return current, constraints, documents.attribution_violations(constraints, current)


KINDS = {
    "data-quality": _data_quality,
    **{f"model-quality-{problem}": lambda problem=problem: _model_quality(problem) for problem in (BINARY, MULTICLASS)},
    "model-quality-regression": lambda: _model_quality(REGRESSION),
    "bias": _bias,
    "attribution": _attribution,
}


@pytest.fixture
def session(tmp_path: Path, context: PipelineContext) -> Any:
    from mlops_constructs import sdk_session

    return sdk_session.open_session(Uploads(tmp_path / "s3"), "eu-west-1", Substitution(context).context)


def _read_by_the_sdk(name: str, path: Path, session: Any) -> Any:
    from sagemaker.core.model_monitor.monitoring_files import Constraints, ConstraintViolations, Statistics

    reader, parameter = {
        "statistics": (Statistics, "statistics_file_path"),
        "constraints": (Constraints, "constraints_file_path"),
        "violations": (ConstraintViolations, "constraint_violations_file_path"),
    }[name]
    return reader.from_file_path(**{parameter: str(path)}, sagemaker_session=session).body_dict


@pytest.mark.parametrize("kind", KINDS)
def test_our_documents_are_read_whole(kind: str, session: Any, tmp_path: Path) -> None:
    statistics, constraints, violations = KINDS[kind]()
    assert violations, "nothing to read otherwise"
    written = {
        "statistics": statistics,
        "constraints": constraints,
        "violations": documents.violations_document(violations),
    }
    for name, document in written.items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(document, allow_nan=False))
        assert _read_by_the_sdk(name, path, session) == document
    assert ("version" in written["violations"]) == (kind in CLARIFYS)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("statistics.json", "statistics"),
        ("constraints.json", "constraints"),
        ("constraint_violations.json", "violations"),
        ("bias_drift_violations_2.json", "violations"),
        ("attribution_drift_violations_2.json", "violations"),
    ],
)
def test_the_sdk_and_our_readers_see_the_same_in_real_documents(file: str, name: str, session: Any) -> None:
    path = sample_folder() / "monitor" / file
    reader = {
        "statistics": documents.read_statistics,
        "constraints": documents.read_constraints,
        "violations": documents.read_violations,
    }[name]
    assert reader(path.read_text()).body == _read_by_the_sdk(name, path, session)


def test_what_the_sdk_switches_off_is_not_judged(session: Any) -> None:
    from sagemaker.core.model_monitor.monitoring_files import Constraints

    statistics, constraints, violations = _data_quality()
    judged = {each["feature_name"] for each in violations}
    assert judged == {"amount", "state"}
    read = Constraints(
        json.loads(json.dumps(constraints)), "s3://artifacts/constraints.json", sagemaker_session=session
    )
    read.set_monitoring(False, feature_name="amount")
    left = documents.violations(read.body_dict, statistics)
    assert {each["feature_name"] for each in left} == {"state"}
    read.set_monitoring(False)
    assert documents.violations(read.body_dict, statistics) == []
    assert read.body_dict.keys() == constraints.keys()
    assert constraints["monitoring_config"]["evaluate_constraints"] == "Enabled"
