"""`mlops cost`: what costs by the hour now, its size, and its list price."""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from mlops import costs, prices, target
from mlops.commands import options
from mlops.costs import Item
from mlops.prices import HOURS_A_MONTH, Prices
from mlops_constructs.naming import EnvironmentNames

_TITLES = {
    "endpoint": "endpoints",
    "job": "jobs in progress",
    "storage": "storage",
    "key": "keys",
    "network": "network",
    "alarms": "alarms",
    "metrics": "metrics",
}


def add(commands: "options.Commands") -> None:
    options.command(
        commands,
        "cost",
        run,
        "what costs by the hour now, at list prices",
        models="default: all, and what they share",
    )


def run(arguments: argparse.Namespace) -> int:
    models = target.find_all(arguments.env, arguments.model)
    clients, names = models[0].clients, EnvironmentNames(models[0].names.project, arguments.env)
    region = clients("sagemaker").meta.region_name
    table = prices.of(region)
    items = [item for model in models for item in costs.of_model(model, table)]
    if not arguments.model:
        items += costs.of_environment(names, clients, table)
    options.answer(arguments, facts(arguments.env, region, table, items), page(arguments.env, region, table, items))
    return 0


def page(environment: str, region: str, table: Prices, items: Sequence[Item]) -> list[str]:
    """The list. Pure."""
    lines = [
        f"{environment} in {region}, list prices of {table.checked} in {table.region}, without taxes and discounts"
    ]
    if region != table.region:
        lines.append(f"  mlops/prices.toml has no prices of {region}: those of {table.region} stand in")
    many = len({item.model for item in items if item.model}) > 1
    for kind, title in _TITLES.items():
        shown = [_line(item, many) for item in items if item.kind == kind and item.count != 0]
        lines += [f"  {title}", *shown] if shown else []
    hour, month = _sums(items)
    lines.append(f"  together {_usd(hour)} an hour; {_usd(month)} in {HOURS_A_MONTH} hours, jobs not counted")
    return [
        *lines,
        *_unknown(items),
        "  not in the list: requests, transfer, functions, logs, queries, feature store",
        "",
    ]


def facts(environment: str, region: str, table: Prices, items: Sequence[Item]) -> dict[str, Any]:
    """The same as data. Pure."""
    hour, month = _sums(items)
    return {
        "environment": environment,
        "region": region,
        "prices": {"region": table.region, "checked": table.checked, "list_prices": True},
        "items": [
            {
                "kind": item.kind,
                "model": item.model or None,
                "name": item.name,
                "unit": item.unit,
                "count": item.count,
                "usd_per_hour": round(item.per_hour, 6) if item.known else None,
                "usd_per_month": round(item.per_month, 2) if item.known else None,
            }
            for item in items
        ],
        "usd_per_hour": round(hour, 6),
        "usd_per_month": round(month, 2),
        "complete": all(item.known for item in items if item.count != 0),
    }


def _line(item: Item, many: bool) -> str:
    """many: there are several models, and the name of a shared kind of thing does not say whose it is."""
    name = f"{item.name}, {item.model}" if many and item.kind in ("alarms", "metrics") else item.name
    count = "size unknown" if item.count is None else f"{item.count:g}"
    size = f"{count} x {item.unit}" if item.count is not None else f"{count} ({item.unit})"
    if not item.known:
        price = "price unknown" if item.hourly is None else "not measured yet"
    elif item.kind == "job":
        price = f"{_usd(item.per_hour)} an hour"
    else:
        price = f"{_usd(item.per_hour)} an hour, ${item.per_month:,.2f} a month"
    return f"    {name:<54} {size:<24} {price}"


def _unknown(items: Sequence[Item]) -> Iterator[str]:
    units = sorted({item.unit for item in items if item.hourly is None and item.count != 0})
    if units:
        yield f"  without a price in mlops/prices.toml, and not in the sums: {', '.join(units)}"


def _sums(items: Sequence[Item]) -> tuple[float, float]:
    return sum(item.per_hour for item in items), sum(item.per_month for item in items)


def _usd(amount: float) -> str:
    """Small amounts an hour have more digits than a month's."""
    return f"${amount:,.4f}" if 0 < amount < 1 else f"${amount:,.2f}"
