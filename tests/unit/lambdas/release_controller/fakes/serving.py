# ruff: noqa: N803 - the arguments of the calls are spelled as AWS spells them
"""The serving stack and its endpoint, with the rules of CloudFormation and SageMaker that a release meets.

Good versions deploy. As champion, `bad` ones set off an alarm in the canary, `stuck` ones leave the stack in
UPDATE_ROLLBACK_FAILED, `sly` ones are rolled back by SageMaker while the stack says that all is well; `broken` ones
fail in whatever variant. `noisy` ones have an alarm on their variant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.unit.lambdas.release_controller.fakes.clock import Clock
from tests.unit.lambdas.release_controller.names import GROUP, STACK, STACK_ID, P, number, refused

UPDATABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
STEPS = {
    "good": ["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"],
    "bad": ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"],
    "stuck": ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"],
}
READS = {
    "ChampionPackage": "champion",
    "ChallengerPackage": "challenger",
    "ChallengerWeight": "challenger-weight",
    "ShadowPackage": "shadow",
}
"""The stack's parameters, with the release parameter that each reads."""


@dataclass(frozen=True)
class Template:
    """What the template makes of the release parameters' values."""

    champion: str = "none"
    challenger: str = "none"
    weight: str = "0"
    shadow: str = "none"
    running: bool = True

    @property
    def variants(self) -> dict[str, str]:
        """Package by variant; the shadow only stands beside a champion alone."""
        if self.champion == "none" or not self.running:
            return {}
        beside = {"challenger": self.challenger} if self.challenger != "none" else {"shadow": self.shadow}
        return {"champion": self.champion, **{name: held for name, held in beside.items() if held != "none"}}

    @property
    def scaled(self) -> bool:
        return "challenger" in self.variants and self.weight != "0"

    @property
    def config(self) -> str:
        return "config-" + "-".join(f"{name}{number(held)}" for name, held in self.variants.items())


@dataclass
class Operation:
    """A stack operation under way: what it deploys, under which token, and how it ends."""

    token: str
    template: Template
    ends: str
    reason: str
    steps: list[str]


@dataclass
class Serving:
    clock: Clock
    value: Callable[[str], str]
    bad: set[int] = field(default_factory=set)
    stuck: set[int] = field(default_factory=set)
    sly: set[int] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)
    noisy: set[int] = field(default_factory=set)
    status: str = "CREATE_COMPLETE"
    held: Template = Template()
    config: str = ""
    weights: dict[str, float] = field(default_factory=dict)
    wanted_weights: dict[str, float] = field(default_factory=dict)
    endpoint_status: str = ""
    operation: Operation | None = None
    stack_events: list[dict[str, Any]] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 3
    switch: str = ""
    """What the endpoint was asked to be last, "on" or "off", as long as it is not; Scheduler tries again."""
    unwatched: set[int] = field(default_factory=set)
    """Champions that came with a start before their release was confirmed: no canary looked at them."""

    # What people and time do.

    def deploy(self, *, ends: str = "good", **values: str) -> bool:
        """`cdk deploy` by a person; values: of the parameters when its change set was made, where they differ."""
        if self.operation or self.status not in UPDATABLE or self.endpoint_status == "Updating":
            return False
        template = Template(**{**vars(self._asked()), **values})
        fate, reason = self._fate(template)
        self._begin("cdk-deploy", template, "bad" if ends == "bad" else fate, reason or "a typo in the template")
        return True

    def scale(self) -> None:
        """Autoscaling changes the endpoint, or is done with it; meanwhile SageMaker refuses other updates."""
        if self.endpoint_status and not self.operation and self.status in UPDATABLE and not self.wanted_weights:
            self.endpoint_status = "Updating" if self.endpoint_status == "InService" else "InService"
            self._endpoint_event()

    def stop(self) -> None:
        """At night, or by `mlops stop`."""
        self.switch = "off"
        self._turn()

    def start(self) -> None:
        """In the morning, or by `mlops start`."""
        self.switch = "on"
        self._turn()

    def _turn(self) -> None:
        """CloudFormation refuses while another operation runs; what cannot start at all is not tried for ever."""
        if self.operation or self.status not in UPDATABLE or self.endpoint_status == "Updating":
            return
        template = replace(self._asked(), running=self.switch == "on")
        self.switch = ""
        if template.running == self.held.running:
            fate, reason = self._fate(template)
        elif {number(held) for held in template.variants.values()} & self.broken:
            fate, reason = "bad", "the container does not pass its health check"
        else:
            fate, reason = "good", ""
            self.unwatched |= {number(template.champion)} if template.variants else set()
        self._begin("scheduler", template, fate, reason)

    def continue_rollback(self) -> None:
        """A person repaired what kept the stack from rolling back."""
        assert self.status == "UPDATE_ROLLBACK_FAILED"
        self._end("continue", "UPDATE_ROLLBACK_COMPLETE")

    def step(self) -> None:
        """The stack's operation goes one status on; the endpoint takes its new weights."""
        if self.wanted_weights:
            self.weights, self.wanted_weights = {**self.weights, **self.wanted_weights}, {}
            self.endpoint_status = "InService"
            self._endpoint_event()
        operation = self.operation
        if operation is None:
            if self.switch:
                self._turn()
            return
        status = operation.steps.pop(0)
        if status == "UPDATE_ROLLBACK_IN_PROGRESS":
            self._event(operation.token, "Endpoint", "UPDATE_FAILED", operation.reason)
            self._event(operation.token, "Scaling", "UPDATE_FAILED", "Resource update cancelled")
        if operation.steps:
            self._set(operation.token, status)
        else:
            self._end(operation.token, status)

    # What the controller calls.

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        if not self.status:
            raise refused("ValidationError", f"Stack with id {StackName} does not exist", "DescribeStacks")
        held = self.held
        outputs = {
            "ChampionPackage": held.champion,
            "ChallengerPackage": held.challenger,
            "ChallengerWeight": held.weight,
            "ShadowPackage": held.shadow,
            "ChallengerScaled": str(held.scaled).lower(),
            "RunningNow": "on" if held.running else "off",
        }
        if held.variants:
            outputs |= {"EndpointName": GROUP, "EndpointConfigName": held.config}
        for variant in held.variants:
            outputs[f"{variant.title()}Alarms"] = ",".join(_alarms(variant))
        stack = {
            "StackName": StackName,
            "StackStatus": self.status,
            "Parameters": [{"ParameterKey": key, "ParameterValue": P + name} for key, name in READS.items()],
            "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
        }
        return {"Stacks": [stack]}

    def describe_stack_events(self, StackName: str, NextToken: str = "0") -> dict[str, Any]:
        newest_first = self.stack_events[::-1]
        stop = int(NextToken) + self.page_size
        more = {"NextToken": str(stop)} if stop < len(newest_first) else {}
        return {"StackEvents": newest_first[int(NextToken) : stop], **more}

    def update_stack(
        self,
        StackName: str,
        UsePreviousTemplate: bool,
        Parameters: list[dict[str, Any]],
        Capabilities: list[str],
        ClientRequestToken: str,
    ) -> dict[str, Any]:
        assert UsePreviousTemplate and Capabilities == ["CAPABILITY_IAM"]
        assert Parameters == [{"ParameterKey": key, "UsePreviousValue": True} for key in READS]
        if self.status not in UPDATABLE:
            message = f"Stack:{STACK_ID} is in {self.status} state and can not be updated."
            raise refused("ValidationError", message, "UpdateStack")
        template = self._asked()
        if template.variants == self.held.variants and template.scaled == self.held.scaled:
            # An output alone is no update.
            raise refused("ValidationError", "No updates are to be performed.", "UpdateStack")
        if any(event["ClientRequestToken"] == ClientRequestToken for event in self.stack_events):
            message = f"A client request token already exists: {ClientRequestToken}"
            raise refused("TokenAlreadyExistsException", message, "UpdateStack")
        self.attempts.append(template.config)
        self._check(template)
        self._begin(ClientRequestToken, template, *self._fate(template))
        return {"StackId": STACK_ID}

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:
        if not self.endpoint_status:
            raise refused("ValidationException", f'Could not find endpoint "{EndpointName}".', "DescribeEndpoint")
        variants = [{"VariantName": name, "CurrentWeight": weight} for name, weight in self.weights.items()]
        return {
            "EndpointName": EndpointName,
            "EndpointStatus": self.endpoint_status,
            "EndpointConfigName": self.config,
            "ProductionVariants": variants,
        }

    def update_endpoint_weights_and_capacities(
        self, EndpointName: str, DesiredWeightsAndCapacities: list[dict[str, Any]]
    ) -> dict[str, Any]:
        operation = "UpdateEndpointWeightsAndCapacities"
        if self.endpoint_status != "InService":
            raise refused("ValidationException", f'Cannot update in-progress endpoint "{EndpointName}".', operation)
        wanted = {entry["VariantName"]: entry["DesiredWeight"] for entry in DesiredWeightsAndCapacities}
        if unknown := set(wanted) - set(self.weights):
            raise refused("ValidationException", f"Variant(s) {unknown} do not exist.", operation)
        self.wanted_weights, self.endpoint_status = wanted, "Updating"
        return {"EndpointArn": f"arn:aws:sagemaker:eu-west-1:111122223333:endpoint/{EndpointName}"}

    def describe_alarms(self, AlarmNames: list[str]) -> dict[str, Any]:
        """Metric alarms: composite ones are told only to who may describe all alarms of the account."""
        assert 0 < len(AlarmNames) <= 100
        ringing = [_alarms(name)[0] for name, held in self.held.variants.items() if number(held) in self.noisy]
        alarms = [{"AlarmName": name, "StateValue": "ALARM" if name in ringing else "OK"} for name in AlarmNames]
        return {"MetricAlarms": alarms}

    # How the stack goes on.

    def _asked(self) -> Template:
        return Template(
            self.value("champion"),
            self.value("challenger"),
            self.value("challenger-weight"),
            self.value("shadow"),
            self.held.running,
        )

    def _fate(self, template: Template) -> tuple[str, str]:
        """How an update to the template ends, and why it fails."""
        before, after = self.held.variants, template.variants
        if after == before and self.config == template.config:
            return "good", ""
        if self.endpoint_status not in ("", "InService"):
            return "bad", "Cannot update in-progress endpoint"
        if "challenger" in before and "challenger" not in after and self.held.scaled:
            return "bad", "Cannot remove variant challenger, which is registered with Application Auto Scaling"
        new = {number(held) for name, held in after.items() if before.get(name) != held}
        if new & self.broken:
            return "bad", "the container does not pass its health check"
        champion = number(template.champion) if template.champion != self.held.champion else 0
        if champion in self.stuck:
            return "stuck", "alarm p99 fired during the canary"
        return ("bad", "alarm p99 fired during the canary") if champion in self.bad else ("good", "")

    def _check(self, template: Template) -> None:
        """What a release must never ask for."""
        before, after = self.held.variants, template.variants
        if not self.held.running:
            self.violations.append(f"{after}: released while the endpoint is stopped")
        if before and self.held.champion != template.champion and set(before) != set(after):
            self.violations.append(f"{before} to {after}: no canary while the set of variants changes")
        if ("challenger" in before) != ("challenger" in after) and self.weights.get("challenger"):
            self.violations.append(f"{before} to {after}: the challenger had {self.weights}")
        if before and not after:
            self.violations.append(f"{before}: taken down")
        _, reason = self._fate(template)
        if "Cannot" in reason:
            self.violations.append(f"{before} to {after}: {reason}")

    def _begin(self, token: str, template: Template, ends: str, reason: str) -> None:
        self.operation = Operation(token, template, ends, reason, [*STEPS[ends]])
        if self.endpoint_status:
            self.endpoint_status = "Updating"
        self._set(token, "UPDATE_IN_PROGRESS", "User Initiated")
        self._event(token, "Endpoint", "UPDATE_IN_PROGRESS", "")

    def _end(self, token: str, status: str) -> None:
        operation, self.operation = self.operation, None
        if operation and operation.ends == "good":
            newcomer = self.config and operation.template.running and operation.template.champion != self.held.champion
            self.held = operation.template
            if not (newcomer and number(self.held.champion) in self.sly):
                self._serve(self.held)
        if self.config and status != "UPDATE_ROLLBACK_FAILED":
            self.endpoint_status = "InService"
        self._set(token, status)

    def _serve(self, template: Template) -> None:
        """Variants that stay keep their weights; a challenger enters at 0."""
        variants = [name for name in template.variants if name != "shadow"]
        self.weights = {name: self.weights.get(name, float(name == "champion")) for name in variants}
        self.config = template.config if variants else ""
        if not variants:
            self.endpoint_status = ""

    def _set(self, token: str, status: str, reason: str = "") -> None:
        self.status = status
        self._event(token, STACK, status, reason)
        details = {"status": status, "status-reason": reason}
        self.events.append(
            {
                "source": "aws.cloudformation",
                "detail-type": "CloudFormation Stack Status Change",
                "detail": {"stack-id": STACK_ID, "status-details": details},
            }
        )

    def _event(self, token: str, logical_id: str, status: str, reason: str) -> None:
        self.clock.pass_seconds(1)
        event = {
            "StackId": STACK_ID,
            "StackName": STACK,
            "LogicalResourceId": logical_id,
            "ResourceStatus": status,
            "Timestamp": self.clock.now,
            "ClientRequestToken": token,
        }
        self.stack_events.append({**event, **({"ResourceStatusReason": reason} if reason else {})})

    def _endpoint_event(self) -> None:
        status = {"InService": "IN_SERVICE", "Updating": "UPDATING"}[self.endpoint_status]
        self.events.append(
            {
                "source": "aws.sagemaker",
                "detail-type": "SageMaker Endpoint State Change",
                "detail": {"EndpointName": GROUP, "EndpointStatus": status, "EndpointConfigName": self.config},
            }
        )


def _alarms(variant: str) -> list[str]:
    return [f"{STACK}-{variant.title()}Errors", f"{STACK}-{variant.title()}Latency"]
