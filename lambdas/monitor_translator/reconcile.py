"""From what is observed to what is missing: baselines of the champion, its job definitions, and what executions said.

Nothing is taken from the event that woke the function: lost, late and duplicated events change nothing in the end. One
run at a time; each execution is told once, and a second time only if a run ended between telling and noting it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import baselines
import judging
import telling
from baselines import BIAS, EXPLAINABILITY, FILES, NoBaseline, Published
from executions import Execution, folder_of, window_of
from gateway import NONE, Gateway
from judging import EMPTY, FAILED, JUDGED, TOO_FEW, VIOLATIONS, Documents
from shared.logs import say
from shared.turns import Busy, in_turn
from shared.versions import version_of

STEP = "model-monitor.json"
RETRY_AFTER = timedelta(hours=6)
"""After an update of the stack that was rolled back: what made it fail is rarely over at once."""

MOST = 24
"""Executions told in one run, so that it ends before the function's timeout; the next look goes on."""


class MonitorsNotDeployed(Exception):
    """CloudFormation could not make the champion's job definitions: a person must look at the stack's events."""


def reconcile(gateway: Gateway) -> dict[str, str]:
    """Do what is to be done, and say it; raises what a retry may mend, and MonitorsNotDeployed."""
    done = in_turn(gateway.lock, lambda _hold: _look(gateway))
    return {"action": "Busy", "reason": "another run looks once more"} if isinstance(done, Busy) else done


def _look(gateway: Gateway) -> dict[str, str]:
    champion = gateway.champion()
    if champion == NONE:
        return {"action": "Nothing", "reason": "no version is released"}
    published = _publish(gateway, champion)
    told = _tell(gateway, champion, published)
    deployed = _deploy(gateway, champion)
    reason = f"version {version_of(champion)}: {told} executions told, definitions {deployed}"
    say("looked", reason=reason)
    return {"action": "Looked", "reason": reason}


def _publish(gateway: Gateway, champion: str) -> Published:
    """The champion's folder, made once, and anew if what it is made of has changed."""
    settings, folder = gateway.settings, _folder(champion)
    model, text = gateway.model(), gateway.script()
    payload = json.dumps(asdict(settings.payload), sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    found = Published.read(_json(gateway.finding(f"{folder}/{baselines.PUBLISHED}")))
    if found and found.is_made_of(champion, model, digest, payload):
        return found
    package, missing = gateway.package(champion), {}
    for kind in FILES:
        try:
            for place, document in _documents(gateway, package, kind, model).items():
                gateway.write(f"{folder}/{place}", document)
        except NoBaseline as error:
            missing[kind] = str(error)
    script = baselines.script(text, settings.payload, str(version_of(champion)))
    gateway.write_text(f"{folder}/{baselines.SCRIPT}", script, "text/x-python")
    threshold = package.get("CustomerMetadataProperties", {}).get("decision_threshold")
    if threshold is not None and not _same(threshold, settings.payload.threshold):
        say("Clarify decides otherwise", threshold=threshold, configured=settings.payload.threshold)
    made = Published(champion, model, digest, payload, missing)
    gateway.write(f"{folder}/{baselines.PUBLISHED}", made.document())
    say("published", version=version_of(champion), missing=missing)
    return made


def _documents(gateway: Gateway, package: Any, kind: str, model: str) -> dict[str, Any]:
    """The monitor's documents by place; raises NoBaseline."""
    documents = {}
    for place, uri in baselines.sources(package, kind):
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        document = _json(gateway.read(bucket, key))
        if not isinstance(document, dict):
            raise NoBaseline(f"{uri} holds no JSON object")
        documents[place] = document
    settings = gateway.settings
    try:
        if kind == BIAS:
            [constraints] = documents.values()
            documents[baselines.BIAS_CONFIG] = baselines.bias_config(settings.payload, constraints)
        if kind == EXPLAINABILITY:
            [(place, constraints)] = documents.items()
            documents[place] = baselines.comparable(constraints, settings.payload.features)
            documents[baselines.EXPLAINABILITY_CONFIG] = baselines.explainability_config(
                settings.payload, model, settings.instance_type, settings.endpoint_prefix
            )
    except (KeyError, TypeError, AttributeError) as error:
        raise NoBaseline(f"{kind}: not of the form that is expected here ({error!r})") from error
    return documents


def _deploy(gateway: Gateway, champion: str) -> str:
    """Have CloudFormation make the job definitions of the champion, whose baselines are there by now."""
    stack = gateway.stack()
    if stack.deployed == champion or stack.status.endswith("_IN_PROGRESS"):
        return "are the champion's" if stack.deployed == champion else "wait for the stack"
    if "ROLLBACK" in stack.status and gateway.clock() - stack.updated < RETRY_AFTER:
        raise MonitorsNotDeployed(
            f"stack {gateway.settings.stack} is {stack.status}: the monitors are not those of {champion}; its events "
            f"say why, and the next attempt is {RETRY_AFTER} after the last"
        )
    return gateway.update_stack(stack.parameters)


def _tell(gateway: Gateway, champion: str, published: Published) -> int:
    """Tell the executions of the champion that are not told, oldest first; returns how many."""
    version = str(version_of(champion))
    known: list[dict[str, Any]] = []
    new: list[Execution] = []
    for kind in gateway.settings.schedules:
        told, untold = _sorted_out(gateway, version, kind)
        known += told
        new += untold
    now = sorted(new)[:MOST]
    for execution in now:
        known += _tell_one(gateway, version, execution, known, published)
    return len(now)


def _sorted_out(gateway: Gateway, version: str, kind: str) -> tuple[list[dict[str, Any]], list[Execution]]:
    """Judgements of what is told, as far back as they matter, and what is not told yet."""
    judgements: list[dict[str, Any]] = []
    new: list[Execution] = []
    windows: set[str] = set()
    of = gateway.settings.policy.of
    for execution in gateway.executions(kind):
        if not execution.has_ended or execution.version != version:
            continue  # the version before has no alarm any more
        part = _json(gateway.finding(_marker(version, execution)))
        if not isinstance(part, dict):
            new.append(execution)
            continue
        judgements += part["judgements"]
        windows |= {each["window"] for each in part["judgements"] if each["status"] == JUDGED}
        if len(telling.apart(windows, of)) == of:
            break
    return judgements, new


def _tell_one(
    gateway: Gateway, version: str, execution: Execution, known: list[dict[str, Any]], published: Published
) -> list[dict[str, Any]]:
    """Judge, write, tell, and last note that it is told; returns the judgements."""
    settings, counts = gateway.settings, Counter[str]()
    job = gateway.job(execution.job_arn) if execution.job_arn else None
    window = window_of(execution, job, settings.schedules[execution.kind])
    place = folder_of(job)
    documents = Documents(*(gateway.read(place[0], f"{place[1]}/{name}") for name in _NAMES)) if place else Documents()
    judged = judging.judge(execution, window, documents, settings.policy.min_rows, counts)
    skipped = {}
    if execution.kind in published.missing and all(each.status == FAILED for each in judged):
        skipped, judged = {each.monitor: published.missing[execution.kind] for each in judged}, []
    for each in judged:
        if each.status in (JUDGED, TOO_FEW, EMPTY):
            gateway.write(f"version-{version}/{window.key}/{each.monitor}/judgement.json", each.document())
    made = [each.document() for each in judged]
    part = telling.part_of(version, str(window), made, skipped, counts)
    said = telling.confirmations([*known, *made], settings.policy.breaches, settings.policy.of)
    report = f"version-{version}/reports/{execution.run}/report.html"
    title = f"{settings.model} version {version} in {settings.environment}: {execution.kind}, {window}"
    shown = f"s3://{'/'.join(place)}" if place else execution.reason
    gateway.write_text(report, telling.page(title, part, said, shown), "text/html; charset=utf-8")
    at = f"{gateway.clock():%Y-%m-%dT%H:%M:%SZ}"
    confirmed = [each.monitor for each in said if each.confirmed]
    latest = {"version": version, "report": gateway.uri(report), "confirmed": confirmed, "at": at, "run": execution.run}
    gateway.write("latest.json", latest)
    gateway.put_metrics(telling.figures(part, said))
    about = {
        "environment": settings.environment,
        "model": settings.model,
        "endpoint": settings.endpoint,
        "version": version,
    }
    gateway.announce(telling.detail(about, execution.run, gateway.uri(report), part, said))
    gateway.write(_marker(version, execution), part)
    say("told", run=execution.run, status=execution.status, reason=execution.reason, counts=dict(counts))
    return made


_NAMES = (VIOLATIONS, judging.STATISTICS)


def _folder(champion: str) -> str:
    return f"baselines/version-{version_of(champion)}"


def _marker(version: str, execution: Execution) -> str:
    return f"version-{version}/runs/{execution.run}/{STEP}"


def _json(text: bytes | None) -> Any:
    """None where there is nothing, or no JSON."""
    try:
        return None if text is None else json.loads(text.decode("utf-8-sig"))
    except ValueError:
        return None


def _same(text: str, number: float) -> bool:
    try:
        return float(text) == number
    except ValueError:
        return False
