"""Target tracking of one variant's instances on the requests each of them gets, within bounds that may vary."""

from collections.abc import Sequence

from aws_cdk import aws_applicationautoscaling as autoscaling
from constructs import Construct

from mlops_constructs.settings import AutoscalingSettings


class VariantAutoscaling(Construct):
    """Registers `endpoint/<name>/variant/<variant>`; works under AWS's service-linked role."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str,
        variant_name: str,
        settings: AutoscalingSettings,
    ) -> None:
        super().__init__(scope, construct_id)
        target = autoscaling.CfnScalableTarget(
            self,
            "Target",
            service_namespace="sagemaker",
            scalable_dimension="sagemaker:variant:DesiredInstanceCount",
            resource_id=f"endpoint/{endpoint_name}/variant/{variant_name}",
            min_capacity=settings.min_instances,
            max_capacity=settings.max_instances,
            scheduled_actions=_off_hours(settings) or None,
        )
        autoscaling.CfnScalingPolicy(
            self,
            "Policy",
            policy_name=f"{endpoint_name}-{variant_name}-invocations",
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.ref,
            target_tracking_scaling_policy_configuration=(
                autoscaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty(
                    target_value=settings.target_invocations,
                    scale_in_cooldown=settings.scale_in_cooldown_seconds,
                    scale_out_cooldown=settings.scale_out_cooldown_seconds,
                    predefined_metric_specification=(
                        autoscaling.CfnScalingPolicy.PredefinedMetricSpecificationProperty(
                            predefined_metric_type="SageMakerVariantInvocationsPerInstance"
                        )
                    ),
                )
            ),
        )


def _off_hours(settings: AutoscalingSettings) -> Sequence[autoscaling.CfnScalableTarget.ScheduledActionProperty]:
    """Two scheduled actions: other bounds when off-hours begin, the usual ones when they end."""
    off_hours = settings.off_hours
    if not off_hours.enabled:
        return []
    return [
        autoscaling.CfnScalableTarget.ScheduledActionProperty(
            scheduled_action_name=name,
            schedule=schedule,
            timezone=off_hours.timezone,
            scalable_target_action=autoscaling.CfnScalableTarget.ScalableTargetActionProperty(
                min_capacity=bounds.min_instances, max_capacity=bounds.max_instances
            ),
        )
        for name, schedule, bounds in (
            ("off-hours", off_hours.down_cron, off_hours),
            ("usual-hours", off_hours.up_cron, settings),
        )
    ]
