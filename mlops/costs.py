"""What of an environment costs by the hour at this moment, looked up on AWS: what runs, and what is kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from botocore.exceptions import ClientError

from mlops import aws, releases
from mlops.errors import CommandError
from mlops.prices import HOURS_A_MONTH, Prices
from mlops.target import Target
from mlops_constructs import metric_namespaces
from mlops_constructs.naming import EnvironmentNames

Kind = Literal["endpoint", "job", "storage", "key", "network", "alarms", "metrics"]
GIGABYTE = 1024**3
_BUCKETS = ("DataBucket", "ArtifactsBucket", "CaptureBucket", "EvidenceBucket")


@dataclass(frozen=True)
class Item:
    """One line of the list. count: of units; hourly: US dollars of one unit, None where its price is not known.

    An item whose count is None is there, and nobody has measured it yet. model: "" for what models share.
    """

    kind: Kind
    name: str
    unit: str
    count: float | None
    hourly: float | None
    model: str = ""

    @property
    def known(self) -> bool:
        return self.count is not None and self.hourly is not None

    @property
    def per_hour(self) -> float:
        return (self.count or 0.0) * (self.hourly or 0.0)

    @property
    def per_month(self) -> float:
        """Of 730 hours; a job ends, so it has none."""
        return 0.0 if self.kind == "job" else self.per_hour * HOURS_A_MONTH


def of_model(target: Target, prices: Prices) -> list[Item]:
    """The model's endpoint, jobs in progress, alarms and metrics of its own."""
    return [*_endpoint(target, prices), *_jobs(target, prices), *_alarms(target, prices), *_metrics(target, prices)]


def of_environment(names: EnvironmentNames, clients: aws.Clients, prices: Prices) -> list[Item]:
    """What all models share: the key, the buckets, the network."""
    outputs = _outputs(clients("cloudformation"), names)
    found = [Item("key", outputs["KeyArn"].rpartition("/")[2], "KMS key", 1, prices.other("kms_key"))]
    for key in _BUCKETS:
        size = _size(clients("cloudwatch"), outputs[key])
        found.append(Item("storage", outputs[key], "GB", size, prices.other("s3_gb")))
    return [*found, *_network(names, clients("ec2"), prices)]


def _outputs(cloudformation: Any, names: EnvironmentNames) -> Mapping[str, str]:
    stack = names.foundation_stack
    try:
        return releases.outputs(cloudformation, stack)
    except ClientError as error:
        if aws.is_missing(error):
            what = f"nothing of {names.environment} is deployed, or not all of it"
            raise CommandError(f"stack {stack}: does not exist; {what}: mlops verify says what is there") from error
        raise


def _endpoint(target: Target, prices: Prices) -> Iterator[Item]:
    sagemaker, name = target.clients("sagemaker"), target.names.endpoint
    try:
        found = sagemaker.describe_endpoint(EndpointName=name)
        config = sagemaker.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    except ClientError as error:
        if aws.is_missing(error):
            return
        raise
    variants = [*config["ProductionVariants"], *config.get("ShadowProductionVariants", [])]
    types = {each["VariantName"]: each["InstanceType"] for each in variants}
    running = [*found.get("ProductionVariants", []), *found.get("ShadowProductionVariants", [])]
    for each in running:
        variant, count = each["VariantName"], each.get("CurrentInstanceCount", 0)
        price = prices.instance(types[variant])
        yield Item("endpoint", f"{name} {variant}", types[variant], count, price, target.names.public)


def _jobs(target: Target, prices: Prices) -> Iterator[Item]:
    """Jobs in progress that carry the model's tags: the account may run others."""
    sagemaker = target.clients("sagemaker")
    for what, list_jobs, key, describe in (
        ("Processing", sagemaker.list_processing_jobs, "ProcessingJobSummaries", sagemaker.describe_processing_job),
        ("Training", sagemaker.list_training_jobs, "TrainingJobSummaries", sagemaker.describe_training_job),
        ("Transform", sagemaker.list_transform_jobs, "TransformJobSummaries", sagemaker.describe_transform_job),
    ):
        for job in list_jobs(StatusEquals="InProgress", MaxResults=100)[key]:
            tags = sagemaker.list_tags(ResourceArn=job[f"{what}JobArn"])["Tags"]
            if {each["Key"]: each["Value"] for each in tags}.items() >= target.names.tags.items():
                name = job[f"{what}JobName"]
                cluster = _cluster(describe(**{f"{what}JobName": name}))
                unit, price = cluster["InstanceType"], prices.instance(cluster["InstanceType"])
                yield Item("job", name, unit, cluster["InstanceCount"], price, target.names.public)


def _cluster(job: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of any of the three kinds of job; groups of different instances are not what pipelines here make."""
    found: Mapping[str, Any] = (
        job.get("ResourceConfig") or job.get("TransformResources") or job["ProcessingResources"]["ClusterConfig"]
    )
    return found


def _alarms(target: Target, prices: Prices) -> Iterator[Item]:
    """CloudWatch charges for each metric that an alarm looks at, and for a composite alarm by itself."""
    looked_at = composite = 0
    stacks = (target.names.serving_stack, target.names.release_stack, target.names.monitoring_stack)
    for stack in (*stacks, target.names.governance_stack):
        for alarm in aws.alarms(target.clients("cloudwatch"), f"{stack}-"):
            if "AlarmRule" in alarm:
                composite += 1
            else:
                looked_at += _looked_at(alarm)
    model = target.names.public
    yield Item("alarms", "metrics that alarms look at", "metric", looked_at, prices.other("alarm_metric"), model)
    yield Item("alarms", "composite alarms", "alarm", composite, prices.other("composite_alarm"), model)


def _looked_at(alarm: Mapping[str, Any]) -> int:
    return sum("MetricStat" in each for each in alarm.get("Metrics", [])) or 1


def _metrics(target: Target, prices: Prices) -> Iterator[Item]:
    cloudwatch, count = target.clients("cloudwatch"), 0
    for namespace in (metric_namespaces.MONITORING, metric_namespaces.RELEASE):
        pages = cloudwatch.get_paginator("list_metrics").paginate(
            Namespace=namespace, Dimensions=[{"Name": "Endpoint", "Value": target.names.endpoint}]
        )
        count += sum(len(page["Metrics"]) for page in pages)
    price = prices.other("custom_metric")
    yield Item("metrics", "figures of monitors and releases", "metric", count, price, target.names.public)


def _size(cloudwatch: Any, bucket: str) -> float | None:
    """GB in a bucket, as S3 measures it once a day; None before the first time."""
    now = datetime.now(UTC)
    answer = cloudwatch.get_metric_statistics(
        Namespace="AWS/S3",
        MetricName="BucketSizeBytes",
        Dimensions=[{"Name": "BucketName", "Value": bucket}, {"Name": "StorageType", "Value": "StandardStorage"}],
        StartTime=now - timedelta(days=3),
        EndTime=now,
        Period=86400,
        Statistics=["Average"],
    )
    newest = max(answer["Datapoints"], key=lambda each: each["Timestamp"], default=None)
    return None if newest is None else newest["Average"] / GIGABYTE


def _network(names: EnvironmentNames, ec2: Any, prices: Prices) -> Iterator[Item]:
    """Interface endpoints, each in as many zones as it has subnets."""
    filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in names.tags.items()]
    pages = ec2.get_paginator("describe_vpc_endpoints").paginate(Filters=filters)
    zones = [_zones(each) for page in pages for each in page["VpcEndpoints"]]
    if count := sum(zones):
        price = prices.other("interface_endpoint")
        yield Item("network", f"{sum(map(bool, zones))} interface endpoints", "endpoint in a zone", count, price)


def _zones(endpoint: Mapping[str, Any]) -> int:
    subnets: Sequence[str] = endpoint.get("SubnetIds", [])
    return len(subnets) if endpoint["VpcEndpointType"] == "Interface" else 0
