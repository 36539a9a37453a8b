"""Events of the emulated services: who hears them, and in which order."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from local_aws.core import events
from local_aws.core.api import Context


def test_listeners_hear_an_event_before_the_bus_until_they_are_gone(ctx: Context) -> None:
    heard: list[Any] = []
    disconnect = events.connect(lambda *event: heard.append(("bus", *event)))
    forget = events.listen(lambda *event: heard.append(("listener", *event)))
    event = (ctx, "aws.sagemaker", "Something", {"a": 1}, ["arn"])
    events.emit(ctx, "Something", {"a": 1}, ["arn"])
    assert heard == [("listener", *event), ("bus", *event)]
    forget()
    events.emit(ctx, "Something", {"a": 1}, ["arn"])
    disconnect()
    assert [who for who, *_ in heard] == ["listener", "bus", "bus"]


def test_a_listener_that_fails_is_logged_and_keeps_nothing_from_the_others(
    ctx: Context, emitted: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("broken listener")

    heard: list[Any] = []
    forget = [events.listen(broken), events.listen(lambda *event: heard.append(event))]
    with caplog.at_level(logging.ERROR):
        events.emit(ctx, "Something", {}, [])
    for each in forget:
        each()
    assert "broken listener" in caplog.text
    assert (len(heard), len(emitted)) == (1, 1)
