"""What CloudWatch refuses of an alarm. Source: API reference, PutMetricAlarm and PutCompositeAlarm."""

from __future__ import annotations

from typing import Any

from local_aws import seam
from local_aws.cloudwatch import queries
from local_aws.cloudwatch.alarms import OPERATORS
from local_aws.cloudwatch.math_syntax import MathError, functions, parse
from local_aws.core.api import Context, ValidationException

Row = dict[str, Any]
_TREATMENTS = ("breaching", "notBreaching", "ignore", "missing")
_DAY, _WEEK, _HOUR = 86_400, 604_800, 3_600
_ANOMALIES = (
    "LessThanLowerOrGreaterThanUpperThreshold",
    "LessThanLowerThreshold",
    "GreaterThanUpperThreshold",
)
_NEITHER = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit")
_NOT_EMULATED = ("EvaluationWindow", "WarmUpConfiguration", "EvaluationCriteria", "EvaluationInterval")
_ACTION_LISTS = ("AlarmActions", "OKActions", "InsufficientDataActions")


def check_metric_alarm(params: Row) -> None:
    """Errors: ValidationException for what AWS refuses, or what is not emulated."""
    _check_emulated(params)
    if params.get("EvaluationPeriods") is None:
        raise ValidationException("The parameter EvaluationPeriods is required for creating an alarm.")
    if params.get("Threshold") is None:
        raise ValidationException("The parameter Threshold is required for creating an alarm.")
    treatment = params.get("TreatMissingData", "missing")
    if treatment not in _TREATMENTS:
        raise ValidationException(
            f"Option {treatment} for parameter TreatMissingData is not one of {', '.join(_TREATMENTS)}."
        )
    if params.get("DatapointsToAlarm", 1) > params["EvaluationPeriods"]:
        raise ValidationException(
            f"DatapointsToAlarm ({params['DatapointsToAlarm']}) must be less than or equal to "
            f"EvaluationPeriods ({params['EvaluationPeriods']})."
        )
    period = _metrics_period(params) if "Metrics" in params else _metric_period(params)
    _check_range(period, int(params["EvaluationPeriods"]))
    check_actions(params)


def check_actions(params: Row) -> None:
    """Errors: ValidationException for an action that is no ARN."""
    for name in _ACTION_LISTS:
        for action in params.get(name) or ():
            if not action.startswith("arn:") or action.count(":") < 5:
                raise ValidationException(f"Invalid arn syntax: {action}")


def check_composite_alarm(ctx: Context, params: Row) -> None:
    """Errors: ValidationException for what AWS refuses."""
    try:
        names = seam.rule_alarms(ctx, params["AlarmRule"])
    except ValueError as error:
        raise ValidationException(str(error)) from error
    own = f"arn:aws:cloudwatch:{ctx.region}:{ctx.account}:alarm:"
    if missing := [name for name in names if seam.alarm(ctx, name) is None]:
        shown = ", ".join(name if name.startswith("arn:") else f"{own}{name}" for name in missing)
        raise ValidationException(
            f"Could not save the composite alarm as alarms [{shown}] in the alarm rule do not exist"
        )
    if params["AlarmName"] in names:
        raise ValidationException(f"The alarm rule refers to the alarm {params['AlarmName']} itself.")
    _check_suppressor(ctx, params)
    check_actions(params)


def _check_suppressor(ctx: Context, params: Row) -> None:
    periods = ("ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod")
    given = [name for name in periods if name in params]
    suppressor = params.get("ActionsSuppressor")
    if not suppressor:
        if given:
            raise ValidationException(f"{given[0]} needs an ActionsSuppressor.")
        return
    if len(given) < len(periods):
        raise ValidationException(f"With ActionsSuppressor, {' and '.join(periods)} are required.")
    if seam.alarm(ctx, suppressor.split(":alarm:", 1)[-1]) is None:
        raise ValidationException(f"The suppressor alarm {suppressor} does not exist.")


def _check_emulated(params: Row) -> None:
    if params.get("ComparisonOperator") in _ANOMALIES or "ThresholdMetricId" in params:
        raise ValidationException("ThresholdMetricId and ANOMALY_DETECTION_BAND are not emulated locally.")
    if params.get("ComparisonOperator") not in OPERATORS:
        raise ValidationException("The parameter ComparisonOperator is required for creating an alarm.")
    for name in _NOT_EMULATED:
        if name in params:
            raise ValidationException(f"{name} is not emulated locally.")


def _metric_period(params: Row) -> int:
    for name in ("MetricName", "Namespace", "Period"):
        if params.get(name) is None:
            raise ValidationException(f"The parameter {name} is required for an alarm without Metrics.")
    if ("Statistic" in params) == ("ExtendedStatistic" in params):
        raise ValidationException("Exactly one of Statistic and ExtendedStatistic must be given.")
    queries.check_period(params["Period"])
    return int(params["Period"])


def _metrics_period(params: Row) -> int:
    if both := [name for name in _NEITHER if name in params]:
        raise ValidationException(f"{both[0]} and Metrics cannot both be given.")
    metrics = params["Metrics"]
    shown = [query for query in metrics if query.get("ReturnData", True)]
    if len(shown) != 1:
        raise ValidationException("Exactly one element of the metrics list should return data.")
    for query in metrics:
        if "Expression" in query:
            _check_alarm_expression(query)
    queries.check(metrics)
    if not any("MetricStat" in query for query in metrics):
        raise ValidationException("The metrics list of an alarm must hold at least one metric.")
    return queries.period_of(metrics, shown[0]["Id"])


def _check_alarm_expression(query: Row) -> None:
    text = str(query["Expression"])
    if text.lstrip().upper().startswith("SELECT "):
        raise ValidationException("Metrics Insights queries in alarms are not emulated locally.")
    try:
        used = functions(parse(text))
    except MathError as error:
        raise ValidationException(f"Error in expression '{query['Id']}': {error}.") from error
    if "SEARCH" in used:
        raise ValidationException("SEARCH is not supported on Metric Alarms.")
    if "ANOMALY_DETECTION_BAND" in used:
        raise ValidationException("ANOMALY_DETECTION_BAND is not emulated locally.")


def _check_range(period: int, periods: int) -> None:
    """An alarm looks a day back, or a week with periods of an hour or more."""
    most, what = (_WEEK, "a week") if period >= _HOUR else (_DAY, "a day")
    if period * periods > most:
        raise ValidationException(
            f"Metrics cannot be checked across more than {what} (EvaluationPeriods * Period must be <= {most})."
        )
