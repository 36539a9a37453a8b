"""Real Spark, on this machine, finds in the same captured files what one process finds.

Run by the interpreter of .venv-spark, which has pyspark and what the monitors need, and nothing else of the project.
"""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.monitored import MODEL
from bench.monitoring_files import FEATURES, KINDS, WINDOW
from monitoring import drift
from monitoring.on_spark import OnSpark
from monitoring.summary import Summary
from monitoring.workers import OneProcess
from tests.unit.monitoring.watched_files import follow, in_small_parts, make, same_inputs, same_outcomes, see

# pyspark leaves the sockets by which it collects results to the garbage collector.
pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def context() -> Any:
    pyspark = pytest.importorskip("pyspark")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(map(str, (ROOT, ROOT / "pipeline_code"))))
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        settings = pyspark.SparkConf().setMaster("local[2]").setAppName("monitoring")
        settings.set("spark.ui.enabled", "false").set("spark.driver.bindAddress", "127.0.0.1")
        with pyspark.SparkContext(conf=settings) as context:
            yield context


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return make(tmp_path_factory.mktemp("captured"))


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    in_small_parts(monkeypatch)


def test_summary_sample_and_counts_are_the_same(context: Any, s3: Any) -> None:
    assert same_inputs(see(OnSpark(context, s3), s3), see(OneProcess(s3), s3))


def test_drift_is_judged_the_same(context: Any, s3: Any) -> None:
    """Against windows whose numbers spread wider, so that there is something to find."""
    random = np.random.default_rng(11)
    before = [Summary(MODEL.features) for _ in range(6)]
    for summary in before:
        numbers = {name: random.uniform(0, 1.2, 500) for name in FEATURES}
        summary.add({**numbers, **{name: random.choice(["k1", "k2"], 500).tolist() for name in KINDS}})
    calibration, baseline = drift.calibrate(before), Summary.merged(before, MODEL.features)
    judged = [
        drift.judge(baseline, calibration, see(workers, s3).summary, WINDOW).document()
        for workers in (OneProcess(s3), OnSpark(context, s3))
    ]
    assert judged[0] == judged[1]
    assert judged[0]["breached"]


@pytest.mark.parametrize("missing_means", ["", "0"])
def test_outcomes_are_the_same(context: Any, s3: Any, missing_means: str) -> None:
    found = follow(OnSpark(context, s3), s3, missing_means)
    assert same_outcomes(found, follow(OneProcess(s3), s3, missing_means))
    assert len(found.known) > 2000


def test_executors_are_other_processes(context: Any) -> None:
    """Else nothing above was sent anywhere."""
    places = list(OnSpark(context, lambda: None).map(lambda _: os.getpid(), range(4)))
    assert len(places) == 4
    assert os.getpid() not in places
