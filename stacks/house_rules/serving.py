"""What CloudFormation accepts of an endpoint or a monitor, and SageMaker refuses, or does without saying so."""

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from stacks.house_rules.findings import Breach, Expected
from stacks.house_rules.templates import Resource, Templates, alternatives, at, flat, items

_ENDPOINT, _CONFIG = "AWS::SageMaker::Endpoint", "AWS::SageMaker::EndpointConfig"
_ALARM = "AWS::CloudWatch::Alarm"
_POLICIES = ("BlueGreenUpdatePolicy", "RollingUpdatePolicy")
_ROUTING = "DeploymentConfig.BlueGreenUpdatePolicy.TrafficRoutingConfiguration"
_SIZES = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}
_MOST_PERCENT, _MOST_ALARMS = 50, 10  # API reference: TrafficRoutingConfig, AutoRollbackConfig
_HOURS = r"([0-9]|1[0-9]|2[0-3])"
_MONITOR_CRON = re.compile(rf"NOW|cron\(0 (\*|{_HOURS}|{_HOURS}/{_HOURS}) \? \* \* \*\)")
"""Developer guide, the cron expression for monitoring schedule: every hour, every N hours, once a day; no rate."""

Atoms = Mapping[str, bool]


def guarded_deployment(templates: Templates, _: Expected) -> Iterator[Breach]:
    names = {flat(each.get("AlarmName")) for each in templates.resources(_ALARM) if each.get("AlarmName")}
    known = {(each.stack, each.name) for each in templates.resources(_ALARM, "AWS::CloudWatch::CompositeAlarm")}
    for endpoint in templates.resources(_ENDPOINT):
        config = endpoint.get("DeploymentConfig") or {}
        if len([each for each in _POLICIES if at(config, each)]) != 1:
            yield endpoint, "DeploymentConfig", f"have one update policy, and not both: {' or '.join(_POLICIES)}"
        if problem := _routing(endpoint.get(_ROUTING) or {}):
            yield endpoint, _ROUTING, problem
        alarms = items(at(config, "AutoRollbackConfiguration.Alarms"))
        if not 1 <= len(alarms) <= _MOST_ALARMS:
            yield (
                endpoint,
                "DeploymentConfig",
                f"roll back on 1 to {_MOST_ALARMS} alarms: without any, nothing is watched",
            )
        for each in alarms:
            name = at(each, "AlarmName")
            if templates.target(endpoint.stack, name) not in known and flat(name) not in names:
                yield endpoint, "DeploymentConfig", f"roll back on alarms that exist: there is no {flat(name)}"


def _routing(routing: Any) -> str:
    kind = at(routing, "Type")
    given = {word: at(routing, word) for word in _SIZES.values() if at(routing, word)}
    wanted = _SIZES.get(str(kind))
    if wanted and wanted not in given:
        return f"say how much each step of {kind} moves: {wanted}"
    if unused := sorted(given.keys() - {wanted}):
        return f"leave out {unused[0]}, which {kind or 'a rolling update'} does not take"
    percent = at(given.get(wanted or ""), "Value")
    if wanted and at(given[wanted], "Type") == "CAPACITY_PERCENT" and not 1 <= int(percent) <= _MOST_PERCENT:
        return f"move at most {_MOST_PERCENT} percent at once: {wanted} is {percent}"
    return ""


def scaled_variants(templates: Templates, _: Expected) -> Iterator[Breach]:
    """SageMaker refuses to remove a variant that autoscaling watches, so the target must never outlive the variant."""
    for target in templates.resources("AWS::ApplicationAutoScaling::ScalableTarget"):
        text = flat(target.get("ResourceId"))
        if not text.startswith("endpoint/"):
            continue
        variant, found = text.rpartition("/")[2], False
        conditions = templates.by_stack[target.stack].get("Conditions", {})
        for config in templates.resources(_CONFIG):
            for needed in _exists_if(config, variant) if config.stack == target.stack else ():
                found = True
                here = [target.body.get("Condition")]
                if not _implies(conditions, [each for each in here if each], needed):
                    to_do = f"give it the condition of variant {variant}: it would outlive that, and block the endpoint"
                    yield target, "Condition", to_do
        if not found:
            yield target, "ResourceId", f"scale a variant that the endpoint has: there is no {variant}"


def _exists_if(config: Resource, variant: str) -> Iterator[list[str]]:
    """The conditions under which the variant is in the configuration, if it ever is."""
    own = [str(config.body["Condition"])] if "Condition" in config.body else []
    for each in items({"Fn::If": ["", config.properties.get("ProductionVariants"), {"Ref": "AWS::NoValue"}]}):
        if at(each, "VariantName") == variant:
            yield own + [
                entry["Fn::If"][0]
                for entry in config.properties["ProductionVariants"]
                if isinstance(entry, dict) and "Fn::If" in entry and each in alternatives(entry)
            ]


def _implies(conditions: Mapping[str, Any], given: list[str], needed: list[str]) -> bool:
    """Whether `needed` hold whenever `given` do, whatever the parameters are."""
    atoms: list[str] = sorted({atom for name in (*given, *needed) for atom in _atoms(conditions, conditions[name])})
    for values in product((True, False), repeat=len(atoms)):
        world = dict(zip(atoms, values, strict=True))
        here, there = (all(_holds(conditions, conditions[each], world) for each in names) for names in (given, needed))
        if here and not there:
            return False
    return True


def _atoms(conditions: Mapping[str, Any], value: Any) -> set[str]:
    match value:
        case {"Condition": name}:
            return _atoms(conditions, conditions[name])
        case {"Fn::Equals": _}:
            return {flat(str(value))}
        case {"Fn::And": parts} | {"Fn::Or": parts} | {"Fn::Not": parts}:
            return {atom for part in parts for atom in _atoms(conditions, part)}
    return set()


def _holds(conditions: Mapping[str, Any], value: Any, world: Atoms) -> bool:
    match value:
        case {"Condition": name}:
            return _holds(conditions, conditions[name], world)
        case {"Fn::And": parts}:
            return all(_holds(conditions, part, world) for part in parts)
        case {"Fn::Or": parts}:
            return any(_holds(conditions, part, world) for part in parts)
        case {"Fn::Not": [part]}:
            return not _holds(conditions, part, world)
    return world[flat(str(value))]


def monitor_schedules(templates: Templates, _: Expected) -> Iterator[Breach]:
    path = "MonitoringScheduleConfig.ScheduleConfig.ScheduleExpression"
    for schedule in templates.resources("AWS::SageMaker::MonitoringSchedule"):
        expression = flat(schedule.get(path) or "NOW")
        if not _MONITOR_CRON.fullmatch(expression):
            yield (
                schedule,
                path,
                f"run it every hour, every N hours or once a day, as cron(0 */N ? * * *): {expression}",
            )
