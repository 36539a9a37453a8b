"""The page of `mlops status` for a played environment, from its release alone."""

from datetime import datetime

from mlops.observation import observe
from mlops.situation import Situation, page, reading
from tests.unit.mlops.world import World


def told(world: World, now: datetime) -> list[str]:
    """The plain lines."""
    target = world.target
    model = reading.of_observation(target, observe(target, now))
    return page.lines(Situation(target.environment, now, (model,), many=target.many))
