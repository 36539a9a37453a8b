"""How an endpoint's traffic moves to a new fleet, and what moves it back.

SageMaker wants exactly one update policy, a size with every strategy that moves in steps, and at most ten
alarms. No linter knows that; here it cannot be got wrong.
"""

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker

from mlops_constructs.errors import ConstructError
from mlops_constructs.settings import DeploymentSettings, Strategy

MAX_ALARMS = 10
"""API reference: AutoRollbackConfig."""


def blue_green(
    settings: DeploymentSettings, alarms: Sequence[cloudwatch.IAlarm]
) -> sagemaker.CfnEndpoint.DeploymentConfigProperty:
    """An endpoint's deployment configuration; raises ConstructError for no alarm and for more than ten."""
    if not 1 <= len(alarms) <= MAX_ALARMS:
        raise ConstructError(
            f"{len(alarms)} rollback alarms: SageMaker bakes only with alarms and takes at most {MAX_ALARMS}"
        )
    return sagemaker.CfnEndpoint.DeploymentConfigProperty(
        auto_rollback_configuration=sagemaker.CfnEndpoint.AutoRollbackConfigProperty(
            alarms=[sagemaker.CfnEndpoint.AlarmProperty(alarm_name=alarm.alarm_name) for alarm in alarms]
        ),
        blue_green_update_policy=sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty(
            traffic_routing_configuration=_routing(settings),
            termination_wait_in_seconds=settings.termination_wait_seconds,
            maximum_execution_timeout_in_seconds=settings.max_timeout_seconds,
        ),
    )


def _routing(settings: DeploymentSettings) -> sagemaker.CfnEndpoint.TrafficRoutingConfigProperty:
    return sagemaker.CfnEndpoint.TrafficRoutingConfigProperty(
        type=settings.strategy.name,
        wait_interval_in_seconds=settings.bake_seconds,
        canary_size=_share(settings.canary_percent) if settings.strategy is Strategy.CANARY else None,
        linear_step_size=_share(settings.linear_step_percent) if settings.strategy is Strategy.LINEAR else None,
    )


def _share(percent: int) -> sagemaker.CfnEndpoint.CapacitySizeProperty:
    return sagemaker.CfnEndpoint.CapacitySizeProperty(type="CAPACITY_PERCENT", value=percent)
