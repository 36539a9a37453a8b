"""What a serving stack is told: the release parameters' values, and which variants follow from them."""

from dataclasses import dataclass

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.naming import ModelNames, ReleaseParameter
from mlops_constructs.release_parameters import NOTHING
from mlops_constructs.running_switch import RunningSwitch

_NEVER = ""
"""What no release parameter holds: SSM does not allow an empty value."""


@dataclass(frozen=True)
class ReleasedVariant:
    """A variant's name, and its package, which is known only at deployment and only while the variant `exists`.

    The names stay while models change, so alarms, scaling targets and dashboards stay.
    """

    name: str
    package_arn: str
    exists: cdk.CfnCondition


class ReleaseInputs(Construct):
    """CloudFormation reads the release parameters anew at every update, by the controller or by `cdk deploy`.

    So neither undoes the other. Each value is also an output, which tells what the last operation deployed.
    SageMaker allows a shadow beside one production variant only: a challenger goes first.

    `challenger_scales`: autoscaling watches the challenger only while it has a share of the requests. SageMaker
    refuses to remove a variant that autoscaling watches, and CloudFormation deletes a scaling target only after
    it has updated the endpoint. So a challenger leaves in two updates: its weight becomes 0 and the target goes,
    then its package becomes none and the variant goes.

    With `enabled` false no variant exists, whatever is released: the endpoint goes, the release state stays.
    So it is while a `switch`, if there is one, is off.

    ```python
    import aws_cdk as cdk

    from mlops_constructs import EnvironmentNames, ReleaseInputs

    app = cdk.App()
    model = EnvironmentNames("shop", "dev").model("churn")
    stack = cdk.Stack(app, model.serving_stack)
    released = ReleaseInputs(stack, "Released", names=model, enabled=True, autoscaling=False)

    app.synth()
    ```
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: ModelNames,
        enabled: bool,
        autoscaling: bool,
        switch: RunningSwitch | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._names = names
        champion = self._parameter("ChampionPackage", ReleaseParameter.CHAMPION)
        challenger = self._parameter("ChallengerPackage", ReleaseParameter.CHALLENGER)
        weight = self._parameter("ChallengerWeight", ReleaseParameter.CHALLENGER_WEIGHT)
        shadow = self._parameter("ShadowPackage", ReleaseParameter.SHADOW)

        equals, both = cdk.Fn.condition_equals, cdk.Fn.condition_and
        has_champion = _differs(champion, NOTHING) if enabled else equals(champion, _NEVER)
        if switch:
            has_champion = both(has_champion, switch.is_on)
        has_challenger = both(has_champion, _differs(challenger, NOTHING))
        has_shadow = both(has_champion, _differs(shadow, NOTHING), equals(challenger, NOTHING))
        scales = both(has_challenger, _differs(weight, "0")) if autoscaling else equals(weight, _NEVER)
        self.champion = ReleasedVariant("champion", champion, self._condition("HasChampion", has_champion))
        self.challenger = ReleasedVariant("challenger", challenger, self._condition("HasChallenger", has_challenger))
        self.shadow = ReleasedVariant("shadow", shadow, self._condition("HasShadow", has_shadow))
        self.challenger_scales = self._condition("ScalesChallenger", scales)

    def _parameter(self, name: str, source: ReleaseParameter) -> str:
        place = self._names.release_parameter(source)
        parameter = cdk.CfnParameter(
            self,
            name,
            type="AWS::SSM::Parameter::Value<String>",
            default=place,
            description=f"Value of {place} when the stack was last updated",
        )
        parameter.override_logical_id(name)
        output = cdk.CfnOutput(self, f"{name}Output", value=parameter.value_as_string)
        output.override_logical_id(name)
        return parameter.value_as_string

    def _condition(self, name: str, expression: cdk.ICfnConditionExpression) -> cdk.CfnCondition:
        condition = cdk.CfnCondition(self, name, expression=expression)
        condition.override_logical_id(name)
        return condition


def _differs(left: str, right: str) -> cdk.ICfnRuleConditionExpression:
    return cdk.Fn.condition_not(cdk.Fn.condition_equals(left, right))
