"""The manifest of a version: everything that explains it, in one document. Pure: no AWS, no clock.

`build` gives what the version is, without card, lineage and the revision's own members, which come after it. What
cannot be established is left empty and said in `missing`, each text beginning with the section that it is about.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import approvals
import figures
from answers import Unknown, place
from making import baselines, containers, documents, ended, execution_of, model_data, sources
from registry import is_of_making
from settings import Settings
from state import Document, Json, Making, Objects, Seen, Step, Stored

SCHEMA = 1
PERIODS = ("train_from", "train_to", "test_from", "test_to")
MADE = (
    "data", "code", "images", "pipeline", "training", "artifact", "metrics", "baselines", "bias", "explanations",
)  # fmt: skip
"""Sections about how the version came to be: established once, and kept."""

NO_COMMIT = ("", "none")
INGEST = "Ingest"
"""How the names of steps begin that write into the feature store."""
DIGEST = "@sha256:"


def build(seen: Seen, before: Mapping[str, Any], settings: Settings) -> Json:
    """before: the newest revision, empty if there is none."""
    subject, package = seen.subject, seen.package
    metadata = _metadata(package)
    made, missing = _made(seen, before, settings)
    said, doubts = approvals.history(before.get("approvals", []), package, settings.function_name)
    retired, gone = _retired(seen, before)
    document: Json = {
        "schema": SCHEMA,
        "model": settings.model,
        "environment": settings.environment,
        "version": subject.version,
        "package": subject.arn or package.get("ModelPackageArn") or before.get("package", ""),
        "registered_at": package.get("CreationTime") or before.get("registered_at"),
        "origin": _origin(metadata, before, settings),
        **made,
        "card": before.get("card"),
        "experiment": subject.tracked.document if subject.tracked else before.get("experiment"),
        "lineage": before.get("lineage"),
        "governance": {
            "owner": settings.governance.owner,
            "risk_rating": settings.governance.risk_rating,
            "review_days": settings.governance.review_days,
        },
        "approvals": said,
        "releases": _releases(seen, before),
        "reviews": [{"by": each.by, "at": each.at, "note": each.note} for each in subject.reviews],
        "retired": retired,
        "missing": [*missing, *doubts, *gone],
    }
    return document


def _made(seen: Seen, before: Mapping[str, Any], settings: Settings) -> tuple[Json, list[str]]:
    """The sections about the making, and what is missing of them: as found now, or as found before."""
    kept = {name: before.get(name) for name in MADE}
    if seen.making is None:
        if before:
            return kept, [each for each in before["missing"] if is_of_making(each)]
        nothing: Json = {"data": _empty_data(), "images": [], "metrics": {}, "baselines": {}}
        return {**kept, **nothing}, ["package: the registry has no such version any more, nor has the archive"]
    sections, missing = _sections(seen, seen.making, settings)
    # What was found once may be gone by now: it stays, with what was missing of it then.
    stays = {name for name, value in sections.items() if _is_less(value, kept[name])}
    missing = [each for each in missing if section(each) not in stays]
    missing += [each for each in before.get("missing", []) if section(each) in stays]
    return {name: kept[name] if name in stays else value for name, value in sections.items()}, missing


def section(trouble: str) -> str:
    """Which section of the manifest a text of `missing` is about."""
    return trouble.partition(":")[0]


def _is_less(value: Any, before: Any) -> bool:
    if before is None:
        return False
    return not value or (isinstance(value, Mapping) and any(before.get(name) and not value[name] for name in value))


def _sections(seen: Seen, making: Making, settings: Settings) -> tuple[Json, list[str]]:
    missing = list(making.troubles)
    package, metadata = seen.package, _metadata(seen.package)
    code = metadata.get("code_uri", "")
    sections = {
        "data": _data(making, metadata, package, code, settings, missing),
        "code": _code(seen, making, metadata, missing),
        "images": _images(making, package, missing),
        "pipeline": _pipeline(making, package, settings),
        "training": _training(making, package, missing),
        "artifact": _artifact(making, package, missing),
        "metrics": _metrics(making, package, missing),
        "baselines": _baselines(making, package, missing),
        "bias": _report(making, package, "Bias", figures.bias, missing),
        "explanations": _report(making, package, "Explainability", figures.shares, missing),
    }
    return sections, missing


def _data(
    making: Making,
    metadata: Mapping[str, str],
    package: Mapping[str, Any],
    code: str,
    settings: Settings,
    missing: list[str],
) -> Json:
    read = []
    for name, uri, step in sources(making.steps, code):
        found = making.inputs.get(uri, Objects(trouble="it was not looked at"))
        if found.trouble:
            missing.append(f"data: {uri}, read by step {step.name}: {found.trouble}")
        objects = [each.document for each in found.objects]
        read.append({"name": name, "uri": uri, "step": step.name, "objects": objects})
    if not read:
        missing.append("data: no job of the pipeline says what it read")
    return {
        "inputs": read,
        "sha256": metadata.get("data_sha256"),
        "periods": {name: metadata[name] for name in PERIODS if name in metadata},
        "features": _features(making, metadata, package, settings),
    }


def _empty_data() -> Json:
    return {"inputs": [], "sha256": None, "periods": {}, "features": []}


def _features(
    making: Making, metadata: Mapping[str, str], package: Mapping[str, Any], settings: Settings
) -> list[Json]:
    """The feature groups that were joined: by the version's metadata, or else by its container's environment."""
    run, as_of = metadata.get("features_run"), metadata.get("features_as_of")
    if not run and not as_of:
        return []
    named = [name for name in metadata.get("feature_groups", "").split(",") if name]
    groups = {name: settings.feature_groups.get(name, "") for name in named} or _served_groups(package)
    return [
        {"group": name, "feature_group": physical, "as_of": as_of, "run": run, **_joining(physical, making.steps)}
        for name, physical in sorted((groups or settings.feature_groups).items())
    ]


def _joining(physical: str, steps: tuple[Step, ...]) -> Json:
    """The step that joined a group: the first whose job's environment names it and that does not fill it; or none."""
    named = (step.name for step in steps if physical and physical in step.described.get("Environment", {}).values())
    joining = next((name for name in named if not name.startswith(INGEST)), None)
    return {"step": joining} if joining else {}


def _served_groups(package: Mapping[str, Any]) -> dict[str, str]:
    for container in containers(package):
        try:
            told = json.loads(container.get("Environment", {}).get("FEATURE_GROUPS", ""))
            return {name: str(group["physical"]) for name, group in told.items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
    return {}


def _code(seen: Seen, making: Making, metadata: Mapping[str, str], missing: list[str]) -> Json:
    uri = metadata.get("code_uri")
    if not uri:
        missing.append("code: the version does not name its code bundle")
    elif seen.bundle.trouble:
        missing.append(f"code: {uri}: {seen.bundle.trouble}")
    told = (metadata.get("commit", ""), making.parameters.get("CodeCommit", ""))
    commit = next((each for each in told if each not in NO_COMMIT), None)
    if commit is None and not (uri and metadata.get("code_sha256")):
        # The bundle is the code itself; where it is kept, a commit only says where it came from.
        missing.append("code: the commit was not told to the pipeline")
    return {
        "bundle": {"uri": uri, "sha256": metadata.get("code_sha256"), "version_id": seen.bundle.version_id or None},
        "commit": commit,
        "definition_sha256": making.definition or None,
    }


def _images(making: Making, package: Mapping[str, Any], missing: list[str]) -> list[Json]:
    used: dict[str, list[str]] = {}
    for step in making.steps:
        for uri in _images_of(step):
            used.setdefault(uri, []).append(step.name)
    digests = {each["Image"]: each.get("ImageDigest") for each in containers(package) if "Image" in each}
    found = []
    for uri in sorted({*used, *digests}):
        digest = digests.get(uri) or (f"sha256:{uri.partition(DIGEST)[2]}" if DIGEST in uri else None)
        if digest is None:
            missing.append(f"images: SageMaker does not tell the digest of {uri}")
        found.append({"uri": uri, "digest": digest, "used_by": used.get(uri, [])})
    return found


def _images_of(step: Step) -> Iterator[str]:
    for uri in (
        step.described.get("AppSpecification", {}).get("ImageUri"),
        step.training.get("AlgorithmSpecification", {}).get("TrainingImage"),
    ):
        if uri:
            yield uri


def _pipeline(making: Making, package: Mapping[str, Any], settings: Settings) -> Json | None:
    execution = making.execution
    if not execution:
        return None
    return {
        "name": settings.pipeline,
        "execution": execution_of(package, settings.pipeline),
        "started_at": execution.get("CreationTime"),
        "ended_at": ended(execution) or None,
        "parameters": dict(making.parameters),
        "steps": [
            {
                "name": each.name,
                "type": each.kind,
                "status": each.status,
                "job": each.job or None,
                "cached": each.cached or None,
            }
            for each in making.steps
        ],
    }


def _training(making: Making, package: Mapping[str, Any], missing: list[str]) -> Json | None:
    """The training job that made the model data; the last one where none says that it did."""
    jobs = [step.training for step in making.steps if step.training]
    data = set(model_data(package))
    mine = [job for job in jobs if job.get("ModelArtifacts", {}).get("S3ModelArtifacts") in data] or jobs
    if not mine:
        missing.append("training: no training job is known")
        return None
    job = mine[-1]
    resources = job.get("ResourceConfig", {})
    return {
        "job": job["TrainingJobArn"],
        "hyperparameters": dict(job.get("HyperParameters", {})),
        "instance_type": resources.get("InstanceType"),
        "instance_count": resources.get("InstanceCount"),
        "seconds": job.get("TrainingTimeInSeconds"),
        "metrics": {each["MetricName"]: each["Value"] for each in job.get("FinalMetricDataList", [])},
    }


def _artifact(making: Making, package: Mapping[str, Any], missing: list[str]) -> Json | None:
    uri = next(iter(model_data(package)), None)
    if uri is None:
        missing.append(f"artifact: {making.artifact.trouble}")
        return None
    stored = _exact(uri, making.artifact)
    if stored is None:
        missing.append(f"artifact: {uri}: {making.artifact.trouble or 'nothing lay there at the time'}")
        return {"uri": uri, "version_id": None, "etag": None, "size": None}
    return {"uri": uri, "version_id": stored.version_id, "etag": stored.etag, "size": stored.size}


def _exact(uri: str, found: Objects) -> Stored | None:
    """The object itself, of those that begin with its address."""
    try:
        _, key = place(uri)
    except Unknown:
        return None
    return next((each for each in found.objects if each.key == key), None)


def _metrics(making: Making, package: Mapping[str, Any], missing: list[str]) -> dict[str, float]:
    uri = documents(package).get("ModelQuality.Statistics")
    if uri is None:
        missing.append("metrics: the version has no figures of its quality")
        return {}
    document = making.documents.get(uri, Document())
    if document.trouble:
        missing.append(f"metrics: {uri}: {document.trouble}")
    return figures.quality(document.body)


def _baselines(making: Making, package: Mapping[str, Any], missing: list[str]) -> dict[str, Json]:
    """What windows of traffic are compared with."""
    found: dict[str, Json] = {}
    for name, uri in baselines(package).items():
        document = making.documents.get(uri, Document())
        if document.trouble:
            missing.append(f"baselines: {uri}: {document.trouble}")
        found[name] = {"uri": uri, "version_id": document.version_id or None}
    return found


def _report(
    making: Making, package: Mapping[str, Any], kind: str, read: Callable[[Any], Json], missing: list[str]
) -> Json | None:
    """The document that the registry has in this section of `ModelMetrics`, and what `read` finds in it."""
    place = figures.PLACES[kind]
    uri = next((uri for name, uri in documents(package).items() if name.startswith(f"{kind}.")), None)
    if uri is None:
        missing.append(f"{place}: the version has no such report")
        return None
    document = making.documents.get(uri, Document())
    if document.trouble:
        missing.append(f"{place}: {uri}: {document.trouble}")
    return {"uri": uri, "version_id": document.version_id or None, **read(document.body)}


def _origin(metadata: Mapping[str, str], before: Mapping[str, Any], settings: Settings) -> Json | None:
    if settings.makes:
        return None
    known = before.get("origin") or {}
    return {"environment": settings.takes_from, "manifest": metadata.get("manifest") or known.get("manifest")}


def _releases(seen: Seen, before: Mapping[str, Any]) -> list[Json]:
    """Those of before and the recent ones, each once, oldest first."""
    recent = [
        {"stage": each.stage, "outcome": each.outcome, "at": each.at, "reason": each.reason}
        for each in seen.subject.releases
    ]
    known = {(each["at"], each["outcome"], each["stage"]): each for each in [*before.get("releases", []), *recent]}
    return [known[key] for key in sorted(known)]


def _retired(seen: Seen, before: Mapping[str, Any]) -> tuple[Json | None, list[str]]:
    """Of a version that left the registry: when it was archived and where, as far as anything was kept."""
    if seen.archived is None:
        return None, []
    known = before.get("retired") or {}
    retired = {"at": seen.archived.at or known.get("at"), "archive": seen.archived.uri or known.get("archive")}
    doubts = [] if retired["archive"] else ["retired: the version was deleted from the registry and is not archived"]
    return retired, doubts


def _metadata(package: Mapping[str, Any]) -> Mapping[str, str]:
    return dict(package.get("CustomerMetadataProperties", {}))
