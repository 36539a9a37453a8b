"""`mlops cost`: what costs by the hour now, its size, and its list price."""

from collections.abc import Iterator, Sequence
from typing import Any

import typer
from rich.console import Group

from mlops import costs, prices, tables, target
from mlops.commands.options import LOCAL, Env, Json, Models
from mlops.commands.output import Output
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


def add(app: typer.Typer) -> None:
    app.command("cost")(run)


def run(env: Env = LOCAL, model: Models = None, json: Json = False) -> None:
    """What costs by the hour now, at list prices.

    Of all models and what they share; with --model of that one alone.
    """
    models = target.find_all(env, model)
    clients, names = models[0].clients, EnvironmentNames(models[0].names.project, env)
    region = clients("sagemaker").meta.region_name
    table = prices.of(region)
    items = [item for each in models for item in costs.of_model(each, table)]
    if not model:
        items += costs.of_environment(names, clients, table)
    found = facts(env, region, table, items), page(env, region, table, items)
    Output(json).answer(*found, lambda: drawn(env, region, table, items))


def page(environment: str, region: str, table: Prices, items: Sequence[Item]) -> list[str]:
    """The list. Pure."""
    lines, many = list(_head(environment, region, table)), _many(items)
    for kind, title in _TITLES.items():
        shown = [_line(item, many) for item in items if item.kind == kind and item.count != 0]
        lines += [f"  {title}", *shown] if shown else []
    hour, month = _sums(items)
    lines.append(f"  together {_usd(hour)} an hour; {_usd(month)} in {HOURS_A_MONTH} hours, jobs not counted")
    return [*lines, *_foot(items), ""]


def drawn(environment: str, region: str, table: Prices, items: Sequence[Item]) -> Group:
    """The list as a table. Pure."""
    many = _many(items)
    shown = (
        (title, [_cells(item, many) for item in items if item.kind == kind and item.count != 0])
        for kind, title in _TITLES.items()
    )
    hour, month = _sums(items)
    sums = tables.costs([each for each in shown if each[1]], (_usd(hour), f"${month:,.2f}"))
    return Group(*_head(environment, region, table), "", sums, "", *_foot(items))


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


def _head(environment: str, region: str, table: Prices) -> Iterator[str]:
    yield f"{environment} in {region}, list prices of {table.checked} in {table.region}, without taxes and discounts"
    if region != table.region:
        yield f"  mlops/prices.toml has no prices of {region}: those of {table.region} stand in"


def _foot(items: Sequence[Item]) -> Iterator[str]:
    yield from _unknown(items)
    yield "  not in the list: requests, transfer, functions, logs, queries, feature store"


def _many(items: Sequence[Item]) -> bool:
    """Whether there are several models, and the name of a shared kind of thing does not say whose it is."""
    return len({item.model for item in items if item.model}) > 1


def _line(item: Item, many: bool) -> str:
    name, size, hourly, monthly = _cells(item, many)
    price = f"{hourly} an hour" if item.known else hourly
    return f"    {name:<54} {size:<24} {price}" + (f", {monthly} a month" if monthly else "")


def _cells(item: Item, many: bool) -> tuple[str, str, str, str]:
    """Name, size, price an hour or why there is none, price a month; jobs end, and have none of the last."""
    name = f"{item.name}, {item.model}" if many and item.kind in ("alarms", "metrics") else item.name
    size = f"size unknown ({item.unit})" if item.count is None else f"{item.count:g} x {item.unit}"
    if not item.known:
        return name, size, "price unknown" if item.hourly is None else "not measured yet", ""
    return name, size, _usd(item.per_hour), "" if item.kind == "job" else f"${item.per_month:,.2f}"


def _unknown(items: Sequence[Item]) -> Iterator[str]:
    units = sorted({item.unit for item in items if item.hourly is None and item.count != 0})
    if units:
        yield f"  without a price in mlops/prices.toml, and not in the sums: {', '.join(units)}"


def _sums(items: Sequence[Item]) -> tuple[float, float]:
    return sum(item.per_hour for item in items), sum(item.per_month for item in items)


def _usd(amount: float) -> str:
    """Small amounts an hour have more digits than a month's."""
    return f"${amount:,.4f}" if 0 < amount < 1 else f"${amount:,.2f}"
