"""The loan pipeline written with the SageMaker SDK is the one we write as plain data.

Every difference is named below with its reason; another one fails, and so does a reason without a difference.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from loan_approval.definition import definition
from mlops_constructs.definition_check import findings
from mlops_constructs.pipeline_context import PipelineContext
from mlops_constructs.sdk_pipeline import LoadedPipeline

pytestmark = pytest.mark.oracle

ABSENT = "(absent)"
NAMES = ("Name", "InputName", "OutputName", "ChannelName", "PropertyFileName")


@dataclass(frozen=True)
class Difference:
    """Where the two part (a pattern), what the SDK and we write there, and why that is meant."""

    path: str
    sdk: object
    ours: object
    reason: str


DIFFERENCES = [
    Difference(
        r".*\.NetworkConfig\.EnableNetworkIsolation",
        ABSENT,
        True,
        "a step that calls nothing has no network here; this SDK pipeline leaves the service's default",
    ),
    Difference(r".*\.NetworkConfig\.EnableNetworkIsolation", ABSENT, False, "the service's default, written out"),
    Difference(
        r".*\[(TrainModel|TuneModel)\].*\.EnableNetworkIsolation",
        ABSENT,
        True,
        "a training has no network here; this SDK pipeline leaves the service's default",
    ),
    Difference(
        r"PipelineExperimentConfig\.(ExperimentName|TrialName)\.Get",
        re.compile(r"Execution\.(PipelineName|PipelineExecutionId)"),
        ABSENT,
        "the SDK files each execution under an Experiment; a version's own metadata explains it here",
    ),
    Difference(
        r".*\.ProcessingInputs\[\w+\]\.S3Input\.S3DataDistributionType",
        "FullyReplicated",
        ABSENT,
        "the service's default, written out",
    ),
    Difference(
        r".*\.ProcessingInputs\[\w+\]\.S3Input\.S3CompressionType", "None", ABSENT, "the service's default, written out"
    ),
    Difference(
        r".*\[TrainModel\]\.Arguments\.InputDataConfig\[\w+\]\.InputMode",
        "File",
        ABSENT,
        "repeats AlgorithmSpecification.TrainingInputMode for each channel",
    ),
    Difference(r".*\[TuneModel\].*\.TrainingJobEarlyStoppingType", "Off", ABSENT, "the service's default, written out"),
    Difference(
        r".*\[TuneModel\].*\.ResourceConfig\.VolumeKmsKeyId",
        ABSENT,
        "${Token[TOKEN.5]}",
        "HyperparameterTuner forgets the key of its trainer's volumes; we do not",
    ),
    Difference(r".*\[Register\w*Model\].*\.SkipModelValidation", "None", ABSENT, "the service's default, written out"),
    Difference(
        r".*\[Register\w*Model\].*\.Environment\.SAGEMAKER_(CONTAINER_LOG_LEVEL|REGION)",
        re.compile("20|eu-west-1"),
        ABSENT,
        "the SDK's own defaults for the serving container, which neither toolkit nor model needs",
    ),
]


@pytest.fixture(scope="module")
def unexplained(loan_pipeline: LoadedPipeline, context: PipelineContext) -> dict[str, tuple[object, object]]:
    """Place → what the SDK and what we write there, where that differs."""
    theirs, ours = dict(_leaves(loan_pipeline.definition)), dict(_leaves(definition(context)))
    pairs = {path: (theirs.get(path, ABSENT), ours.get(path, ABSENT)) for path in theirs.keys() | ours.keys()}
    return {path: pair for path, pair in sorted(pairs.items()) if pair[0] != pair[1]}


def test_both_ways_of_writing_give_the_same_pipeline(unexplained: Mapping[str, tuple[object, object]]) -> None:
    left = {
        path: pair
        for path, pair in unexplained.items()
        if not any(_explains(difference, path, pair) for difference in DIFFERENCES)
    }
    assert left == {}


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda each: each.path)
def test_every_explanation_is_needed(difference: Difference, unexplained: Mapping[str, tuple[object, object]]) -> None:
    assert any(_explains(difference, path, pair) for path, pair in unexplained.items())


def test_steps_and_parameters_stand_in_the_same_order(loan_pipeline: LoadedPipeline, context: PipelineContext) -> None:
    theirs, ours = loan_pipeline.definition, definition(context)
    assert theirs["Parameters"] == ours["Parameters"]
    assert _names(theirs["Steps"]) == _names(ours["Steps"])


def test_the_sdk_definition_passes_the_same_check(loan_pipeline: LoadedPipeline) -> None:
    assert findings(loan_pipeline.definition) == []


def test_a_pipeline_that_uploads_nothing_brings_no_assets(loan_pipeline: LoadedPipeline) -> None:
    assert loan_pipeline.assets == {}


def _explains(difference: Difference, path: str, pair: tuple[object, object]) -> bool:
    theirs, ours = pair
    if not re.fullmatch(difference.path, path) or ours != difference.ours:
        return False
    if isinstance(difference.sdk, re.Pattern):
        return bool(difference.sdk.fullmatch(str(theirs)))
    return theirs == difference.sdk


def _names(steps: list[Any]) -> list[Any]:
    return [
        [step["Name"], *(_names(step["Arguments"].get(branch, [])) for branch in ("IfSteps", "ElseSteps"))]
        for step in steps
    ]


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, object]]:
    """Every value without members of its own, by a path in which list entries stand by their names."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            named = next((inner[key] for key in NAMES if isinstance(inner, dict) and key in inner), index)
            yield from _leaves(inner, f"{path}[{named}]")
    else:
        yield path, value
