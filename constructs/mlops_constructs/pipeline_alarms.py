"""Alarms on a pipeline's runs: the last one failed, or none came to its end."""

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from mlops_constructs.model_alarm import ModelAlarm
from mlops_constructs.model_metrics import HOUR, MINUTE, RUNNING, ModelMetrics, none_while_running


def last_run_failed(scope: Construct, name: str, *, metrics: ModelMetrics, pipeline: str, meaning: str) -> ModelAlarm:
    """In ALARM from a failed run of `pipeline` until a minute in which runs ended and none failed.

    Of two runs that end within one minute the failed one counts, whichever came last: no failure is missed.
    """
    ended = cloudwatch.MathExpression(
        # A figure only where a run ended: MAX takes of the two what is there.
        expression="MAX([failed, 0 * succeeded])",
        using_metrics={
            "failed": metrics.runs(pipeline, "Failed"),
            "succeeded": metrics.runs(pipeline, "Succeeded"),
        },
        period=MINUTE,
        label="Runs failed",
    )
    until = f"{meaning} It rings until a later minute, in which a run succeeds and none fails."
    return ModelAlarm(scope, name, metric=ended, meaning=until, missing=cloudwatch.TreatMissingData.IGNORE)


def no_run_succeeded(
    scope: Construct, name: str, *, metrics: ModelMetrics, pipeline: str, hours: int, meaning: str
) -> ModelAlarm:
    """In ALARM while no run of `pipeline` succeeded for `hours`, in each of which the champion's instances ran."""
    missed = cloudwatch.MathExpression(
        expression=none_while_running("succeeded"),
        using_metrics={
            RUNNING: metrics.instance_minutes(period=HOUR),
            "succeeded": metrics.runs(pipeline, "Succeeded", HOUR),
        },
        period=HOUR,
        label="Hours without a successful run",
    )
    return ModelAlarm(scope, name, metric=missed, meaning=meaning, periods=hours)
