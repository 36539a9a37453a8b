"""Strategies and endings of a release: each a scenario whose final state must not depend on what goes wrong."""

from __future__ import annotations

from typing import Any

from tests.unit.lambdas.release_controller.names import EXPERIMENT, arn
from tests.unit.lambdas.release_controller.plays import (
    Scenario,
    Step,
    approve,
    asked,
    command,
    on_its_way,
    repair,
    standing,
    start,
    stop,
)

STRATEGIES: dict[str, tuple[str, ...]] = {
    "replace": (),
    "shadow": ("shadow",),
    "challenger": ("challenger",),
    "shadow, challenger": ("shadow", "challenger"),
}
FIRST = (Step(approve(1)),)


def scenarios(strategy: str) -> dict[str, Scenario]:
    """By their ending."""
    stages = STRATEGIES[strategy]
    found = {**_promotions(stages), **_people(stages), **(_experiments(stages) if stages else _housekeeping())}
    return dict(sorted(found.items()))


def _scenario(stages: tuple[str, ...], *steps: Step, policy: dict[str, Any] | None = None, **world: Any) -> Scenario:
    """Version 1 serves; version 2 is approved, and then the steps."""
    return Scenario(
        steps=(Step(approve(2)), *steps),
        world={"quality": {2: "better", 3: "better"}, **world},
        policy={"stages": list(stages), **(policy or {})},
        before=FIRST,
    )


def _promotions(stages: tuple[str, ...]) -> dict[str, Scenario]:
    """The experiment, if any, goes well; then the champion is replaced."""
    repaired = Step(repair)
    return {
        "first release": Scenario(steps=FIRST, policy={"stages": list(stages)}),
        "first release fails": Scenario(steps=FIRST, policy={"stages": list(stages)}, world={"bad": {1}}),
        "better": _scenario(stages),
        "canary alarm": _scenario(stages, bad={2}),
        "newer one after a failure": _scenario(stages, Step(approve(3)), bad={2}),
        "endpoint rolled back by itself": _scenario(stages, sly={2}),
        "stuck": _scenario(stages, repaired, stuck={2}),
        "undone by a person's old change set": _scenario(
            stages, Step(lambda world: world.serving.deploy(champion=arn(1)))
        ),
        "newer one while the champion is replaced": _scenario(stages, Step(approve(3), on_its_way(2))),
    }


def _people(stages: tuple[str, ...]) -> dict[str, Scenario]:
    found = {
        "rollback command": _scenario(stages, Step(command("rollback"))),
        "rollback to a named version": _scenario(stages, Step(approve(3)), Step(command(f"rollback {arn(1)}"))),
        "rollback fails": _scenario(stages, Step(lambda world: world.serving.bad.add(1)), Step(command("rollback"))),
        "endpoint undoes a rollback": _scenario(
            stages, Step(lambda world: world.serving.sly.add(1)), Step(command("rollback"))
        ),
        "rollback to what failed": _scenario(
            stages, Step(lambda world: world.serving.bad.clear()), Step(command(f"rollback {arn(2)}")), bad={2}
        ),
        "rollback refused": _scenario(stages, Step(command("rollback")), Step(command("rollback"))),
        "rejected champion": _scenario(stages, Step(approve(2, "Rejected"))),
        "rejected champion without another": Scenario(
            steps=(*FIRST, Step(approve(1, "Rejected"))), policy={"stages": list(stages)}
        ),
        "paused before, resumed": Scenario(
            steps=(Step(command("pause")), Step(approve(2)), Step(command("none"))),
            world={"quality": {2: "better"}},
            policy={"stages": list(stages)},
            before=FIRST,
        ),
        "promote of an unknown version": _scenario(stages, Step(command(f"promote {arn(9)}"))),
        "stopped and started": _scenario(stages, Step(stop), Step(start)),
        "stopped before any version": Scenario(
            steps=(Step(stop), Step(approve(1)), Step(start)), policy={"stages": list(stages)}
        ),
        "approved while stopped": _stopped_first(stages, Step(start)),
        "rollback asked for while stopped": _scenario(stages, Step(stop), Step(command("rollback")), Step(start)),
        "stopped while the champion is replaced": _scenario(stages, Step(stop, on_its_way(2)), Step(start)),
        "left stopped": _stopped_first(stages),
    }
    for stage in stages:
        here = standing(2, stage)
        quiet: dict[str, Any] = {"quality": {2: _quiet_in(stages, stage), 3: "better"}}
        found |= {
            f"rejected in {stage}": _scenario(stages, Step(approve(2, "Rejected"), here), **quiet),
            f"superseded in {stage}": _scenario(stages, Step(approve(3), here), **quiet),
            f"promoted from {stage}": _scenario(stages, Step(command(f"promote {arn(2)}"), here), **quiet),
            f"stopped in {stage}": _scenario(stages, Step(stop, asked(2, stage)), Step(start)),
            f"paused in {stage}": _scenario(stages, Step(command("pause"), asked(2, stage)), Step(command("none"))),
            f"rollback command in {stage}": Scenario(
                steps=(Step(approve(3)), Step(command("rollback"), standing(3, stage))),
                world={"quality": {2: "better", 3: _quiet_in(stages, stage)}},
                policy={"stages": list(stages)},
                before=(*FIRST, Step(approve(2))),
            ),
            f"champion rejected in {stage}": Scenario(
                steps=(Step(approve(3)), Step(approve(2, "Rejected"), standing(3, stage))),
                world={"quality": {2: "better", 3: _quiet_in(stages, stage)}},
                policy={"stages": list(stages)},
                before=(*FIRST, Step(approve(2))),
            ),
        }
    return found


def _stopped_first(stages: tuple[str, ...], *steps: Step) -> Scenario:
    """Version 1 serves, its endpoint is stopped, version 2 is approved, and then the steps."""
    return Scenario(
        steps=(Step(stop), Step(approve(2)), *steps),
        world={"quality": {2: "better"}},
        policy={"stages": list(stages)},
        before=FIRST,
    )


def _experiments(stages: tuple[str, ...]) -> dict[str, Scenario]:
    """How the last stage may end, and the first one if there are two."""
    found = {}
    patient = {"experiment": EXPERIMENT | {"max_hours": 1000}}
    for stage in stages:
        for name, quality in (("lost", "worse"), ("inconclusive", "same"), ("without outcomes", "silent")):
            found[f"{name} in {stage}"] = _scenario(stages, quality={2: _only_in(stages, stage, quality)})
        changed = {2: _only_in(stages, stage, "changed")}
        found[f"guardrail in {stage}"] = _scenario(stages, quality=changed, policy=patient)
    found["alarm of its variant"] = _scenario(stages, noisy={2})
    found["container does not start"] = _scenario(stages, broken={2})
    found["slow and failing queries"] = _scenario(
        stages, polls=8, failing=1, policy={"experiment": EXPERIMENT | {"look_seconds": 3600, "max_hours": 24}}
    )
    if stages[-1] == "challenger":
        found["traffic is skewed"] = _scenario(
            stages,
            Step(approve(2, "Rejected")),
            quality={2: _only_in(stages, "challenger", "skewed")},
            policy=patient,
        )
    return found


def _housekeeping() -> dict[str, Scenario]:
    """What needs no experiment, and is the same with one."""
    older = tuple(Step(approve(version)) for version in range(1, 5))
    return {
        "retirement": Scenario(steps=(Step(approve(5)),), policy={"keep_versions": 2}, before=older),
        "tests": _scenario((), policy={"tests": True}),
        "second person": Scenario(
            steps=(*FIRST, Step(lambda world: world.allow(1)), Step(approve(2)), Step(lambda world: world.allow(2))),
            policy={"second_person": True},
        ),
        "evidence": Scenario(
            steps=(*FIRST, *_evidence(1), Step(approve(2)), *_evidence(2)),
            policy={"evidence": ["tests_dev"]},
        ),
        "switched off": Scenario(steps=FIRST, policy={"enabled": False}),
    }


def _evidence(version: int) -> tuple[Step, ...]:
    """Another environment's tests pass."""
    return (Step(lambda world: world.registry.edit(version, tests_dev="passed")),)


def _quiet_in(stages: tuple[str, ...], stage: str) -> str:
    """Better in the stages before, and in this one without a verdict, so that a person can act."""
    return _only_in(stages, stage, "silent")


def _only_in(stages: tuple[str, ...], stage: str, quality: str) -> str:
    if len(stages) == 1 or stage == "shadow":
        return quality
    return f"better/{quality}"
