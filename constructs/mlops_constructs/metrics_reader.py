"""The way out for those who look at figures elsewhere: a role that Prometheus' or Grafana's own role assumes."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct

from mlops_constructs.access import NO_RESOURCE, allow

# What Grafana's data source for CloudWatch and YACE, the exporter for Prometheus, ask for in their manuals.
_READS = (
    "cloudwatch:DescribeAlarms",
    "cloudwatch:DescribeAlarmsForMetric",
    "cloudwatch:GetMetricData",
    "cloudwatch:GetMetricStatistics",
    "cloudwatch:ListMetrics",
    "tag:GetResources",
)


class MetricsReader(iam.Role):
    """Reads metrics, alarms and tags of this account and region; no data, no logs. `principals`: ARNs of roles."""

    def __init__(self, scope: Construct, construct_id: str, *, principals: Sequence[str]) -> None:
        super().__init__(
            scope,
            construct_id,
            description="Reads metrics and alarms for Prometheus or Grafana",
            assumed_by=iam.CompositePrincipal(*(iam.ArnPrincipal(each) for each in principals)),
        )
        allow(self, _READS, ["*"], why=f"{NO_RESOURCE}, and all of them only read figures.")
