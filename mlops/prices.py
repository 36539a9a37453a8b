"""List prices: a table with a date, a region and a source for each figure. What it lacks has no price."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mlops.errors import CommandError

TABLE = Path(__file__).with_name("prices.toml")
HOURS_A_MONTH = 730
"""As AWS's own calculator counts."""
_ABOUT = ("source", "seen")


@dataclass(frozen=True)
class Prices:
    """US dollars of one region: of an instance by its type, of other things by name, all an hour."""

    region: str
    checked: str
    instances: Mapping[str, float]
    others: Mapping[str, float]

    def instance(self, instance_type: str) -> float | None:
        """An hour of one instance; None where the table does not know the type."""
        return self.instances.get(instance_type)

    def other(self, name: str) -> float | None:
        """An hour of one unit, for what is priced by the month a 730th of that."""
        return self.others.get(name)


@cache
def read(table: Path = TABLE) -> Mapping[str, Prices]:
    """The table by region; raises CommandError where a figure has no source or a table no date."""
    found = tomllib.loads(table.read_text())
    if not found.get("checked"):
        raise CommandError(f"{table.name}: checked is missing; write the day on which the prices were read")
    regions = {}
    for region, sections in found.get("regions", {}).items():
        instances = dict(sections.get("instances", {}))
        if instances and not instances.get("source"):
            raise CommandError(f"{table.name}: regions.{region}.instances has no source; name the page")
        others = {}
        for period, hours in (("hour", 1), ("month", HOURS_A_MONTH)):
            for name, price in sections.get(period, {}).items():
                if not price.get("source"):
                    raise CommandError(f"{table.name}: regions.{region}.{period}.{name} has no source; name the page")
                others[name] = price["usd"] / hours
        by_type = {name: price for name, price in instances.items() if name not in _ABOUT}
        regions[region] = Prices(region, found["checked"], by_type, others)
    return regions


def of(region: str, table: Path = TABLE) -> Prices:
    """The region's prices, or where the table lacks it, those of the first region that it has."""
    known = read(table)
    if not known:
        raise CommandError(f"{table.name}: has no region; add [regions.{region}.instances]")
    return known.get(region) or next(iter(known.values()))
