"""`mlops features list`, `show`, `get`, `ingest`: the feature groups of an environment, and what they know."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from features.errors import FeatureError
from features.ingest import Ingested, ingest
from features.online import OnlineStore
from mlops import feature_files, feature_groups
from mlops.commands.options import LOCAL, Env, Json, Models
from mlops.commands.output import Output
from mlops.errors import CommandError, UsageError
from mlops.feature_groups import Declared

Group = Annotated[str, typer.Argument(metavar="GROUP", help="a feature group as the configuration calls it")]


def add(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="The feature groups of an environment, and what they know.")
    group.command("list")(list_groups)
    group.command("show")(show)
    group.command("get")(get)
    group.command("ingest")(ingest_file)
    app.add_typer(group, name="features")


def list_groups(env: Env = LOCAL, model: Models = None, json: Json = False) -> None:
    """The groups with their stores and their status."""
    declared, clients = feature_groups.declared(env, model)
    rows = []
    for each in declared.values():
        status = feature_groups.status(feature_groups.described(clients, each.group))
        rows.append({**each.facts(), "status": status})
    width = max((len(name) for name in declared), default=0)
    lines = [
        f"{row['group']:<{width}}  {row['status']:<12}  {' and '.join(row['stores']):<18}  "
        f"{len(row['features'])} features  {', '.join(row['models']) or 'no model'}"
        for row in rows
    ]
    nothing = [f"config/{env}.toml: has no [feature_groups.<name>] for that"]
    Output(json).answer({"environment": env, "groups": rows}, lines or nothing)


def show(group: Group, env: Env = LOCAL, model: Models = None, json: Json = False) -> None:
    """A group: its features, its stores and its status."""
    each, clients = feature_groups.find(env, model, group)
    found = feature_groups.described(clients, each.group)
    data = {**each.facts(), "status": feature_groups.status(found), **feature_groups.stores(found)}
    there = {item["FeatureName"]: item["FeatureType"] for item in (found or {}).get("FeatureDefinitions", ())}
    lines = [
        f"{each.group.name} in {env}: {each.settings.description}",
        f"  name        {each.group.physical}",
        f"  status      {data['status']}",
        f"  models      {', '.join(each.models) or 'none'}",
        f"  online      {_online(each, data)}",
        f"  offline     {_offline(each, data)}",
        f"  record      {each.group.record_identifier}",
        f"  event time  {each.group.event_time} ({each.group.event_time_type})",
        *(
            f"  feature     {name} ({kind})" + (", not deployed yet" if there and name not in there else "")
            for name, kind in each.group.features.items()
        ),
        *(
            f"  feature     {name} ({kind}), not in config"
            for name, kind in there.items()
            if name not in each.group.types
        ),
    ]
    Output(json).answer({"environment": env, **data}, lines)


def get(
    group: Group,
    record: Annotated[str, typer.Argument(metavar="RECORD", help="a record's identifier")],
    env: Env = LOCAL,
    model: Models = None,
    json: Json = False,
) -> None:
    """What the online store knows of a record now."""
    each, clients = feature_groups.find(env, model, group)
    if not each.settings.online:
        raise UsageError(f"feature group {each.group.name}: has no online store to read; set online = true and deploy")
    try:
        known = OnlineStore(clients("sagemaker-featurestore-runtime")).get(each.group, [record]).get(record)
    except FeatureError as error:
        raise CommandError(str(error)) from error
    if known is None:
        raise CommandError(
            f"{each.group.record_identifier} {record!r}: the online store of {each.group.name} has no such record"
        )
    width = max(map(len, known))
    lines = [f"{name:<{width}}  {'-' if value is None else value}" for name, value in known.items()]
    Output(json).answer({"environment": env, "group": each.group.name, "record": known}, lines)


def ingest_file(
    group: Group,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV with the record identifier, the event time, and features")
    ],
    everything: Annotated[
        bool, typer.Option("--all", help="also what is not newer than the record that the online store has")
    ] = False,
    env: Env = LOCAL,
    model: Models = None,
    json: Json = False,
) -> None:
    """Write the records of a CSV file."""
    each, clients = feature_groups.find(env, model, group)
    if not each.settings.online and not everything:
        raise UsageError(f"feature group {each.group.name}: has no online store to compare with; add --all")
    records = feature_files.read(file, each.group)
    online = OnlineStore(clients("sagemaker-featurestore-runtime"))
    try:
        done = ingest(online, each.group, records, only_newer=not everything)
    except FeatureError as error:
        raise CommandError(str(error)) from error
    data = {"environment": env, "group": each.group.name, "written": done.written, "older": done.older}
    Output(json).answer(data, _ingested(each, done, file))


def _ingested(each: Declared, done: Ingested, file: Path) -> Iterator[str]:
    counted = "1 record" if done.written == 1 else f"{done.written:,} records"
    yield f"{counted} of {file} written to {each.group.name}"
    if done.older:
        yield f"  {done.older:,} are not newer than what the online store has, and were left out; --all writes them too"
    if done.written and each.settings.offline:
        yield "  the offline store shows them within 15 minutes"


def _online(each: Declared, data: Mapping[str, Any]) -> str:
    if not each.settings.online:
        return "no"
    kept = f"{each.settings.ttl_days} days from the event time" if each.settings.ttl_days else "until a newer one comes"
    size = f", {data['online_bytes']:,} bytes" if "online_bytes" in data else ""
    return f"each record's newest, {kept}{size}"


def _offline(each: Declared, data: Mapping[str, Any]) -> str:
    if not each.settings.offline:
        return "no"
    places = [str(data[name]) for name in ("offline_status", "offline_table", "offline_uri") if name in data]
    return ", ".join(places) or "all records"
