"""Alarms look at what is published, ring when they should, and one cause gives one page."""

import re

import pytest

from tests.infra.environments import ENVIRONMENTS, flat

COMPOSITE, PLAIN = "AWS::CloudWatch::CompositeAlarm", "AWS::CloudWatch::Alarm"
TROUBLES = {
    "TrafficTrouble": {"NoTraffic", "NoCapture", "DataQualityFault"},
    "CapacityTrouble": {"Saturation", "Throttles"},
    "ModelTrouble": {"degradation", "Bias", "Attribution"},
    "MonitoringTrouble": {"MonitoringFailed", "MonitoringMissed", "MonitoringDeadLettersWaiting"},
}
ALONE = {"ReleaseStuck", "Cost", "TrainingFailed"}


def named(template, kind=PLAIN):
    """Alarms of the stack by the last word of their names; those of functions have none."""
    return {
        each["Properties"]["AlarmName"].rpartition("-")[2]: each["Properties"]
        for each in template.resources(kind).values()
        if "AlarmName" in each["Properties"]
    }


def members(template, rule):
    """Names of the alarms that a composite's rule refers to."""
    alarms = template.resources(PLAIN)
    return {
        alarms[name]["Properties"]["AlarmName"].rpartition("-")[2] for name in re.findall(r'ALARM\("<(\w+)>"\)', rule)
    }


def metrics(alarm):
    """Metrics that an alarm looks at: namespace, name, dimensions, statistic, period."""
    stats = [each["MetricStat"] for each in alarm.get("Metrics", []) if "MetricStat" in each] or [
        {
            "Metric": {key: alarm[key] for key in ("Namespace", "MetricName", "Dimensions")},
            "Stat": alarm.get("Statistic") or alarm.get("ExtendedStatistic"),
            "Period": alarm["Period"],
        }
    ]
    for each in stats:
        metric = each["Metric"]
        dimensions = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
        yield metric["Namespace"], metric["MetricName"], dimensions, each["Stat"], each["Period"]


def expression(alarm):
    [found] = [each["Expression"] for each in alarm["Metrics"] if "Expression" in each]
    return found


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_one_cause_gives_one_page(environment, templates):
    """Members tell nobody, their Trouble does; what has no relatives tells by itself; drift of inputs never does."""
    monitoring = templates(environment)["monitoring"]
    topic = [{"Fn::ImportValue": f"mlops-{environment}-foundation:ExportsOutputRefTopicBFC7AF6ECB4A357A"}]
    alarms, troubles = named(monitoring), named(monitoring, COMPOSITE)
    assert {name: members(monitoring, flat(each["AlarmRule"])) for name, each in troubles.items()} == TROUBLES
    assert all(each["AlarmActions"] == topic for each in troubles.values())
    alone = ALONE if environment != "prod" else ALONE - {"TrainingFailed"}
    assert {name for name, each in alarms.items() if each.get("AlarmActions") == topic} == alone
    silent = {name for name, each in alarms.items() if "AlarmActions" not in each}
    assert silent == {"InputDrift"}.union(*TROUBLES.values())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_names_start_with_the_stacks_and_retraining_hears_the_one_it_knows(environment, templates):
    from mlops_constructs.naming import EnvironmentNames

    monitoring = templates(environment)["monitoring"]
    names = EnvironmentNames("mlops", environment).model("loan_approval")
    for each in (*named(monitoring).values(), *named(monitoring, COMPOSITE).values()):
        assert each["AlarmName"].startswith(f"{names.monitoring_stack}-")
    degradation = named(monitoring)["degradation"]
    assert (
        degradation["AlarmName"]
        == names.degradation_alarm
        == f"mlops-{environment}-loan-approval-monitoring-degradation"
    )


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_expressions_use_each_metric_that_they_are_given(environment, templates):
    for name, alarm in named(templates(environment)["monitoring"]).items():
        given = {each["Id"] for each in alarm.get("Metrics", []) if "MetricStat" in each}
        if given:
            assert given <= set(re.findall(r"[a-z]\w*", expression(alarm))), name
            assert [each["Id"] for each in alarm["Metrics"] if each["ReturnData"]] == ["expr_1"]


def test_what_the_monitors_find_is_read_where_they_write_it_and_holds_until_the_next_run(templates):
    schedule = {"Endpoint": "mlops-local-loan-approval", "MonitoringSchedule": "mlops-local-loan-approval-monitoring"}
    figures = {
        "DataQualityFault": "data_quality_breached",
        "InputDrift": "data_drift_confirmed",
        "degradation": "degradation_confirmed",
        "Bias": "bias_confirmed",
        "Attribution": "attribution_confirmed",
    }
    alarms = named(templates("local")["monitoring"])
    for name, figure in figures.items():
        assert list(metrics(alarms[name])) == [
            ("aws/sagemaker/Endpoints/data-metrics", figure, schedule, "Maximum", 60)
        ]
        assert (alarms[name]["TreatMissingData"], alarms[name]["EvaluationPeriods"]) == ("ignore", 1)
        assert (alarms[name]["Threshold"], alarms[name]["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")


def test_figures_are_those_that_the_pipeline_publishes():
    from mlops_constructs.model_dashboard import MONITORS
    from mlops_constructs.model_metrics import MONITORING_NAMESPACE
    from monitoring import emit, findings

    assert emit.NAMESPACE == MONITORING_NAMESPACE
    assert set(MONITORS) == set(findings.MONITORS)


def test_before_the_first_release_nothing_rings(templates):
    """No endpoint, no instances, no requests: whatever asks for them treats their absence as fine."""
    alarms = named(templates("prod")["monitoring"])
    for name in ("NoTraffic", "Saturation", "Throttles", "Cost", "NoCapture", "MonitoringMissed"):
        assert alarms[name]["TreatMissingData"] == "notBreaching", name
    for name in ("NoTraffic", "MonitoringMissed"):
        running = [each for each in metrics(alarms[name]) if each[1] == "CPUUtilization"]
        assert [(each[0], each[3]) for each in running] == [("/aws/sagemaker/Endpoints", "SampleCount")]
        counted = r"IF\(running < 50, 0, IF\(MAX\(\[0 \* running, \w+\]\) < 1, 1, 0\)\)"
        assert re.fullmatch(counted, expression(alarms[name]))


@pytest.mark.parametrize(
    ("running", "requests", "idle"),
    [
        (None, None, None),  # no endpoint
        (1.0, None, 0),  # seconds old, and not asked yet
        (49.0, None, 0),
        (58.0, None, 1),
        (120.0, None, 1),  # two instances
        (60.0, 3.0, 0),
    ],
)
def test_an_hour_without_requests_is_one_in_which_an_instance_ran_from_end_to_end(running, requests, idle):
    from local_aws.cloudwatch.math_values import Inputs, compute
    from mlops_constructs.model_metrics import none_while_running

    inputs = Inputs({"running": [running], "requests": [requests]}, ["running", "requests"], 1, 3600)
    assert compute(none_while_running("requests"), inputs) == [idle]


def test_times_are_those_of_the_configuration(templates):
    prod, local = named(templates("prod")["monitoring"]), named(templates("local")["monitoring"])
    assert [alarms["NoTraffic"]["EvaluationPeriods"] for alarms in (prod, local)] == [24, 1]
    # Two windows of 24 h and two runs of an hour; two of 24 h and two of a quarter of an hour.
    assert [alarms["MonitoringMissed"]["EvaluationPeriods"] for alarms in (prod, local)] == [50, 49]
    assert [alarms["Saturation"]["EvaluationPeriods"] for alarms in (prod, local)] == [15, 1]
    assert {period for *_, period in metrics(prod["NoCapture"])} == {86_400}


def test_processors_count_together_and_in_percent(templates):
    """SageMaker adds up the use of all processors of an instance: an ml.m5.large has two."""
    saturation = named(templates("prod")["monitoring"])["Saturation"]
    assert expression(saturation) == "MAX([cpu / 2, memory, disk])"
    assert saturation["Threshold"] == 90
    assert {name: stat for _, name, _, stat, _ in metrics(saturation)} == {
        "CPUUtilization": "Average",
        "MemoryUtilization": "Maximum",
        "DiskUtilization": "Maximum",
    }


@pytest.mark.parametrize(("name", "pipeline"), [("MonitoringFailed", "monitoring"), ("TrainingFailed", "training")])
def test_a_failed_run_rings_until_one_succeeds(name, pipeline, templates):
    alarm = named(templates("staging")["monitoring"])[name]
    assert (expression(alarm), alarm["TreatMissingData"]) == ("MAX([failed, 0 * succeeded])", "ignore")
    assert alarm["AlarmDescription"].startswith(f"A run of mlops-staging-loan-approval-{pipeline} failed, ")
    assert "It rings until a later minute, in which a run succeeds and none fails." in alarm["AlarmDescription"]
    assert {
        (namespace, metric, dimensions["PipelineName"]) for namespace, metric, dimensions, *_ in metrics(alarm)
    } == {
        ("AWS/Sagemaker/ModelBuildingPipeline", f"Execution{end}", f"mlops-staging-loan-approval-{pipeline}")
        for end in ("Failed", "Succeeded")
    }


def test_instances_of_all_variants_cost(templates):
    cost = named(templates("prod")["monitoring"])["Cost"]
    assert {dimensions["VariantName"] for _, _, dimensions, *_ in metrics(cost)} == {"champion", "challenger", "shadow"}
    assert (expression(cost).endswith("/ 1440"), cost["Threshold"]) == (True, 5)


def test_captured_predictions_are_missed_only_where_enough_requests_came(templates):
    alarm = named(templates("prod")["monitoring"])["NoCapture"]
    assert expression(alarm) == "IF(rows < 1, IF(FILL(requests, 0) >= 200, 1, 0), 0)"
    assert (alarm["EvaluationPeriods"], alarm["TreatMissingData"]) == (2, "notBreaching")
