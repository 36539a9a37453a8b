"""Releases under traffic on the deployed platform: shadow, challenger, verdicts, canary, people, a killed controller.

The tests of this module run in their order: each goes on from the state that the one before it left. Customers apply
all the time, and each of their requests counts. In the bank's world of this module small loans are charged off and
large ones are paid back; the versions after the first one know that more or less, so that a few hundred outcomes
decide.
"""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from mlops import ledger, registry, releases
from mlops.demo import loans
from mlops.demo.story import SLIP, Story
from mlops.release_state import version_of
from mlops_constructs.naming import ReleaseParameter
from tests.deployed import Platform, run_trained, until
from tests.local_aws_fixture import LocalAws

LARGE = 22_500
"""USD; a quarter of the applications are below, and version 1 approves nearly all of those too."""

KNOWING, TIMID = LARGE, 38_000
"""From which amount on a version approves: what is right, and what declines another quarter."""

RULE = """

from dataclasses import replace

_score = predict_fn


def predict_fn(columns, model):
    scored = zip(_score(columns, model), columns["GrAppv"])
    return [replace(each, decision="approve" if amount >= {amount} else "decline") for each, amount in scored]
"""

FEW = 15
"""Customers in half a second where nothing is counted but their failures."""

STEPS = ("write", "apply", "shift", "look")
"""Kinds of ledger entries that follow from a decision, or come before one."""


@pytest.fixture(scope="module")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """This module's own."""
    yield from run_trained(tmp_path_factory)


@pytest.fixture(scope="module")
def platform(local_aws: LocalAws) -> Platform:
    return Platform(local_aws)


@pytest.fixture(scope="module")
def first(platform: Platform) -> Mapping[str, Any]:
    """Version 1 serves."""
    package = releases.newest_version(platform.client("sagemaker"), platform.model.package_group)
    platform.approve(package["ModelPackageArn"])
    return package


@pytest.fixture(scope="module")
def story(platform: Platform, first: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Story:
    return platform.story(tmp_path_factory.mktemp("story") / "summary.json", applications=applications())


def applications() -> Iterator[loans.Loan]:
    """The loans of 2007 with the outcomes of this module's world; they do not come to an end in these tests."""
    for year in range(2007, 2010):
        for loan in loans.approved_in("2007-01", "2007-12"):
            outcome = "0" if loan.application["GrAppv"] >= LARGE else "1"
            yield replace(loan, name=f"{loan.name}-{year}", outcome=outcome)


@pytest.fixture(scope="module")
def told(platform: Platform) -> "Inbox":
    return Inbox(platform)


class Inbox:
    """A queue that the notification topic delivers to."""

    def __init__(self, platform: Platform) -> None:
        self._sqs = platform.client("sqs")
        self._url = self._sqs.create_queue(QueueName="told")["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]
        topic = platform.outputs(platform.names.foundation_stack)["TopicArn"]
        platform.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=attributes["QueueArn"])

    def empty(self) -> list[dict[str, Any]]:
        """All notifications since the last time, each with Subject and Message."""
        found: list[dict[str, Any]] = []
        while batch := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for message in batch:
                found.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return found


def decisions(messages: list[dict[str, Any]]) -> dict[str, str]:
    """What the controller told: messages by their subjects, without those of the alarms themselves."""
    found = [message for message in messages if message["Subject"].startswith("[local] loan-approval: ")]
    return {message["Subject"].partition(": ")[2]: message["Message"] for message in found}


class Assassin:
    """As long as the context lasts: kills the controller's process once, in the middle of a run in `stage`."""

    def __init__(self, platform: Platform, local_aws: LocalAws, stage: str) -> None:
        self._platform, self._server, self._stage = platform, local_aws.server.pid, stage
        self._dynamodb = platform.client("dynamodb")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="assassin", daemon=True)
        self.kills = 0

    def __enter__(self) -> "Assassin":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self.kills and not self._over.wait(0.2):
            candidate = self._platform.parameters().candidate
            if candidate and candidate.stage == self._stage:
                self._wait_for_a_run()

    def _wait_for_a_run(self) -> None:
        """Kill the next one; it does not take longer than a second until there is one."""
        end = time.monotonic() + 2
        while not self.kills and time.monotonic() < end and not self._over.wait(0.01):
            if owner := self._platform.lock_owner():
                self._kill(owner)

    def _kill(self, owner: str) -> None:
        for process in self._processes():
            os.kill(process, signal.SIGKILL)
        # Nobody waits here for the 90 seconds of a dead run's lease.
        try:
            self._dynamodb.update_item(
                **self._platform.lock,
                UpdateExpression="SET expires = :now",
                ConditionExpression="#owner = :owner",
                ExpressionAttributeNames={"#owner": "owner"},
                ExpressionAttributeValues={":now": {"N": str(int(time.time()))}, ":owner": {"S": owner}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return  # that run had let go already, or its last call was still under way: another one then
        self.kills += 1

    def _processes(self) -> list[int]:
        """The function's: children of the server, named after it."""
        lines = subprocess.run(["ps", "-axo", "pid=,ppid=,args="], capture_output=True, text=True).stdout.splitlines()
        columns = [line.split(None, 2) for line in lines]
        function = f"{self._platform.model.release_stack}-Controller"
        return [int(pid) for pid, parent, name in columns if parent == str(self._server) and function in name]


def test_a_better_version_is_promoted_after_two_verdicts_and_no_request_fails(
    platform: Platform, story: Story, first: Mapping[str, Any], told: Inbox, local_aws: LocalAws
) -> None:
    with Assassin(platform, local_aws, "challenger") as assassin:
        result = story.release(register(story, first, KNOWING, "it knows the world"))
    assert assassin.kills == 1
    assert (result["strategy"], result["outcome"]) == (["shadow", "challenger"], "promoted")
    assert [stage["verdict"] for stage in result["stages"]] == ["better", "better"]
    assert all(stage["interval"][0] > 0 and stage["samples"] > 0 for stage in result["stages"])
    assert result["failures"] == {}
    assert set(result["answered_by"]) == {"1", "2"}
    assert kinds(platform, 2) == [
        ("begin", "shadow"),
        ("begin", "challenger"),
        ("begin", "promote"),
        ("done", "promote"),
    ]
    assert (serving(platform), platform.parameters().version(ReleaseParameter.PREVIOUS)) == (2, 1)
    assert list(decisions(told.empty())) == [
        "version 2 goes into shadow",
        "version 2 challenges version 1",
        "version 2 is being released",
        "version 2 is released",
    ]


def test_a_worse_version_loses_in_shadow_and_no_caller_sees_its_answers(
    platform: Platform, story: Story, first: Mapping[str, Any]
) -> None:
    result = story.release(register(story, first, TIMID, "it declines what it should approve"))
    assert (result["strategy"], result["verdict"], result["outcome"]) == (["shadow"], "worse", "lost")
    assert result["stages"][0]["interval"][1] < 0
    assert result["failures"] == {}
    assert set(result["answered_by"]) == {"2"}
    assert kinds(platform, 3) == [("begin", "shadow"), ("lost", "shadow")]
    assert serving(platform) == 2


def test_a_broken_hotfix_is_rolled_back_by_the_alarm_of_its_canary(
    platform: Platform, story: Story, first: Mapping[str, Any], told: Inbox
) -> None:
    told.empty()
    before = platform.release_state()
    result = story.release(story.register_by_hand(first, SLIP, "a hotfix with an error in its code"), hotfix=True)
    assert (result["strategy"], result["outcome"]) == (["replace"], "rolled back")
    # Only the broken version has this error, and it meets it in some of the requests that its canary gets.
    assert set(result["failures"]) == {"ModelError 500: 'RevLineCr'"}
    share = platform.settings.serving.deployment.canary_percent / 100
    canary = result["failed_requests"] + result["answered_by"].get("4", 0)
    assert 0 < result["failed_requests"] <= canary <= result["requests"] * share
    assert platform.release_state()[1:] == before[1:]
    assert serving(platform) == 2
    assert platform.parameters().version(ReleaseParameter.FAILED) == 4
    assert kinds(platform, 4) == [("begin", "promote"), ("revert", "promote")]
    messages = decisions(told.empty())
    assert list(messages) == ["version 4 is being released", "the release of version 4 failed"]
    failure = messages["the release of version 4 failed"]
    assert "goes on serving version 2" in failure
    assert "went into ALARM" in failure


def test_mlops_rollback_brings_version_1_back(platform: Platform, story: Story) -> None:
    with story.customers("rollback-", FEW) as customers:
        done = platform.mlops_process("rollback", "--wait", "--timeout", "60")
        assert done.returncode == 0, done
        assert "version 1 serves" in done.stdout
        assert serving(platform) == 1
    assert customers.failures == {}
    assert set(customers.versions) == {"1", "2"}


def test_a_paused_candidate_waits_for_resume_and_promote_ends_its_experiment(
    platform: Platform, story: Story, first: Mapping[str, Any]
) -> None:
    package = register(story, first, KNOWING, "it knows the world too")
    with story.customers("hold-", FEW) as customers:
        assert platform.mlops("pause").returncode == 0
        with platform.looked_at("version 5 is Approved"):
            registry.approve(platform.client("sagemaker"), package, reason="tested", by="tests", strategy=None)
        assert platform.parameters().candidate is None
        assert platform.mlops("resume").returncode == 0
        until(lambda: platform.parameters().candidate, "version 5 is a candidate")
        assert platform.mlops("promote").returncode == 0
        until(lambda: platform.parameters().candidate is None, "version 5 is promoted")
        assert serving(platform) == 5
    assert customers.failures == {}
    [promotion] = [each for each in entries(platform, 5) if (each.kind, each.stage) == ("begin", "promote")]
    assert (promotion.reason, promotion.verdict) == ("a person asked for it", None)


def test_a_rejected_champion_gives_way_to_the_one_before(platform: Platform, story: Story, told: Inbox) -> None:
    with story.customers("reject-", FEW) as customers:
        package = platform.versions()[-1]
        registry.reject(platform.client("sagemaker"), package, reason="complaints")
        until(lambda: version_of(output(platform, "ChampionPackage")) == 1, "version 1 serves again")
        until(lambda: platform.parameters().candidate is None, "the way back has come to its end")
        assert serving(platform) == 1
    assert customers.failures == {}
    assert set(customers.versions) == {"1", "5"}
    assert "version 1 is released" in decisions(told.empty())


def register(story: Story, first: Mapping[str, Any], amount: int, what: str) -> Mapping[str, Any]:
    """Version 1 with the rule that approves from an amount on."""
    return story.register_by_hand(first, RULE.format(amount=amount), what)


def output(platform: Platform, key: str) -> str:
    return platform.outputs(platform.model.serving_stack).get(key, "")


def serving(platform: Platform) -> int:
    """The version that the endpoint serves, as parameter and stack agree."""
    champion = platform.parameters().champion
    assert output(platform, "ChampionPackage") == champion
    return version_of(champion)


def entries(platform: Platform, version: int) -> list[ledger.Entry]:
    """What the ledger says of a version, without the steps in between."""
    table = platform.outputs(platform.names.foundation_stack)["LedgerTable"]
    found = ledger.since(platform.client("dynamodb"), table, platform.model.public, 0)
    return [entry for entry in found if entry.version == version and entry.kind not in STEPS]


def kinds(platform: Platform, version: int) -> list[tuple[str, str]]:
    return [(entry.kind, entry.stage) for entry in entries(platform, version)]
