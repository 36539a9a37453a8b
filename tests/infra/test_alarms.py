"""What no local AWS shows: that CloudWatch would evaluate each alarm as it is meant, and may tell of it."""

import json
import re

import pytest

from tests.alarms import COMPOSITE, METRIC, TOPIC, Place, alarms
from tests.infra.environments import ENVIRONMENTS, WATCHED_BY_AWS, Template, flat

PLACE = Place("111122223333", "topic")
MINUTES = 3600
"""Periods below this are evaluated on data that may still be on their way."""
PIPELINES, MONITORS, RELEASES = (
    "AWS/Sagemaker/ModelBuildingPipeline",
    "aws/sagemaker/Endpoints/data-metrics",
    "mlops/release",
)
ONCE_A_RUN = {PIPELINES, MONITORS, RELEASES}
VARIANT = {"EndpointName", "VariantName"}
PROTECTED = {f"mlops-{name}-ProtectionTouched" for name in ENVIRONMENTS} | {"watched-staging-ProtectionTouched"}
PUBLISHED = {
    # SageMaker developer guide, metrics in CloudWatch, and deployment guardrails; SQS and Lambda developer guides.
    "AWS/SageMaker": (
        {"Invocations", "Invocation4XXErrors", "Invocation5XXErrors", "ModelLatency", "OverheadLatency"},
        [VARIANT, {*VARIANT, "EndpointConfigName"}],
    ),
    "/aws/sagemaker/Endpoints": ({"CPUUtilization", "MemoryUtilization", "DiskUtilization"}, [VARIANT]),
    PIPELINES: ({"ExecutionFailed", "ExecutionSucceeded"}, [{"PipelineName"}]),
    "AWS/SQS": ({"ApproximateNumberOfMessagesVisible"}, [{"QueueName"}]),
    "AWS/Lambda": ({"Errors"}, [{"FunctionName"}]),
    RELEASES: ({"overdue_hours"}, [{"Endpoint"}]),
    # mlops_constructs/trail_watch.py
    "mlops/audit": (PROTECTED, [set()]),
    "MLOps/Governance": ({"ReviewOverdueDays"}, [{"Model"}]),
}
"""Names and dimensions by namespace; those of the monitors are in pipeline_code/monitoring/emit.py."""


@pytest.fixture(scope="module")
def watched_by_aws(assembly):
    """Templates of an environment that Model Monitor watches, by the names of their stacks."""
    files = assembly(WATCHED_BY_AWS).glob("*.template.json")
    return {path.name.partition(".")[0]: Template(json.loads(path.read_text())) for path in files}


@pytest.fixture(params=[*ENVIRONMENTS, WATCHED_BY_AWS])
def stacks(request, templates):
    """The templates of an environment by the names of their stacks."""
    if request.param == WATCHED_BY_AWS:
        return request.getfixturevalue("watched_by_aws")
    shared = ("foundation", "overview")
    return {
        f"mlops-{request.param}-{kind if kind in shared else f'loan-approval-{kind}'}": each
        for kind, each in templates(request.param).items()
    }


@pytest.fixture
def found(stacks):
    """All alarms of an environment."""
    return list(alarms(stacks, PLACE))


def metrics(alarm):
    """Namespace, name and dimensions of each metric that an alarm looks at."""
    stats = [each["MetricStat"]["Metric"] for each in alarm.properties.get("Metrics", ()) if "MetricStat" in each]
    for each in stats or [alarm.properties]:
        yield each["Namespace"], each["MetricName"], {one["Name"]: one["Value"] for one in each.get("Dimensions", ())}


def expression(alarm):
    return next((each["Expression"] for each in alarm.properties.get("Metrics", ()) if "Expression" in each), "")


def period(alarm):
    stats = [each["MetricStat"] for each in alarm.properties.get("Metrics", ()) if "MetricStat" in each]
    [only] = {each["Period"] for each in stats or [alarm.properties]}
    return only


class TestEveryAlarm:
    def test_tells_the_topic_by_itself_or_by_a_composite_alarm_or_is_information(self, found):
        grouped = {member for each in found for member in each.members}
        for each in found:
            assert each.properties.get("ActionsEnabled", True)
            ways = [each.actions == ["topic"], each.name in grouped, each.is_information]
            assert ways.count(True) == 1, (each.name, ways)

    def test_of_a_composite_rule_exists(self, found):
        names = [each.name for each in found]
        assert len(names) == len(set(names))
        composite = [each for each in found if each.kind == COMPOSITE]
        assert len(composite) == 4
        for each in composite:
            assert each.members and set(each.members) <= set(names) - {each.name}

    def test_looks_back_no_further_than_cloudwatch_lets_it(self, found):
        """API reference, PutMetricAlarm: seven days, or a day if a period is shorter than an hour."""
        for each in found:
            if each.kind == METRIC:
                looks = period(each) * each.properties["EvaluationPeriods"]
                assert looks <= (604_800 if period(each) >= 3600 else 86_400), each.name
                assert period(each) % 60 == 0

    def test_can_fire_although_the_newest_minute_has_no_data_yet(self, found):
        """User guide, metric math, FILL: it gives the newest period a value each time, which may hold the alarm back.

        Where all periods must breach, FILL(…, 0) would then end an alarm for ever.
        """
        for each in found:
            if "FILL(" in expression(each):
                assert period(each) >= MINUTES or each.properties.get("DatapointsToAlarm"), each.name

    def test_combines_metrics_in_ways_that_alarms_allow(self, found):
        """User guide: no SEARCH, ten metrics at most, and no function of one series, which depends on the range."""
        for each in found:
            assert "SEARCH(" not in expression(each)
            assert len(each.properties.get("Metrics", ())) <= 10
            assert not re.search(r"\b(MAX|MIN|SUM|AVG|STDDEV)\((?!\[)", expression(each)), each.name

    def test_is_over_without_data_but_where_figures_come_once_a_run(self, found):
        """What says how the last run ended, or what it found, holds until the next one."""
        for each in found:
            if each.kind == METRIC:
                once = {namespace for namespace, *_ in metrics(each)} <= ONCE_A_RUN
                assert each.properties["TreatMissingData"] == ("ignore" if once else "notBreaching"), each.name

    def test_looks_at_what_is_published(self, found, stacks):
        from monitoring import emit, findings

        own = {emit.DEGRADATION, emit.ROWS, *map(emit.breached, findings.MONITORS)}
        own |= set(map(emit.confirmed, findings.MONITORS))
        if any("ModelMonitor" in name for each in stacks.values() for name in each.resources("AWS::Lambda::Function")):
            own |= {"run_failed", "run_succeeded"}
        published = PUBLISHED | {emit.NAMESPACE: (own, [{emit.ENDPOINT, emit.SCHEDULE}])}
        there = names_of(stacks)
        for each in found:
            for namespace, name, dimensions in metrics(each) if each.kind == METRIC else ():
                known, with_dimensions = published[namespace]
                assert name in known, each.name
                assert set(dimensions) in with_dimensions, each.name
                for dimension, value in dimensions.items():
                    assert value in there[dimension], (each.name, dimension, value)


def names_of(stacks):
    """What there is to look at in an environment, by the dimension that names it."""
    kinds = {
        "EndpointName": ("AWS::SageMaker::Endpoint", "EndpointName"),
        "Endpoint": ("AWS::SageMaker::Endpoint", "EndpointName"),
        "PipelineName": ("AWS::SageMaker::Pipeline", "PipelineName"),
        "EndpointConfigName": ("AWS::SageMaker::EndpointConfig", ""),
        "FunctionName": ("AWS::Lambda::Function", ""),
        "QueueName": ("AWS::SQS::Queue", ""),
    }
    found = {"VariantName": {"champion", "challenger", "shadow"}}
    # Of the pipeline's schedule, or what takes its place in the figures of another engine.
    found["MonitoringSchedule"] = {name for name in stacks if name.endswith("-monitoring")}
    found["Model"] = {name.removesuffix("-governance") for name in stacks if name.endswith("-governance")}
    for dimension, (kind, name) in kinds.items():
        found[dimension] = {
            each["Properties"][name] if name else f"{stack}-{logical_id}"
            for stack, template in stacks.items()
            for logical_id, each in template.resources(kind).items()
        }
    return found


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_alarms_may_publish_to_the_topic_and_use_the_key_that_encrypts_it(environment, templates):
    """Without either, CloudWatch notes a failed action in the alarm's history, and nobody hears of it."""
    foundation = templates(environment)["foundation"]
    topic, key = foundation.only("AWS::SNS::Topic"), foundation.only("AWS::KMS::Key")
    [key_name] = foundation.resources("AWS::KMS::Key")
    assert flat(topic["Properties"]["KmsMasterKeyId"]) == f"<{key_name}>"
    statements = [*foundation.only("AWS::SNS::TopicPolicy")["Properties"]["PolicyDocument"]["Statement"]]
    [publish] = [each for each in statements if "cloudwatch" in str(each["Principal"])]
    assert (publish["Effect"], publish["Action"]) == ("Allow", "sns:Publish")
    [use] = [each for each in key["Properties"]["KeyPolicy"]["Statement"] if "cloudwatch" in str(each["Principal"])]
    assert (use["Effect"], use["Action"], use["Resource"]) == ("Allow", ["kms:Decrypt", "kms:GenerateDataKey"], "*")


def test_what_the_release_controller_publishes_is_what_its_alarm_looks_at(templates):
    [stuck] = [
        each["Properties"]
        for each in templates("local")["monitoring"].resources(METRIC).values()
        if each["Properties"].get("AlarmName", "").endswith("-ReleaseStuck")
    ]
    looks = (stuck["Namespace"], stuck["MetricName"], stuck["Dimensions"])
    assert looks == ("mlops/release", "overdue_hours", [{"Name": "Endpoint", "Value": "mlops-local-loan-approval"}])
    assert TOPIC.fullmatch(stuck["AlarmActions"][0]["Fn::ImportValue"])
