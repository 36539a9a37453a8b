"""The same functions on a cluster: one that pickles whatever it is given, and mixes up what it shuffles."""

import pickle
import random
import sys
import types

import pytest

from monitoring import on_spark, submit
from monitoring.on_spark import OnSpark
from monitoring.steps.job import StepError
from monitoring.workers import OneProcess

from .watched_files import follow, in_small_parts, make, same_inputs, same_outcomes, see


def sent(value):
    """What arrives on another machine."""
    return pickle.loads(pickle.dumps(value))


class FakeRdd:
    """What the steps use of pyspark's RDD; nothing is shared with the driver, and a shuffle keeps no order."""

    def __init__(self, rows):
        self.rows = rows

    def map(self, work):
        return FakeRdd([sent(work)(row) for row in self.rows])

    def flatMap(self, work):  # noqa: N802
        return FakeRdd([each for row in self.rows for each in sent(work)(row)])

    def union(self, other):
        return FakeRdd([*self.rows, *other.rows])

    def partitionBy(self, partitions, place):  # noqa: N802
        shuffled = random.Random(7).sample(self.rows, len(self.rows))
        parts = [[] for _ in range(partitions)]
        for key, value in shuffled:
            parts[place(key) % partitions].append((key, sent(value)))
        return FakeParts(parts)

    def persist(self, level):
        assert level == "disk"

    def count(self):
        return len(self.rows)

    def toLocalIterator(self):  # noqa: N802
        return iter(sent(self.rows))

    def unpersist(self):
        self.rows = None


class FakeParts(FakeRdd):
    def mapPartitions(self, work):  # noqa: N802
        return FakeRdd([each for part in self.rows for each in sent(work)(iter(part))])


class FakeContext:
    stopped = False

    def parallelize(self, rows, slices):
        assert slices >= 1
        return FakeRdd(sent(rows))

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        type(self).stopped = True


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    return make(tmp_path_factory.mktemp("captured"))


@pytest.fixture(autouse=True)
def _image(monkeypatch):
    """With pyspark in it, as far as it is used."""
    in_small_parts(monkeypatch)
    pyspark = types.ModuleType("pyspark")
    pyspark.SparkContext = lambda appName: FakeContext()  # noqa: N803
    pyspark.StorageLevel = types.SimpleNamespace(DISK_ONLY="disk")
    monkeypatch.setitem(sys.modules, "pyspark", pyspark)


def test_inputs_are_the_same_as_in_one_process(s3):
    assert same_inputs(see(OnSpark(FakeContext(), s3), s3), see(OneProcess(s3), s3))


@pytest.mark.parametrize("missing_means", ["", "0"])
def test_outcomes_are_the_same_as_in_one_process(s3, missing_means):
    found = follow(OnSpark(FakeContext(), s3), s3, missing_means)
    assert same_outcomes(found, follow(OneProcess(s3), s3, missing_means))
    assert len(found.known)


def test_nothing_captured_makes_no_empty_task_list(tmp_path):
    from bench.monitoring_files import FolderS3

    nothing = FolderS3(tmp_path)
    assert see(OnSpark(FakeContext(), nothing), nothing).rows == 0
    assert follow(OnSpark(FakeContext(), nothing), nothing).rows == 0


@pytest.fixture
def driver(monkeypatch, tmp_path):
    """The driver of a step that is called, in an image with pyspark."""
    calls = []

    def step(main):
        module = types.ModuleType("a_step")
        module.main = main
        monkeypatch.setitem(sys.modules, "a_step", module)
        monkeypatch.setattr(sys, "argv", ["step.py", "a_step", "--model", "m"])
        return calls

    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    FakeContext.stopped = False
    return step


def test_the_driver_hands_the_cluster_to_the_step(driver):
    calls = driver(lambda arguments, workers: calls.append((arguments, workers)))
    on_spark.main()
    [(arguments, workers)] = calls
    assert arguments == ["--model", "m"]
    assert isinstance(workers, OnSpark)
    assert sent(workers.connect)().meta.region_name == "eu-west-1"
    assert FakeContext.stopped


def test_the_driver_keeps_its_reason_beside_what_sparks_own_will_write_over(driver, tmp_path):
    def fail(_arguments, _workers):
        raise StepError("model nobody: has no monitor.py")

    driver(fail)
    with pytest.raises(SystemExit):
        on_spark.main()
    assert (tmp_path / "output" / submit.REASON).read_text() == "model nobody: has no monitor.py"
    assert FakeContext.stopped
