"""What the topic is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.lambdas.release_controller.world import ENVIRON, World, arn


def test_long_names_keep_the_subject_within_what_sns_takes(start, release_controller, monkeypatch):
    controller = start()
    gateway = release_controller.handler.gateway()
    monkeypatch.setattr(gateway, "settings", replace(gateway.settings, model_package_group="m" * 63))
    message = release_controller.messages.done(release_controller.plan.Done(arn(123456), 2), gateway.settings)
    gateway.publish(message.subject + "x" * 100, message.body)
    assert len(controller.world.told[0]) == 100


@pytest.mark.parametrize("world", [World(), World(bad={1}), World(stuck={1})], ids=["good", "bad", "stuck"])
def test_every_message_says_what_happened_why_and_what_to_do(start, world):
    controller = start(world)
    world.approve(1)
    controller.settle()
    assert len(world.bodies) == 2
    for subject, body in zip(world.told, world.bodies, strict=True):
        assert subject.startswith(f"[test] {ENVIRON['MODEL_PACKAGE_GROUP']}: ")
        what, why, todo = body.strip().split("\n")
        assert what.startswith("What happened: ")
        assert ENVIRON["SERVING_STACK"] in body
        assert why.startswith("Why: ")
        assert todo.startswith("What to do: ")
