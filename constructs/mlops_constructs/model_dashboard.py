"""One model at a glance: requests, errors, latency, room; what was captured and found; alarms; runs."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from mlops_constructs.model_metrics import DAY, HOUR, MONITORING_NAMESPACE, VARIANTS, ModelMetrics

MONITORS = ("data_quality", "data_drift", "attribution", "model_quality", "calibration", "bias")
"""As pipeline_code/monitoring/findings.py has them; a test compares."""

QUALITY = ("auc", "accuracy", "precision", "recall", "f1", "observed_to_predicted")
"""Of model quality, by Model Monitor's names, and of calibration; a problem type has those of them that it has."""

_WIDE, _HALF, _THIRD = 24, 12, 8
_HEIGHT = 6


class ModelDashboard(cloudwatch.Dashboard):
    """`<project>-<environment>-<model>`. Features and metrics of quality are searched: who adds one changes nothing.

    trains: whether the model has a training pipeline here.

    ```python
    import aws_cdk as cdk

    from mlops_constructs import EnvironmentNames, ModelDashboard, ModelMetrics

    app = cdk.App()
    model = EnvironmentNames("shop", "dev").model("churn")
    stack = cdk.Stack(app, model.monitoring_stack)
    metrics = ModelMetrics(model)
    slow = metrics.latency().create_alarm(stack, "Slow", threshold=200_000, evaluation_periods=3)
    ModelDashboard(stack, "Dashboard", metrics=metrics, alarms=[slow], trains=True)

    app.synth()
    ```
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        metrics: ModelMetrics,
        alarms: Sequence[cloudwatch.IAlarm],
        trains: bool,
    ) -> None:
        super().__init__(
            scope, construct_id, dashboard_name=metrics.names.dashboard, default_interval=cdk.Duration.days(14)
        )
        self._metrics, self._trains = metrics, trains
        if alarms:
            status = cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=_WIDE, height=4)
            self.add_widgets(status)
        self.add_widgets(*self._serving())
        self.add_widgets(*self._room())
        self.add_widgets(*self._inputs())
        self.add_widgets(*self._outcomes())
        self.add_widgets(*self._runs())

    def _serving(self) -> list[cloudwatch.IWidget]:
        metrics = self._metrics
        errors = [
            metric.with_(label=f"{kind}, {variant}")
            for variant in VARIANTS
            for kind, metric in (("5xx", metrics.server_errors(variant)), ("4xx", metrics.client_errors(variant)))
        ]
        latency = [
            metrics.latency(variant, statistic).with_(label=f"{statistic}, {variant}")
            for variant in VARIANTS
            for statistic in ("p50", "p95", "p99")
        ]
        requests = [metrics.invocations(variant).with_(label=variant) for variant in VARIANTS]
        return [
            _graph("Requests a minute, by variant", requests),
            _graph("Share of requests that failed", errors),
            _graph("Time of the model, µs", latency),
        ]

    def _room(self) -> list[cloudwatch.IWidget]:
        metrics = self._metrics
        used = [
            metrics.cpu().with_(label="CPU, 100 for each processor"),
            metrics.memory().with_(label="memory, %"),
            metrics.disk().with_(label="disk, %"),
        ]
        instances = [metrics.instance_minutes(variant).with_(label=variant) for variant in VARIANTS]
        waits = [metrics.overhead(statistic=each).with_(label=each) for each in ("p50", "p95", "p99")]
        return [
            _graph("What the champion's instances use", used),
            _graph("Instances, by variant", instances),
            _graph("Time on the way to the model, µs", waits),
        ]

    def _inputs(self) -> list[cloudwatch.IWidget]:
        counts = [self._figure(name) for name in ("rows", "unreadable_records", "windows_judged")]
        return [
            _graph("Captured predictions in the newest window", counts),
            _graph("Distance of each feature from training", [self._search("feature_baseline_drift", "drift")]),
            _graph("Values that are there, by feature", [self._search("feature_non_null", "non-null")]),
        ]

    def _outcomes(self) -> list[cloudwatch.IWidget]:
        confirmed = [self._figure(f"{monitor}_confirmed") for monitor in MONITORS]
        breached = [self._figure(f"{monitor}_breached") for monitor in MONITORS]
        quality = [self._figure(name) for name in QUALITY]
        return [
            _graph("Quality by outcomes", quality),
            _graph("Newest window breached", breached),
            _graph("Confirmed", [*confirmed, self._figure("degradation_confirmed")]),
        ]

    def _runs(self) -> list[cloudwatch.IWidget]:
        names = self._metrics.names
        pipelines = {"Monitoring": names.monitoring_pipeline} | ({"Training": names.pipeline} if self._trains else {})
        return [
            _graph(
                f"{kind} runs",
                [self._metrics.runs(pipeline, end, DAY).with_(label=end) for end in ("Started", "Succeeded", "Failed")],
                width=_HALF,
            )
            for kind, pipeline in pipelines.items()
        ]

    def _figure(self, name: str) -> cloudwatch.Metric:
        return self._metrics.figure(name, HOUR).with_(label=name)

    def _search(self, words: str, label: str) -> cloudwatch.MathExpression:
        """Every figure with these words in its name, each as a line of its own."""
        schedule = self._metrics.schedule
        where = " ".join(f'{key}="{value}"' for key, value in schedule.items())
        schema = ",".join([f'"{MONITORING_NAMESPACE}"', *schedule])
        return cloudwatch.MathExpression(
            expression=f"SEARCH('{{{schema}}} {where} {words}', 'Maximum', {HOUR.to_seconds()})",
            using_metrics={},
            label=f"{label} ${{PROP('MetricName')}}",
            period=HOUR,
        )


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric], width: int = _THIRD) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=width, height=_HEIGHT)
