"""Who answers an invocation: per endpoint an immutable route, replaced as a whole when fleets or weights
change."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local_aws.core import store
from local_aws.sagemaker.capture import Settings
from local_aws.sagemaker.serving import Fleet, Instance

RESTORE_SECONDS = 60.0


@dataclass(frozen=True)
class Target:
    """One variant on one fleet; while traffic shifts, a variant is on the old and on the new fleet."""

    variant: str
    config: str
    weight: float
    instances: int
    instance: Instance
    capture: Settings | None


@dataclass(frozen=True)
class Route:
    """An endpoint's production targets, and its shadow with the probability that a request is mirrored to
    it."""

    targets: tuple[Target, ...]
    shadow: Target | None = None
    mirrored: float = 0.0

    def choose(self, variant: str | None) -> Target | None:
        """A target by weight; of the named variant, also one of weight 0. None when there is no such
        target."""
        targets = [t for t in self.targets if variant in (None, t.variant)]
        weights = [t.weight for t in targets]
        if not any(weights):
            return targets[0] if targets and variant else None
        return random.choices(targets, weights)[0]  # noqa: S311

    def mirror(self) -> Target | None:
        """The shadow, for the part of the requests that it gets a copy of."""
        return self.shadow if self.shadow and random.random() < self.mirrored else None  # noqa: S311


@dataclass(frozen=True)
class Deployed:
    """A running fleet with the variants and the capture settings of the configuration it was made from."""

    config: str
    variants: list[dict[str, Any]]
    capture: Settings | None
    fleet: Fleet

    def targets(self, share: Callable[[int], float]) -> list[tuple[bool, Target]]:
        """(is a shadow, target) for each variant, its weight multiplied by the share of its instance
        count."""
        return [
            (
                variant["Shadow"],
                Target(
                    variant["VariantName"],
                    self.config,
                    variant["Weight"] * share(variant["Count"]),
                    variant["Count"],
                    self.fleet.instances[variant["VariantName"]],
                    self.capture,
                ),
            )
            for variant in self.variants
        ]


def route(old: Deployed | None, new: Deployed | None, share: Callable[[int], float]) -> Route:
    """The route while `share` of the traffic goes to `new` and the rest to `old`.

    A shadow gets its weight divided by the production weight of the requests (API reference,
    ShadowProductionVariants), and comes from the fleet that has the larger part."""
    targets = [
        *(old.targets((lambda count: 1 - share(count)) if new else lambda _: 1.0) if old else []),
        *(new.targets(share) if new else []),
    ]
    production = tuple(target for shadow, target in targets if not shadow)
    shadows = sorted((target for shadow, target in targets if shadow), key=lambda target: target.weight)
    total = sum(target.weight for target in production)
    if not shadows or not total:
        return Route(production)
    return Route(production, shadows[-1], min(1.0, sum(shadow.weight for shadow in shadows) / total))


_routes: dict[store.Key, Route] = {}
_restoring: set[store.Key] = set()
_changed = threading.Condition()


def publish(key: store.Key, new: Route) -> None:
    """Requests that come from now on go this way."""
    with _changed:
        _routes[key] = new
        _restoring.discard(key)
        _changed.notify_all()


def withdraw(key: store.Key) -> None:
    """There is no such endpoint to invoke any more."""
    with _changed:
        _routes.pop(key, None)
        _restoring.discard(key)
        _changed.notify_all()


def expect(key: store.Key) -> None:
    """The endpoint was in service before the server started and will be again: its callers wait for it."""
    with _changed:
        _restoring.add(key)


def serving() -> dict[store.Key, list[Target]]:
    """What serves each endpoint now, shadows too."""
    routes = list(_routes.items())
    return {key: [*route.targets, *([route.shadow] if route.shadow else [])] for key, route in routes}


def lookup(key: store.Key) -> Route | None:
    found = _routes.get(key)
    if found is None and key in _restoring:
        with _changed:
            _changed.wait_for(lambda: key not in _restoring, timeout=RESTORE_SECONDS)
        found = _routes.get(key)
    return found
