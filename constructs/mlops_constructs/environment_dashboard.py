"""All models of an environment at a glance; each has a dashboard of its own for more."""

from collections.abc import Callable, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from mlops_constructs.model_metrics import HOUR, ModelMetrics
from mlops_constructs.naming import EnvironmentNames

_WIDE, _HALF = 24, 12
_HEIGHT = 6


class EnvironmentDashboard(cloudwatch.Dashboard):
    """`<project>-<environment>`: one line for each model in every graph.

    It knows models by the names of their metrics and refers to none of their stacks, so that those come and go.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, names: EnvironmentNames, models: Sequence[ModelMetrics]
    ) -> None:
        super().__init__(scope, construct_id, dashboard_name=names.dashboard, default_interval=cdk.Duration.days(14))
        self._models = models
        self.add_widgets(cloudwatch.TextWidget(markdown=self._links(), width=_WIDE, height=2 + len(models) // 8))
        graphs: dict[str, Callable[[ModelMetrics], cloudwatch.Metric]] = {
            "Requests an hour": lambda model: model.invocations(period=HOUR),
            "Share of requests answered with 5xx": lambda model: model.server_errors(),
            "Time of the model (p95), µs": lambda model: model.latency(),
            "Instances of the champion": lambda model: model.instance_minutes(),
            "Degradation confirmed": lambda model: model.figure("degradation_confirmed", HOUR),
            "Drift of the inputs confirmed": lambda model: model.figure("data_drift_confirmed", HOUR),
            "Failed monitoring runs": lambda model: model.runs(model.names.monitoring_pipeline, "Failed", HOUR),
            "Failed training runs": lambda model: model.runs(model.names.pipeline, "Failed", HOUR),
        }
        widgets = [self._graph(title, metric) for title, metric in graphs.items()]
        for left, right in zip(widgets[::2], widgets[1::2], strict=True):
            self.add_widgets(left, right)

    def _links(self) -> str:
        region = cdk.Stack.of(self).region
        names = [model.names for model in self._models]
        links = [f"[{each.public}](#dashboards/dashboard/{each.dashboard}?region={region})" for each in names]
        return f"### Models\n{' · '.join(links)}"

    def _graph(self, title: str, metric: Callable[[ModelMetrics], cloudwatch.Metric]) -> cloudwatch.GraphWidget:
        lines = [metric(model).with_(label=model.names.public) for model in self._models]
        return cloudwatch.GraphWidget(title=title, left=list(lines), width=_HALF, height=_HEIGHT)
