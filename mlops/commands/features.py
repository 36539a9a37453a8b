"""`mlops features list`, `show`, `get`, `ingest`: the feature groups of an environment, and what they know."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import ClientError

from features.errors import FeatureError
from features.group import FeatureGroup
from features.ingest import Ingested, ingest
from features.online import OnlineStore
from mlops import aws, target
from mlops.commands.options import LOCAL, Env, Json, Models
from mlops.commands.output import Output
from mlops.errors import CommandError, UsageError
from mlops_constructs.feature_settings import FeatureGroupSettings
from mlops_constructs.naming import EnvironmentNames
from stacks.settings import load

NOT_DEPLOYED = "not deployed"
_WRONG_LINES = 3
"""So many wrong lines of a file are told in full; the others are counted."""


@dataclass(frozen=True)
class Declared:
    """A feature group of an environment's configuration, and the models that use it."""

    group: FeatureGroup
    settings: FeatureGroupSettings
    models: Sequence[str]

    @property
    def stores(self) -> list[str]:
        return [name for name in ("online", "offline") if getattr(self.settings, name)]


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
    declared, clients = _declared(env, model)
    rows = []
    for each in declared.values():
        status = _status(_described(clients, each.group))
        rows.append({**_told(each), "status": status})
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
    declared, clients = _declared(env, model)
    each = _one(declared, group, env)
    found = _described(clients, each.group)
    data = {**_told(each), "status": _status(found), **_stores(found)}
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
    declared, clients = _declared(env, model)
    each = _one(declared, group, env)
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
    declared, clients = _declared(env, model)
    each = _one(declared, group, env)
    if not each.settings.online and not everything:
        raise UsageError(f"feature group {each.group.name}: has no online store to compare with; add --all")
    records = read(file, each.group)
    online = OnlineStore(clients("sagemaker-featurestore-runtime"))
    try:
        done = ingest(online, each.group, records, only_newer=not everything)
    except FeatureError as error:
        raise CommandError(str(error)) from error
    data = {"environment": env, "group": each.group.name, "written": done.written, "older": done.older}
    Output(json).answer(data, _ingested(each, done, file))


def read(path: Path, group: FeatureGroup) -> list[Mapping[str, Any]]:
    """The records of a CSV file; an empty cell is a missing value.

    Raises UsageError with file, line, value and what to write instead, if any of them is not one of the group.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines, strict=True)
            _check_header(path, list(rows.fieldnames or ()), group)
            found = list(_records(path, rows, group))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); give a CSV file") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except csv.Error as error:
        raise UsageError(f"{path}: not CSV ({error}); quote cells that hold a comma or a quote") from None
    if not found:
        raise UsageError(f"{path}: holds no record; give lines below the header")
    return found


def _check_header(path: Path, header: Sequence[str], group: FeatureGroup) -> None:
    for name in (group.record_identifier, group.event_time):
        if name not in header:
            raise UsageError(f"{path}, line 1: no column {name}; every record has one")
    for name in header:
        if name not in group.types:
            raise UsageError(f"{path}, line 1: {name!r} is no feature of {group.name}; it has {', '.join(group.types)}")
        if header.count(name) > 1:
            raise UsageError(f"{path}, line 1: column {name} is there twice; keep one of them")


def _records(path: Path, rows: "csv.DictReader[str]", group: FeatureGroup) -> Iterator[Mapping[str, Any]]:
    wrong: list[str] = []
    seen: dict[tuple[str, float], tuple[int, Mapping[str, Any]]] = {}
    for cells in rows:
        try:
            values = _values(cells, group)
        except FeatureError as error:
            wrong.append(f"line {rows.line_num}: {error}")
            continue
        record, at = str(values[group.record_identifier]), values[group.event_time]
        line, before = seen.setdefault((record, group.seconds(at)), (rows.line_num, values))
        if before != values:
            wrong.append(
                f"line {rows.line_num}: {record!r} at {at} is in line {line} with other values; keep one of the two"
            )
            continue
        yield values
    if wrong:
        left = len(wrong) - _WRONG_LINES
        more = f"; and {left} more line{'s' if left > 1 else ''}" if left > 0 else ""
        raise UsageError(f"{path}, {'; '.join(wrong[:_WRONG_LINES])}{more}; nothing was written")


def _values(cells: Mapping[str | None, Any], group: FeatureGroup) -> Mapping[str, Any]:
    if None in cells:
        raise FeatureError(f"{cells[None]} is beyond the header's columns; quote cells that hold a comma")
    texts = {str(name): (text or "").strip() or None for name, text in cells.items()}
    values = {name: group.value_of(name, text) for name, text in texts.items()}
    # Written and read back, as ingestion does it: what that refuses is refused here, with its line.
    return group.values(group.record(values))


def _ingested(each: Declared, done: Ingested, file: Path) -> Iterator[str]:
    counted = "1 record" if done.written == 1 else f"{done.written:,} records"
    yield f"{counted} of {file} written to {each.group.name}"
    if done.older:
        yield f"  {done.older:,} are not newer than what the online store has, and were left out; --all writes them too"
    if done.written and each.settings.offline:
        yield "  the offline store shows them within 15 minutes"


def _declared(env: str, model: str | None) -> tuple[dict[str, Declared], aws.Clients]:
    """The groups of the configuration, or those that the named model uses, and the environment's clients."""
    targets = target.find_all(env, model)
    settings = load(target.CONFIG, env)
    names = EnvironmentNames(settings.project, env)
    found = {}
    for name, each in settings.feature_groups.items():
        models = [one.names.public for one in targets if name in one.settings.features.groups]
        if models or not model:
            found[name] = Declared(group_of(names, name, each), each, models)
    return found, targets[0].clients


def group_of(names: EnvironmentNames, name: str, settings: FeatureGroupSettings) -> FeatureGroup:
    """A group of the configuration as the code of features knows it."""
    return FeatureGroup(
        name=name,
        physical=names.feature_group(name),
        record_identifier=settings.record_identifier,
        event_time=settings.event_time,
        event_time_type=str(settings.event_time_type),
        features={feature: str(kind) for feature, kind in settings.features.items()},
    )


def _one(declared: Mapping[str, Declared], group: str, env: str) -> Declared:
    name = group.replace("-", "_")
    if name not in declared:
        raise UsageError(
            f"feature group {group!r}: not in config/{env}.toml; "
            f"use {', '.join(declared) or 'another environment: it has none'}"
        )
    return declared[name]


def _described(clients: aws.Clients, group: FeatureGroup) -> dict[str, Any] | None:
    """What AWS says of it, with all of its features; None if it is not there."""
    sagemaker, request = clients("sagemaker"), {"FeatureGroupName": group.physical}
    definitions: list[dict[str, Any]] = []
    while True:
        try:
            answer: dict[str, Any] = sagemaker.describe_feature_group(**request)
        except ClientError as error:
            if aws.is_missing(error, "ResourceNotFound"):
                return None
            raise
        definitions += answer["FeatureDefinitions"]
        if not answer.get("NextToken"):
            return {**answer, "FeatureDefinitions": definitions}
        request["NextToken"] = answer["NextToken"]


def _status(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return NOT_DEPLOYED
    reason = found.get("FailureReason")
    return f"{found['FeatureGroupStatus']}: {reason}" if reason else str(found["FeatureGroupStatus"])


def _told(each: Declared) -> dict[str, Any]:
    return {
        "group": each.group.name,
        "name": each.group.physical,
        "description": each.settings.description,
        "stores": each.stores,
        "models": list(each.models),
        "record_identifier": each.group.record_identifier,
        "event_time": each.group.event_time,
        "event_time_type": each.group.event_time_type,
        "features": dict(each.group.features),
        "ttl_days": each.settings.ttl_days,
    }


def _stores(found: Mapping[str, Any] | None) -> dict[str, Any]:
    """Where the stores are, as far as AWS says so."""
    if not found:
        return {}
    offline = found.get("OfflineStoreConfig", {})
    catalog = offline.get("DataCatalogConfig", {})
    told = {
        "online_bytes": found.get("OnlineStoreTotalSizeBytes"),
        "offline_uri": offline.get("S3StorageConfig", {}).get("ResolvedOutputS3Uri"),
        "offline_table": f"{catalog['Database']}.{catalog['TableName']}" if catalog else None,
        "offline_status": found.get("OfflineStoreStatus", {}).get("Status"),
    }
    return {name: value for name, value in told.items() if value is not None}


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
