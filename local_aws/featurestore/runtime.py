"""Records: PutRecord, GetRecord, BatchGetRecord, BatchWriteRecord, DeleteRecord of the Feature Store runtime.

Source: API reference of the runtime. A group that is not there is a ValidationError to those operations that declare
no ResourceNotFound, with the same text (issue 2606 of the SageMaker Python SDK shows PutRecord's); texts of other
errors are ours where AWS documents none.
"""

from __future__ import annotations

import time
from typing import Any

from local_aws.core import store
from local_aws.core.api import (
    FEATURESTORE_RUNTIME,
    AwsError,
    Context,
    ResourceNotFound,
    ValidationException,
    operation,
)
from local_aws.featurestore import definitions, offline, online, values
from local_aws.featurestore.group import Group, for_records

Row = dict[str, Any]

_STORES = ("OnlineStore", "OfflineStore")
_MOST_CHARACTERS = 358400


@operation("PutRecord", FEATURESTORE_RUNTIME)
def put_record(ctx: Context, params: Row) -> Row:
    group = _group(ctx, params["FeatureGroupName"])
    _put(group, params["Record"], params.get("TargetStores"), params.get("TtlDuration"))
    return {}


@operation("GetRecord", FEATURESTORE_RUNTIME)
def get_record(ctx: Context, params: Row) -> Row:
    try:
        group = for_records(ctx, params["FeatureGroupName"])
    except ResourceNotFound as error:
        raise AwsError(error.code, error.message, 404) from error
    _need_online(group)
    names = _names(group, params.get("FeatureNames"))
    record = online.get(group.key, params["RecordIdentifierValueAsString"], time.time())
    if record is None:
        return {}
    return {"Record": _told(record, names) or None, "ExpiresAt": _expiry(record, params)}


@operation("BatchGetRecord", FEATURESTORE_RUNTIME)
def batch_get_record(ctx: Context, params: Row) -> Row:
    records: list[Row] = []
    errors: list[Row] = []
    for asked in params["Identifiers"]:
        name, identifiers = asked["FeatureGroupName"], asked["RecordIdentifiersValueAsString"]
        try:
            group = for_records(ctx, name)
            _need_online(group)
            names = _names(group, asked.get("FeatureNames"))
        except AwsError as error:
            code = "ValidationError" if isinstance(error, ValidationException) else error.code
            errors += [
                {
                    "FeatureGroupName": name,
                    "RecordIdentifierValueAsString": identifier,
                    "ErrorCode": code,
                    "ErrorMessage": error.message,
                }
                for identifier in identifiers
            ]
            continue
        now = time.time()
        found = [(identifier, online.get(group.key, identifier, now)) for identifier in dict.fromkeys(identifiers)]
        records += [
            {
                "FeatureGroupName": name,
                "RecordIdentifierValueAsString": identifier,
                "Record": _told(record, names),
                "ExpiresAt": _expiry(record, params),
            }
            for identifier, record in found
            if record is not None
        ]
    return {"Records": records, "Errors": errors, "UnprocessedIdentifiers": []}


@operation("BatchWriteRecord", FEATURESTORE_RUNTIME)
def batch_write_record(ctx: Context, params: Row) -> Row:
    errors: list[Row] = []
    for entry in params["Entries"]:
        ttl = entry.get("TtlDuration") or params.get("TtlDuration")
        try:
            group = for_records(ctx, entry["FeatureGroupName"])
            _put(group, entry["Record"], entry.get("TargetStores"), ttl)
        except AwsError as error:
            code = "ValidationError" if isinstance(error, ValidationException) else error.code
            errors.append({"Entry": entry, "ErrorCode": code, "ErrorMessage": error.message})
    return {"Errors": errors, "UnprocessedEntries": []}


@operation("DeleteRecord", FEATURESTORE_RUNTIME)
def delete_record(ctx: Context, params: Row) -> Row:
    group = _group(ctx, params["FeatureGroupName"])
    to_online, to_offline = _targets(group, params.get("TargetStores"))
    identifier, event_time = params["RecordIdentifierValueAsString"], params["EventTime"]
    _typed(group, group.identifier, identifier)
    at = _moment(group, event_time)
    hard = params.get("DeletionMode") == "HardDelete"
    with store.lock:
        if to_online:
            delete = online.hard_delete if hard else online.soft_delete
            deleted = delete(group.key, identifier, at, time.time())
            if hard and not deleted:
                raise ValidationException(
                    f"Validation Error: EventTime {event_time} must be later than that of the existing record."
                )
        if to_offline:
            marker = {group.identifier: identifier, group.event_time: event_time}
            offline.append(group.key, identifier, at, marker, deleted=True)
    return {}


def _put(group: Group, record: list[Row], targets: list[str] | None, ttl: Row | None) -> None:
    to_online, to_offline = _targets(group, targets)
    texts = _texts(group, record)
    identifier, at = texts[group.identifier], _moment(group, texts[group.event_time])
    lifetime = definitions.seconds(ttl) if ttl else group.ttl
    with store.lock:
        if to_online:
            expires = None if lifetime is None else at + lifetime
            online.put(group.key, identifier, at, texts, expires, time.time())
        if to_offline:
            offline.append(group.key, identifier, at, texts, deleted=False)


def _texts(group: Group, record: list[Row]) -> dict[str, str]:
    """The values of a record as given, checked; features without a value are left out."""
    texts: dict[str, str] = {}
    named: set[str] = set()
    for feature in record:
        name = feature["FeatureName"]
        if name not in group.types:
            raise _invalid(f"Feature '{name}' is not defined in FeatureGroup {group.name}.")
        if name in named:
            raise _invalid(f"Feature '{name}' occurs more than once in the record.")
        named.add(name)
        if feature.get("ValueAsStringList") is not None:
            raise _invalid(f"Feature '{name}' is no collection; give ValueAsString.")
        if (text := feature.get("ValueAsString")) is not None:
            _typed(group, name, text)
            texts[name] = text
    for name, what in ((group.identifier, "record identifier"), (group.event_time, "event time")):
        if not texts.get(name):
            raise _invalid(f"The record has no value of its {what} feature '{name}'.")
    if sum(map(len, texts.values())) > _MOST_CHARACTERS:
        raise _invalid("The record is larger than 350 KB.")
    return texts


def _typed(group: Group, name: str, text: str) -> None:
    try:
        values.typed(group.types[name], text)
    except ValueError as error:
        raise _invalid(f"Feature '{name}': {error}.") from error


def _moment(group: Group, text: str) -> float:
    try:
        return values.moment(group.types[group.event_time], text)
    except ValueError as error:
        raise _invalid(f"EventTime feature '{group.event_time}': {error}.") from error


def _group(ctx: Context, name: str) -> Group:
    """The group, in operations that answer ValidationError where there is none."""
    try:
        return for_records(ctx, name)
    except ResourceNotFound as error:
        raise ValidationException(error.message) from error


def _targets(group: Group, asked: list[str] | None) -> tuple[bool, bool]:
    """Whether the online and the offline store are meant: those asked for, else those that the group has."""
    has = dict(zip(_STORES, (group.online, group.offline), strict=True))
    if lacking := [name for name in asked or () if not has[name]]:
        raise _invalid(f"{lacking[0]} is not enabled for FeatureGroup {group.name}.")
    wanted = asked or [name for name in _STORES if has[name]]
    return "OnlineStore" in wanted, "OfflineStore" in wanted


def _need_online(group: Group) -> None:
    if not group.online:
        raise _invalid(f"OnlineStore is not enabled for FeatureGroup {group.name}.")


def _names(group: Group, asked: list[str] | None) -> list[str]:
    """The features to tell, in the order of the group's definitions or as asked for."""
    if unknown := [name for name in asked or () if name not in group.types]:
        raise _invalid(f"Feature '{unknown[0]}' is not defined in FeatureGroup {group.name}.")
    return list(dict.fromkeys(asked)) if asked else list(group.types)


def _told(record: online.Record, names: list[str]) -> list[Row]:
    found = record["Values"]
    return [{"FeatureName": name, "ValueAsString": found[name]} for name in names if name in found]


def _expiry(record: online.Record, params: Row) -> str | None:
    wanted = params.get("ExpirationTimeResponse") == "Enabled" and record["ExpiresAt"] is not None
    return values.iso(record["ExpiresAt"]) if wanted else None


def _invalid(text: str) -> ValidationException:
    return ValidationException(f"Validation Error: {text}")
