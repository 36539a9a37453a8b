"""What the topic is told; every message of every story is looked at where they are played, in test_convergence."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.unit.lambdas.release_controller.names import ENVIRON, GROUP, STACK, P, arn
from tests.unit.lambdas.release_controller.scenarios import scenarios

WHERE = "[test] loan-approval"
RETRY = f"aws ssm put-parameter --overwrite --name {P}failed --value none"


@pytest.fixture
def settings(release_controller):
    return release_controller.settings.Settings.read(ENVIRON)


@pytest.fixture
def messages(release_controller):
    return release_controller.messages


@pytest.fixture
def seen(release_controller, observed):
    stack = release_controller.state.Stack("UPDATE_COMPLETE", champion=arn(1), endpoint_config="config-1")
    return observed({"champion": arn(1), "previous": arn(1), "command": "promote 9"}, stack=stack)


@pytest.mark.parametrize(
    ("ending", "subjects"),
    [
        ("better", ["version 2 goes into shadow", "version 2 challenges version 1", "version 2 is being released",
                    "version 2 is released"]),
        ("lost in shadow", ["version 2 goes into shadow", "version 2 lost against the champion"]),
        ("alarm of its variant", ["version 2 goes into shadow", "version 2 failed beside the champion"]),
        ("rejected in shadow", ["version 2 goes into shadow", "version 2 was rejected"]),
        ("inconclusive in shadow", ["version 2 goes into shadow", "version 2 was not shown to be better"]),
        ("container does not start", ["version 2 goes into shadow", "the release of version 2 failed"]),
    ],
)  # fmt: skip
def test_story_of_a_release(quiet, ending, subjects):
    play = scenarios("shadow, challenger")[ending].start(quiet)
    before = len(play.world.told)
    assert play.to_the_end().told[before:] == [f"{WHERE}: {subject}" for subject in subjects]


def test_verdict_is_told_with_its_numbers(quiet):
    world = scenarios("shadow")["better"].start(quiet).to_the_end()
    [promoted] = [body for body in world.outlets.bodies if "will update stack" in body and "serves version 1" in body]
    [entry] = [entry for entry in world.ledger() if entry["kind"] == "begin" and entry["stage"] == "promote"][1:]
    assert json.loads(entry["verdict"])["explanation"] in promoted


def test_subject_is_short_and_plain_whatever_the_names(messages, settings):
    long = replace(settings, model="modèle-" + "m" * 120)
    message = messages._message(long, "news", "happened", "why", "to do")
    assert len(message.subject) == 99, "SNS: less than 100 characters"
    assert message.subject.isascii()
    chat = json.loads(json.loads(message.by_protocol())["https"])
    assert chat["content"]["title"].endswith(": news")


def test_subject_is_one_line_whatever_aws_says(messages, settings):
    message = messages._message(settings, "the endpoint needs help: Failed: no\r\n\tcapacity\x07", "a", "b", "c")
    assert message.subject.endswith("the endpoint needs help: Failed: no capacity")


def test_long_reason_keeps_within_what_chat_takes(messages, settings):
    message = messages._message(settings, "news", "x" * 9000, "why", "to do")
    chat = json.loads(json.loads(message.by_protocol())["https"])
    assert len(chat["content"]["description"]) == 8000


def test_failure_says_what_serves_and_how_to_try_again(release_controller, messages, settings, seen):
    state = release_controller.state
    reverted = messages.reverted(
        state.Revert(arn(2), {"failed": arn(2), "champion": arn(1)}, "alarm fired"), seen, settings
    )
    assert f"{GROUP} goes on serving version 1" in reverted.happened
    assert reverted.why == "alarm fired."
    assert RETRY in reverted.to_do
    ended = messages.decided(state.End(arn(2), "lost", "It is worse."), seen, settings)
    assert ended.why == "It is worse."
    assert RETRY in ended.to_do


def test_done_says_the_way_back(release_controller, messages, settings, seen):
    state = release_controller.state
    told = messages.done(state.Done(arn(2), 3, arn(1)), seen, settings)
    assert "mlops rollback --env test --model loan-approval, to version 1" in told.to_do
    first = messages.done(
        state.Done(arn(2), 3),
        replace(seen, parameters=replace(seen.parameters, previous=seen.parameters.shadow)),
        settings,
    )
    assert first.to_do == "nothing."
    # After a rollback `previous` still is the version that was gone back to.
    back = replace(seen.parameters, previous=replace(seen.parameters.previous, value=arn(1)))
    again = messages.done(state.Done(arn(1), 3), replace(seen, parameters=back), settings)
    assert again.to_do == "nothing."


def test_ledger_says_which_version_is_gone_back_to(release_controller, messages, seen):
    back = release_controller.state.Rollback(arn(2), arn(1), "a person asked for it")
    assert messages.reason_of(back, seen) == "back to version 1: a person asked for it"


def test_rollback_says_where_it_goes_and_what_is_barred(release_controller, messages, settings, seen):
    told = messages.decided(release_controller.state.Rollback(arn(2), arn(1), "a person asked for it"), seen, settings)
    assert told.news == "going back to version 1"
    assert "Versions up to 2 are not released again" in told.to_do


@pytest.mark.parametrize(
    ("what", "status", "news", "place"),
    [
        ("stack", "UPDATE_ROLLBACK_FAILED", "the serving stack is UPDATE_ROLLBACK_FAILED", STACK),
        ("endpoint", "UpdateRollbackFailed", "the endpoint needs help: UpdateRollbackFailed", GROUP),
        ("version", "version 1 was rejected", "the serving version was rejected", GROUP),
    ],
)
def test_help_says_what_to_do_and_that_the_controller_goes_on(
    release_controller, messages, settings, seen, what, status, news, place
):
    told = messages.help_needed(release_controller.state.AskForHelp(what, status, "repair it", "key"), seen, settings)
    assert told.news == news
    assert place in told.happened
    assert told.to_do == "repair it. The controller then goes on by itself."


def test_help_names_the_version_that_was_on_its_way(release_controller, messages, settings, observed):
    seen = observed({"candidate": f"{arn(2)} promote"})
    action = release_controller.state.AskForHelp("stack", "UPDATE_ROLLBACK_FAILED", "repair it", "key")
    assert "version 2 was on its way (promote)" in messages.help_needed(action, seen, settings).happened


@pytest.mark.parametrize("kind", ["look", "hold", "refused", "switched-off"])
def test_notes_of_every_kind_can_be_told(release_controller, messages, settings, seen, kind):
    told = messages.note(release_controller.state.Note(kind, "key", arn(2), "because"), seen, settings)
    assert told.why == "because."
    assert told.happened.endswith(".")
    assert told.to_do
