"""Alarms on what the monitors of a model found. Their figures come once a run, and hold until the next one."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from mlops_constructs.model_alarm import ModelAlarm
from mlops_constructs.model_metrics import ModelMetrics
from mlops_constructs.monitoring_settings import MonitoringSettings


class MonitorAlarms(Construct):
    """None of them tells anybody by itself, and drift of the inputs never does: outcomes say whether it harms.

    captured_percent: share of the requests that data capture keeps.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        metrics: ModelMetrics,
        settings: MonitoringSettings,
        captured_percent: int,
    ) -> None:
        super().__init__(scope, construct_id)
        self._metrics, self._settings = metrics, settings
        self.no_capture = self._build_no_capture(captured_percent)
        endpoint = metrics.names.endpoint
        confirmed = f"in {settings.breaches} of {settings.of} windows"
        self.data_quality_fault = self._found(
            "DataQualityFault",
            "data_quality_breached",
            f"Requests to {endpoint} break the rules that its training data kept: types, missing values, columns.",
        )
        self.input_drift = self._found(
            "InputDrift",
            "data_drift_confirmed",
            f"Requests to {endpoint} differ from its training data {confirmed}. Information: nobody is called.",
        )
        self.input_drift.tell_nobody(
            "Drift of the inputs is information, shown on the dashboard: outcomes tell whether it harms, and ring."
        )
        self.degradation = self._found(
            "Degradation",
            "degradation_confirmed",
            f"Outcomes show {confirmed} that the champion of {endpoint} got worse. It starts retraining.",
            alarm_name=metrics.names.degradation_alarm,
        )
        self.bias = self._found(
            "Bias",
            "bias_confirmed",
            f"The champion of {endpoint} treats a group differently than in training, {confirmed}.",
        )
        self.attribution = self._found(
            "Attribution",
            "attribution_confirmed",
            f"The champion of {endpoint} decides by other features than in training, {confirmed}.",
        )

    def _found(self, name: str, figure: str, meaning: str, alarm_name: str | None = None) -> ModelAlarm:
        return ModelAlarm(
            self,
            name,
            metric=self._metrics.figure(figure),
            meaning=meaning,
            missing=cloudwatch.TreatMissingData.IGNORE,
            alarm_name=alarm_name,
        )

    def _build_no_capture(self, captured_percent: int) -> ModelAlarm:
        """Twice in a row, since a run looks at the window before the requests that are counted here.

        Of fewer requests than these, none may be captured by chance. A run that ends later than the day before leaves
        a window without `rows` for so long: a condition without data gives no value, so that it ends no alarm.
        """
        settings, window = self._settings, cdk.Duration.hours(self._settings.window_hours)
        expected = -(-settings.min_rows * 100 // captured_percent)
        lost = cloudwatch.MathExpression(
            expression=f"IF(rows < 1, IF(FILL(requests, 0) >= {expected}, 1, 0), 0)",
            using_metrics={
                "requests": self._metrics.invocations(period=window),
                "rows": self._metrics.figure("rows", window),
            },
            period=window,
            label="Windows without captured requests",
        )
        meaning = (
            f"{self._metrics.names.endpoint} answers requests, and the monitoring pipeline finds none of them captured."
        )
        return ModelAlarm(self, "NoCapture", metric=lost, meaning=meaning, periods=2)
