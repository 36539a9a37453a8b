"""The monitoring pipeline: any model's, since what differs between models is in `<model>/monitor.py`.

    WatchInputs ───┐
                   ├─► Report
    WatchOutcomes ─┘

Read at synth; none of it is in the code bundle. The steps write below `results_uri` themselves, where windows of many
runs lie beside each other, so that SageMaker uploads nothing.
"""

from dataclasses import dataclass
from typing import Any

from mlops_constructs.definition_builder import EVENTS, VERSION, DefinitionBuilder, Json, declare, get, join, parameter
from monitoring.windows import NONE

EXECUTION = get("Execution.PipelineExecutionId")


@dataclass(frozen=True)
class Watch:
    """What is watched and how it is judged; every text may be a deploy-time token."""

    model: str
    """Folder below `pipeline_code/`, with a `monitor.py`."""
    endpoint: str
    capture_uri: str
    """`s3://bucket/folder`, above the endpoint's name and `ground-truth`."""
    results_uri: str
    """`s3://bucket/folder/monitoring`."""
    champion_parameter: str
    window_hours: int
    delay_minutes: int
    instance_count: int
    """Machines that read a window together; above 1 they are a Spark cluster."""
    min_rows: int
    """Predictions below which a window is not judged."""
    breaches: int
    of: int
    """A monitor is confirmed when `breaches` of its newest `of` judged windows breached."""
    matures_after_days: int
    missing_means: str
    """What no outcome means once the time has passed; empty: such predictions do not count."""
    schedule_name: str
    """Dimension MonitoringSchedule of the metrics."""
    environment: str
    public_model: str
    bus: str
    """Event bus of the run's event."""


def definition(build: DefinitionBuilder, watch: Watch) -> Json:
    """The pipeline as the plain data that CreatePipeline takes."""
    return {
        "Version": VERSION,
        "Metadata": {},
        "Parameters": [
            declare("Windows", "String", NONE),
            declare("OutcomeWindows", "String", NONE),
            declare("ScheduledTime", "String", NONE),
            declare("ProcessingInstanceType", "String", build.context.settings.processing_instance_type),
        ],
        "Steps": [_watch_inputs(build, watch), _watch_outcomes(build, watch), _report(build, watch)],
    }


def _watch_inputs(build: DefinitionBuilder, watch: Watch) -> Json:
    arguments = [*_common(watch), *_windows(watch)]
    return _watcher(build, watch, "WatchInputs", "monitoring.steps.inputs", arguments)


def _watch_outcomes(build: DefinitionBuilder, watch: Watch) -> Json:
    matured = ["--matures-after-days", watch.matures_after_days]
    # SageMaker takes no empty argument.
    meaning = ["--missing-means", watch.missing_means] if watch.missing_means else []
    arguments = [*_common(watch), *_windows(watch), *matured, *meaning]
    return _watcher(build, watch, "WatchOutcomes", "monitoring.steps.outcomes", arguments)


def _watcher(build: DefinitionBuilder, watch: Watch, name: str, module: str, arguments: list[Any]) -> Json:
    """The same step with the same arguments, on one machine or on several."""
    if watch.instance_count == 1:
        return build.processing(
            name,
            module,
            inputs={},
            outputs=[],
            arguments=_texts(arguments),
            calls="S3 for the windows that are due, SSM and the registry for the champion",
        )
    return build.distributed(
        name,
        module,
        instances=watch.instance_count,
        # The role writes nowhere else in the bucket.
        events_uri=join(watch.results_uri, EVENTS, EXECUTION, name),
        arguments=_texts(arguments),
    )


def _report(build: DefinitionBuilder, watch: Watch) -> Json:
    arguments = [
        *_common(watch),
        *("--breaches", watch.breaches, "--of", watch.of),
        *("--schedule-name", watch.schedule_name, "--bus", watch.bus),
        *("--environment", watch.environment, "--public-model", watch.public_model),
    ]
    return build.processing(
        "Report",
        "monitoring.steps.report",
        inputs={},
        outputs=[],
        arguments=_texts(arguments),
        calls="S3 for what was found, CloudWatch and EventBridge, which are told",
        DependsOn=["WatchInputs", "WatchOutcomes"],
    )


def _common(watch: Watch) -> list[Any]:
    return [
        *("--model", watch.model, "--endpoint", watch.endpoint, "--champion-parameter", watch.champion_parameter),
        *("--capture", watch.capture_uri, "--results", watch.results_uri),
        *("--min-rows", watch.min_rows, "--execution", EXECUTION),
    ]


def _windows(watch: Watch) -> list[Any]:
    """Both steps are told both parameters: one that is given switches off the monitors of the other."""
    return [
        *("--windows", parameter("Windows"), "--outcome-windows", parameter("OutcomeWindows")),
        *("--scheduled", parameter("ScheduledTime")),
        *("--window-hours", watch.window_hours, "--delay-minutes", watch.delay_minutes),
    ]


def _texts(arguments: list[Any]) -> list[Any]:
    return [str(each) if isinstance(each, int) else each for each in arguments]
