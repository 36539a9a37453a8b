"""Every figure of a model that alarms and dashboards look at, with the namespace and the dimensions it is published in.

Sources: SageMaker developer guide, "Amazon SageMaker AI metrics in Amazon CloudWatch"; the project's own figures:
pipeline_code/monitoring/emit.py.
"""

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from mlops_constructs import metric_namespaces
from mlops_constructs.naming import ModelNames

MONITORING_NAMESPACE = metric_namespaces.MONITORING
"""Of the monitors' figures, as Model Monitor's own jobs have it."""
RELEASE_NAMESPACE = metric_namespaces.RELEASE
"""Of what the release controller publishes."""

RUNNING = "running"
"""What expressions call the minutes that instances ran."""
WHOLE_HOUR = 50
"""Minutes of instances that count as an hour of service: the newest minutes of an hour are published late."""

CHAMPION, CHALLENGER, SHADOW = VARIANTS = ("champion", "challenger", "shadow")

_INVOCATIONS = "AWS/SageMaker"
_INSTANCES = "/aws/sagemaker/Endpoints"
_PIPELINES = "AWS/Sagemaker/ModelBuildingPipeline"  # spelled so by AWS

MINUTE, HOUR, DAY = cdk.Duration.minutes(1), cdk.Duration.hours(1), cdk.Duration.days(1)


def none_while_running(figure: str) -> str:
    """1 for each hour in which instances ran and `figure` counted nothing, 0 where it did, else no value.

    An hour in which they ran for less than WHOLE_HOUR minutes is 0: nothing can be missed of an endpoint that has just
    been made. `figure` is published only when there is something to count. MAX takes of several what is there, so
    where instances ran, there is a value. FILL would not do: what it makes of a metric without any data is not
    documented.
    """
    return f"IF({RUNNING} < {WHOLE_HOUR}, 0, IF(MAX([0 * {RUNNING}, {figure}]) < 1, 1, 0))"


@dataclass(frozen=True)
class ModelMetrics:
    """Metrics of one model in one environment."""

    names: ModelNames

    def invocations(self, variant: str = CHAMPION, period: cdk.Duration = MINUTE) -> cloudwatch.Metric:
        """Requests to a variant; nothing is published while there are none."""
        return self._of_variant(_INVOCATIONS, "Invocations", variant, cloudwatch.Stats.SUM, period)

    def server_errors(self, variant: str = CHAMPION) -> cloudwatch.Metric:
        """Share of requests answered with 5xx, 0 to 1."""
        return self._of_variant(_INVOCATIONS, "Invocation5XXErrors", variant, cloudwatch.Stats.AVERAGE)

    def client_errors(self, variant: str = CHAMPION) -> cloudwatch.Metric:
        """Share of requests answered with 4xx, 0 to 1."""
        return self._of_variant(_INVOCATIONS, "Invocation4XXErrors", variant, cloudwatch.Stats.AVERAGE)

    def latency(self, variant: str = CHAMPION, statistic: str = "p95") -> cloudwatch.Metric:
        """Time the model took for a request, in microseconds."""
        return self._of_variant(_INVOCATIONS, "ModelLatency", variant, statistic)

    def overhead(self, variant: str = CHAMPION, statistic: str = "p95") -> cloudwatch.Metric:
        """Time SageMaker took for a request beside the model's own, waiting included, in microseconds."""
        return self._of_variant(_INVOCATIONS, "OverheadLatency", variant, statistic)

    def cpu(self, variant: str = CHAMPION, statistic: str = cloudwatch.Stats.AVERAGE) -> cloudwatch.Metric:
        """Up to 100 for each virtual processor of an instance."""
        return self._of_variant(_INSTANCES, "CPUUtilization", variant, statistic)

    def memory(self, variant: str = CHAMPION) -> cloudwatch.Metric:
        """Of the instance that has least left, in percent."""
        return self._of_variant(_INSTANCES, "MemoryUtilization", variant, cloudwatch.Stats.MAXIMUM)

    def disk(self, variant: str = CHAMPION) -> cloudwatch.Metric:
        """Of the instance that has least left, in percent."""
        return self._of_variant(_INSTANCES, "DiskUtilization", variant, cloudwatch.Stats.MAXIMUM)

    def instance_minutes(self, variant: str = CHAMPION, period: cdk.Duration = MINUTE) -> cloudwatch.Metric:
        """Minutes that instances ran, of all instances together: each publishes its use once a minute."""
        return self._of_variant(_INSTANCES, "CPUUtilization", variant, cloudwatch.Stats.SAMPLE_COUNT, period)

    def runs(self, pipeline: str, end: str, period: cdk.Duration = MINUTE) -> cloudwatch.Metric:
        """Executions that ended so: `Succeeded` or `Failed`; also `Started`."""
        return cloudwatch.Metric(
            namespace=_PIPELINES,
            metric_name=f"Execution{end}",
            dimensions_map={"PipelineName": pipeline},
            statistic=cloudwatch.Stats.SUM,
            period=period,
        )

    def figure(self, name: str, period: cdk.Duration = MINUTE) -> cloudwatch.Metric:
        """What the monitoring pipeline publishes at the end of a run, by its name."""
        return cloudwatch.Metric(
            namespace=MONITORING_NAMESPACE,
            metric_name=name,
            dimensions_map=self.schedule,
            statistic=cloudwatch.Stats.MAXIMUM,
            period=period,
        )

    def overdue(self) -> cloudwatch.Metric:
        """Hours that a candidate has been where it is, beyond what that stage of a release may take."""
        return cloudwatch.Metric(
            namespace=RELEASE_NAMESPACE,
            metric_name="overdue_hours",
            dimensions_map={"Endpoint": self.names.endpoint},
            statistic=cloudwatch.Stats.MAXIMUM,
            period=MINUTE,
        )

    @property
    def schedule(self) -> dict[str, str]:
        """Dimensions of what monitors publish, as Model Monitor has them."""
        return {"Endpoint": self.names.endpoint, "MonitoringSchedule": self.names.monitoring_schedule}

    def _of_variant(
        self, namespace: str, name: str, variant: str, statistic: str, period: cdk.Duration = MINUTE
    ) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=name,
            dimensions_map={"EndpointName": self.names.endpoint, "VariantName": variant},
            statistic=statistic,
            period=period,
        )
