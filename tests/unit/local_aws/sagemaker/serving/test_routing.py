"""Which fleet and variant answers a request."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from local_aws.sagemaker import routing
from local_aws.sagemaker.routing import Deployed, Route, Target

KEY = ("111122223333", "eu-west-1", "loans")


def deployed(config: str, **weights: float) -> Deployed:
    variants = [
        {"VariantName": name, "Weight": weight, "Count": 1, "Shadow": name == "shadow"}
        for name, weight in weights.items()
    ]
    fleet: Any = SimpleNamespace(instances={name: f"{config}/{name}" for name in weights})
    return Deployed(config, variants, None, fleet)


def shares(route: Route, variant: str | None = None, n: int = 4000) -> dict[str, float]:
    picked = Counter(f"{t.config}/{t.variant}" for _ in range(n) if (t := route.choose(variant)))
    return {name: count / n for name, count in picked.items()}


def about(share: float) -> Any:
    return pytest.approx(share, abs=0.04)


def test_traffic_follows_the_weights() -> None:
    route = routing.route(None, deployed("one", champion=3, challenger=1), lambda _: 1.0)
    assert shares(route) == {"one/champion": about(0.75), "one/challenger": about(0.25)}


def test_a_canary_takes_its_share_of_each_variant() -> None:
    old, new = deployed("old", champion=3, challenger=1), deployed("new", champion=3, challenger=1)
    assert shares(routing.route(old, new, lambda _: 0.2)) == {
        "old/champion": about(0.6),
        "old/challenger": about(0.2),
        "new/champion": about(0.15),
        "new/challenger": about(0.05),
    }


def test_all_traffic_on_the_new_fleet_leaves_none_on_the_old() -> None:
    route = routing.route(deployed("old", champion=1), deployed("new", champion=1), lambda _: 1.0)
    assert shares(route) == {"new/champion": 1.0}


def test_a_named_variant_is_used_even_at_weight_0() -> None:
    route = routing.route(None, deployed("one", champion=1, challenger=0), lambda _: 1.0)
    assert shares(route) == {"one/champion": 1.0}
    assert shares(route, "challenger") == {"one/challenger": 1.0}
    assert route.choose("other") is None


def test_no_weight_at_all_means_no_target() -> None:
    assert routing.route(None, deployed("one", champion=0), lambda _: 1.0).choose(None) is None


@pytest.mark.parametrize(
    ("champion", "weight", "mirrored"),
    [(1.0, 1.0, 1.0), (1.0, 0.25, 0.25), (1.0, 3.0, 1.0), (1.0, 0.0, 0.0), (0.5, 1.0, 1.0), (0.5, 0.25, 0.5)],
)
def test_a_shadow_gets_its_part_of_the_requests_and_answers_none(
    champion: float, weight: float, mirrored: float
) -> None:
    route = routing.route(None, deployed("one", champion=champion, shadow=weight), lambda _: 1.0)
    assert shares(route) == {"one/champion": 1.0}
    assert sum(route.mirror() is not None for _ in range(2000)) / 2000 == about(mirrored)


def test_a_shadow_is_mirrored_to_once_while_traffic_moves() -> None:
    route = routing.route(deployed("old", champion=1, shadow=1), deployed("new", champion=1, shadow=1), lambda _: 0.1)
    assert isinstance(route.shadow, Target)
    assert (route.shadow.config, route.mirrored) == ("old", pytest.approx(1.0))


def test_a_withdrawn_endpoint_has_no_route() -> None:
    routing.publish(KEY, Route(()))
    assert routing.lookup(KEY) == Route(())
    routing.withdraw(KEY)
    assert routing.lookup(KEY) is None


def test_callers_wait_for_an_endpoint_that_comes_back() -> None:
    import threading

    routing.expect(KEY)
    timer = threading.Timer(0.1, routing.publish, [KEY, Route(())])
    timer.start()
    assert routing.lookup(KEY) == Route(())
    routing.withdraw(KEY)
