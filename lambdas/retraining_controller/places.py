"""The environments that serve versions trained here: their alarms, and what serves there; also in other accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import boto3
from botocore.exceptions import ClientError
from settings import Watched
from shared import environment
from shared.logs import say
from state import NONE, Place

BATCH = 10  # names that GetParameters takes
SESSION = "retraining"
SECONDS = 900  # the least that AssumeRole takes; a run is shorter


class Eyes(Protocol):
    """The clients that see an environment's alarms and parameters."""

    cloudwatch: Any
    ssm: Any


class Lent:
    """Clients with the credentials of an answer of AssumeRole."""

    def __init__(self, credentials: Mapping[str, str]) -> None:
        session = boto3.session.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )
        self.cloudwatch: Any = environment.client("cloudwatch", session)
        self.ssm: Any = environment.client("ssm", session)


Reach = Callable[[Any, str], Eyes]


def there(sts: Any, role: str) -> Eyes:
    """As somebody in another account. The credentials serve this run alone, so that a right that was taken is gone."""
    return Lent(sts.assume_role(RoleArn=role, RoleSessionName=SESSION, DurationSeconds=SECONDS)["Credentials"])


def places(watched: Sequence[Watched], clients: Any, reach: Reach) -> tuple[Place, ...]:
    """What is known of each, in their order. clients: of this account; reach: how to see another."""
    found: dict[Watched, Place] = {}
    for role in dict.fromkeys(each.role for each in watched):
        group = [each for each in watched if each.role == role]
        eyes = _eyes(group, clients, reach)
        found |= _seen(group, eyes) if eyes else {each: _place(each, {}, {}) for each in group}
    return tuple(found[each] for each in watched)


def _eyes(group: Sequence[Watched], clients: Any, reach: Reach) -> Eyes | None:
    """None for an environment that may not be looked at: its account has no such role until it is deployed."""
    role = group[0].role
    if not role:
        here: Eyes = clients
        return here
    try:
        return reach(clients.sts, role)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        names = ", ".join(each.environment for each in group)
        say("an environment in another account cannot be seen", environment=names, role=role, error=str(error))
        return None


def _seen(group: Sequence[Watched], eyes: Eyes) -> dict[Watched, Place]:
    names = [place.alarm for place in group]
    # Metric alarms only: composite ones would take a right on all alarms of the account.
    found = eyes.cloudwatch.describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    alarms = {alarm["AlarmName"]: alarm for alarm in found}
    parameters = _parameters(eyes, [place.parameters + name for place in group for name in ("champion", "failed")])
    return {place: _place(place, alarms.get(place.alarm, {}), parameters) for place in group}


def _parameters(eyes: Eyes, names: list[str]) -> dict[str, Mapping[str, Any]]:
    """By name; an environment that is not deployed yet has none."""
    found = {}
    for first in range(0, len(names), BATCH):
        answer = eyes.ssm.get_parameters(Names=names[first : first + BATCH])
        found.update({entry["Name"]: entry for entry in answer["Parameters"]})
    return found


def _place(watched: Watched, alarm: Mapping[str, Any], parameters: Mapping[str, Mapping[str, Any]]) -> Place:
    champion = parameters.get(f"{watched.parameters}champion", {})
    return Place(
        environment=watched.environment,
        alarming=alarm.get("StateValue") == "ALARM",
        since=alarm.get("StateTransitionedTimestamp") or alarm.get("StateUpdatedTimestamp"),
        why=str(alarm.get("StateReason", "")),
        champion=str(champion.get("Value", NONE)),
        released=champion.get("LastModifiedDate"),
        failed=str(parameters.get(f"{watched.parameters}failed", {}).get("Value", NONE)),
    )
