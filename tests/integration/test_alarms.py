"""Every alarm of every environment goes into ALARM, its action arrives, and it goes back.

The alarms come from the synthesized templates, those of the other engine of monitoring included, so a new one is
driven or fails here. They are put into the local AWS without their stacks, in several accounts: two that look at the
same metric would disturb each other in one.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import boto3
import pytest

from tests.alarms import METRIC, Alarm, Place, alarms, wakes
from tests.infra.environments import ENVIRONMENTS, WATCHED_BY_AWS, Template, all_synthesized, stack_names
from tests.infra.event_patterns import matches
from tests.local_aws_fixture import LocalAws

MARGIN = 8
"""Seconds until what breaches is older than the periods that are looked at, so that later figures heal."""
ABOVE = ("GreaterThanThreshold", "GreaterThanOrEqualToThreshold")
LOOK_SECONDS = 0.5
"""Between two looks of each account at its queues; the local AWS evaluates its alarms as often."""
MOST_DELETED = 100
"""Metric alarms in one call of DeleteAlarms (API reference)."""
REGION = "eu-west-1"
SUFFIX = ".template.json"
SERVICES = ("cloudwatch", "sqs", "events", "sns")
SESSION = boto3.Session(region_name=REGION)
"""One for all accounts: it reads the descriptions of services once."""
Key = tuple[str, str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Samples:
    """So many values of 1, as one statistic set."""

    count: float


Figure = float | Samples


@dataclass(frozen=True)
class Drive:
    """One way to bring an alarm into ALARM: a figure for each metric and period; and what is published afterwards."""

    alarm: Alarm
    breach: Mapping[str, Figure]
    heal: Mapping[str, Figure]

    @cached_property
    def fed(self) -> set[Key]:
        watched = metrics(self.alarm)
        return {watched[name][0] for name in {*self.breach, *self.heal}}


@cache
def metrics(alarm: Alarm) -> dict[str, tuple[Key, int]]:
    """Each metric that an alarm looks at with its period, by id; "" for the one of an alarm without metric math."""
    given = alarm.properties
    stats = {each["Id"]: each["MetricStat"] for each in given.get("Metrics", ()) if "MetricStat" in each}
    stats = stats or {"": {"Metric": given, "Period": given["Period"]}}
    return {name: (_key(each["Metric"]), each["Period"]) for name, each in stats.items()}


def _key(metric: Mapping[str, Any]) -> Key:
    dimensions = tuple((each["Name"], each["Value"]) for each in metric.get("Dimensions", ()))
    return metric["Namespace"], metric["MetricName"], dimensions


def numbers(alarm: Alarm, before: str) -> float:
    """The number that follows `before` in the alarm's expression."""
    [expression] = [each["Expression"] for each in alarm.properties["Metrics"] if "Expression" in each]
    return float(expression.partition(before)[2].split(",")[0].strip(" )"))


def drives(alarm: Alarm) -> list[Drive]:
    """The figures that breach an alarm, each time all that can: from its threshold, or by the metrics it combines."""
    threshold, operator = alarm.properties["Threshold"], alarm.properties["ComparisonOperator"]
    assert operator in ABOVE, f"{alarm.name}: no figures known for {operator}"
    match sorted(metrics(alarm)):
        case [""]:
            # At the threshold where that is enough, otherwise well above it.
            breach = threshold if "Equal" in operator else 2 * threshold or 1
            return [Drive(alarm, {"": breach}, {"": 0})]
        case ["requests", "running"]:
            return [Drive(alarm, {"running": Samples(60)}, {"requests": 1})]
        case ["running", "succeeded"]:
            return [Drive(alarm, {"running": Samples(60)}, {"succeeded": 1})]
        case ["failed", "succeeded"]:
            return [Drive(alarm, {"failed": 1}, {"succeeded": 1})]
        case ["requests", "rows"]:
            return [Drive(alarm, {"requests": Samples(numbers(alarm, "0) >=")), "rows": 0}, {"rows": 1})]
        case ["cpu", "disk", "memory"]:
            full = {"cpu": threshold * numbers(alarm, "cpu /"), "memory": threshold, "disk": threshold}
            # Each by itself; and what an instance does not publish at all keeps the others from nothing.
            ways = [{name: value} for name, value in full.items()]
            return [Drive(alarm, way, dict.fromkeys(way, 0)) for way in ways]
        case ["challenger", "champion", "shadow"]:
            minutes = 24 * 60 * threshold
            together = dict.fromkeys(("champion", "challenger", "shadow"), Samples(minutes / 3))
            return [Drive(alarm, together, {}), Drive(alarm, {"champion": Samples(minutes)}, {})]
    raise AssertionError(f"{alarm.name}: nobody has said here which figures of {sorted(metrics(alarm))} breach it")


@dataclass
class Lane:
    """An account with some of the alarms, the composite ones above them, and all that those refer to."""

    place: Place
    driven: list[Drive] = field(default_factory=list)

    def takes(self, drive: Drive, families: Mapping[str, list[Alarm]]) -> bool:
        """Whether no alarm here but its own family looks at what it is fed, and the other way round."""
        own = {drive.alarm.name, *(each.name for each in families[drive.alarm.name])}
        for other in self.driven:
            if other.alarm.name == drive.alarm.name or other.fed & drive.fed:
                return False
            here, there = families[drive.alarm.name], families[other.alarm.name]
            if any(_keys(each) & drive.fed for each in there if each.name not in own):
                return False
            if any(_keys(each) & other.fed for each in here if each.name not in {one.name for one in there}):
                return False
        return True


@cache
def _keys(alarm: Alarm) -> set[Key]:
    return {key for key, _ in metrics(alarm).values()} if alarm.kind == METRIC else set()


def families(found: list[Alarm]) -> dict[str, list[Alarm]]:
    """By metric alarm: itself, the composite alarms that it belongs to, and their members."""
    by_name = {each.name: each for each in found}
    family = {each.name: {each.name} for each in found if each.kind == METRIC}
    for composite in found:
        for member in composite.members:
            family[member] |= {composite.name, *composite.members}
    return {name: [by_name[each] for each in sorted(names)] for name, names in family.items()}


def lanes(found: list[Alarm]) -> list[Lane]:
    """Each way to breach each metric alarm, in as few accounts as keep them apart."""
    made: list[Lane] = []
    related = families(found)
    for drive in (drive for alarm in found if alarm.kind == METRIC for drive in drives(alarm)):
        lane = next((each for each in made if each.takes(drive, related)), None)
        if lane is None:
            made.append(lane := Lane(Place(f"2000000000{len(made) + 1:02}")))
        lane.driven.append(drive)
    return made


class Account:
    """The alarms of a lane in its account, and two queues: of what their topic says, and of their state changes."""

    def __init__(self, url: str, lane: Lane, stacks: Mapping[str, Template]) -> None:
        given = {
            "endpoint_url": url,
            "aws_access_key_id": lane.place.account,
            "aws_secret_access_key": "local",
            "aws_session_token": "local",
        }
        self._account = lane.place.account
        self.cloudwatch, self._sqs, self._events, sns = (SESSION.client(name, **given) for name in SERVICES)
        topic = sns.create_topic(Name="topic")["TopicArn"]
        self._pages, arn = self._queue("pages")
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        self._changes = self._rule("changes", {"source": ["aws.cloudwatch"]})
        self.place = Place(lane.place.account, topic)
        self.wakes = {name: (pattern, self._rule(name, pattern)) for name, pattern in wakes(stacks, self.place)}
        self.driven, every = lane.driven, list(alarms(stacks, self.place))
        related = families(every)
        names = {each.name for drive in lane.driven for each in related[drive.alarm.name]}
        self.alarms = [each for each in every if each.name in names]
        self.pages: list[dict[str, Any]] = []
        self.changes: list[dict[str, Any]] = []

    def put_alarms(self) -> None:
        for each in self.alarms:
            put = self.cloudwatch.put_metric_alarm if each.kind == METRIC else self.cloudwatch.put_composite_alarm
            put(**each.properties)

    def delete_alarms(self) -> None:
        for each in reversed(self.alarms):  # a call takes one composite alarm at most, and no member of one that stands
            if each.kind != METRIC:
                self.cloudwatch.delete_alarms(AlarmNames=[each.name])
        names = [each.name for each in self.alarms if each.kind == METRIC]
        for start in range(0, len(names), MOST_DELETED):
            self.cloudwatch.delete_alarms(AlarmNames=names[start : start + MOST_DELETED])

    def breach(self) -> None:
        """In each evaluation period one figure, `MARGIN` seconds before it is too old for it."""
        now = time.time()
        data = [
            (key, figure, now - (number + 1) * period + MARGIN)
            for drive in self.driven
            for name, figure in drive.breach.items()
            for key, period in [metrics(drive.alarm)[name]]
            for number in range(drive.alarm.properties["EvaluationPeriods"])
        ]
        self._put(data)

    def heal(self) -> None:
        watched = [(metrics(drive.alarm), drive.heal) for drive in self.driven]
        self._put([(known[name][0], figure, time.time()) for known, heal in watched for name, figure in heal.items()])

    def _put(self, data: list[tuple[Key, Figure, float]]) -> None:
        by_namespace: dict[str, list[dict[str, Any]]] = {}
        for (namespace, name, dimensions), figure, at in data:
            datum = {
                "MetricName": name,
                "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions],
                "Timestamp": at,
            }
            if isinstance(figure, Samples):
                count = figure.count
                datum["StatisticValues"] = {"SampleCount": count, "Sum": count, "Minimum": 1, "Maximum": 1}
            else:
                datum["Value"] = figure
            by_namespace.setdefault(namespace, []).append(datum)
        for namespace, each in by_namespace.items():
            for start in range(0, len(each), 1000):
                self.cloudwatch.put_metric_data(Namespace=namespace, MetricData=each[start : start + 1000])

    def listen(self) -> None:
        """Take what the queues have."""
        self.pages += self._received(self._pages)
        self.changes += self._received(self._changes)

    def woken(self, name: str) -> list[dict[str, Any]]:
        return self._received(self.wakes[name][1])

    def states(self, alarm: str) -> list[str]:
        found = [each["detail"] for each in self.changes if each["detail"]["alarmName"] == alarm]
        return [each["state"]["value"] for each in sorted(found, key=lambda each: each["state"]["timestamp"])]

    @property
    def expected(self) -> list[Alarm]:
        """What goes into ALARM here: the driven ones, and the composite ones above them."""
        names = {drive.alarm.name for drive in self.driven}
        return [each for each in self.alarms if each.name in names or names & set(each.members)]

    @property
    def expected_pages(self) -> dict[str, int]:
        return {each.name: 1 for each in self.expected if each.actions == [self.place.topic]}

    def paged(self) -> dict[str, int]:
        assert {each["NewStateValue"] for each in self.pages} <= {"ALARM"}
        return dict(Counter(each["AlarmName"] for each in self.pages))

    def _queue(self, name: str) -> tuple[str, str]:
        # Nothing is deleted: what was received does not come again while the test runs.
        url = self._sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
        return url, f"arn:aws:sqs:{REGION}:{self._account}:{name}"

    def _rule(self, name: str, pattern: Mapping[str, Any]) -> str:
        url, arn = self._queue(name)
        self._events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        self._events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
        return url

    def _received(self, url: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while messages := self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(each["Body"]) for each in messages]
        return found


@pytest.fixture(scope="module")
def synthesis(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Template]:
    """Every template of every environment, all in one account, by the name of its stack."""
    folder = all_synthesized(tmp_path_factory)  # beside these, the same stacks are there in accounts of their own
    paths = [path for each in (*ENVIRONMENTS, WATCHED_BY_AWS) for path in (folder / each).glob(f"*{SUFFIX}")]
    files = {path.name.removesuffix(SUFFIX): json.loads(path.read_text()) for path in paths}
    found = {name: Template(body) for name, body in sorted(files.items())}
    watched = {each.replace("mlops", WATCHED_BY_AWS, 1) for each in stack_names("staging")}
    assert found.keys() == watched.union(*map(stack_names, ENVIRONMENTS))
    return found


@pytest.fixture(scope="module")
def every(synthesis: dict[str, Template]) -> list[Alarm]:
    found = list(alarms(synthesis, Place("111122223333")))
    assert len(found) > 100
    return found


@pytest.fixture(scope="module")
def accounts(synthesis: dict[str, Template], local_aws: LocalAws, every: list[Alarm]) -> Iterator[list[Account]]:
    """All alarms in ALARM, and then over."""
    made = [Account(local_aws.url, lane, synthesis) for lane in lanes(every)]
    for each in made:
        each.put_alarms()
    for each in made:
        each.breach()
    until(made, lambda states: "ALARM" in states, "in ALARM")
    for each in made:
        each.heal()
    until(made, lambda states: states[-1:] == ["OK"], "over")
    yield made
    for each in made:
        each.delete_alarms()


def until(accounts: list[Account], done: Callable[[list[str]], bool], what: str) -> None:
    """Wait until the states of all that is expected to go off are so, and who is to be told has been told."""
    deadline = time.monotonic() + MARGIN + 20
    while True:
        for each in accounts:
            each.listen()
        states = {(each, alarm.name): each.states(alarm.name) for each in accounts for alarm in each.expected}
        waiting = {name: found for (_, name), found in states.items() if not done(found)}
        untold = {name for each in accounts for name in each.expected_pages.keys() - each.paged().keys()}
        if not waiting and not untold:
            return
        assert time.monotonic() < deadline, f"never {what}: {waiting}; told nobody: {untold}"
        time.sleep(LOOK_SECONDS)


def test_every_alarm_goes_off_and_is_over_again(accounts: list[Account], every: list[Alarm]) -> None:
    driven = {each.name for account in accounts for each in account.expected}
    assert driven == {each.name for each in every}
    for account in accounts:
        for each in account.expected:
            states = account.states(each.name)
            assert (states.count("ALARM"), states[-1]) == (1, "OK"), (each.name, states)


def test_what_goes_off_tells_its_topic_once(accounts: list[Account]) -> None:
    """By itself, or by the composite alarm above it, however many members of that go off; and nothing else tells."""
    together: Counter[str] = Counter()
    for account in accounts:
        assert account.paged() == account.expected_pages
        driven = {drive.alarm.name for drive in account.driven}
        for each in account.alarms:
            if each.members:
                together[each.name] = max(together[each.name], len(driven & set(each.members)))
    assert together
    assert min(together.values()) > 1, together


def test_a_page_says_what_it_means_and_where_it_says_what_to_do(accounts: list[Account]) -> None:
    for page in (page for account in accounts for page in account.pages):
        assert " What to do: docs/operations.md, " in page["AlarmDescription"]
        assert page["NewStateReason"]


def test_who_is_not_told_is_not_told_on_purpose(accounts: list[Account], every: list[Alarm]) -> None:
    grouped = {member for each in every for member in each.members}
    silent = {each.name for each in every if not each.actions and each.name not in grouped}
    assert silent == {each.name for each in every if each.is_information}
    heard = {change["detail"]["alarmName"] for account in accounts for change in account.changes}
    assert silent <= heard


def test_rules_wake_controllers_for_the_alarms_that_they_name(accounts: list[Account]) -> None:
    """All of the serving stack wake the release controller; degradation wakes retraining, also made for others."""
    woken: dict[str, set[str]] = {}
    for account in accounts:
        for rule, (pattern, _) in account.wakes.items():
            got = Counter(_change(each) for each in account.woken(rule))
            assert got == Counter(_change(each) for each in account.changes if matches(pattern, each)), rule
            woken.setdefault(rule, set()).update(name for name, _ in got)
    assert all(woken.values()), woken
    heard = set().union(*woken.values())
    driven = [drive.alarm for account in accounts for drive in account.driven]
    wake = ("Guardrails", "StopDeadLetters", "Degradation")
    known = {each.name for each in driven if any(kind in each.logical_id for kind in wake)}
    # Nothing is trained anew in dev, nor on mortgages, whose data have no dates.
    still = ("mlops-dev-loan-approval-monitoring", "mlops-local-mortgage-approval-monitoring")
    assert heard == {name for name in known if not name.startswith(still)}


def _change(event: Mapping[str, Any]) -> tuple[str, str]:
    return event["detail"]["alarmName"], event["detail"]["state"]["value"]
