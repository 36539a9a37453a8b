"""Which versions used some data: by the manifests, and by SageMaker's own lineage beside them."""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops import evidence
from mlops.errors import UsageError
from mlops.target import Target

_DIGEST = re.compile(r"[0-9a-f]{12,64}")
_DEPTH = 10  # API reference: QueryLineage, the most levels
_PAGE = 50


@dataclass(frozen=True)
class Use:
    """A version that used the data. places: what of it; artifact: the version's in SageMaker's lineage."""

    model: str
    version: int
    places: tuple[str, ...]
    artifact: str = ""


@dataclass(frozen=True)
class Found:
    """The answer. versions: how many manifests were read; known: whether SageMaker's lineage has the data at all.

    disagreements: what the two say differently, in words.
    """

    uses: tuple[Use, ...]
    versions: int
    known: bool
    disagreements: tuple[str, ...]


def find(targets: Sequence[Target], wanted: str) -> Found:
    """Read every manifest of these models. wanted: an address in S3 (a prefix ends in a slash), or a SHA-256.

    Raises UsageError for what is neither.
    """
    if not wanted.startswith("s3://") and not _DIGEST.fullmatch(wanted):
        raise UsageError(f"--data {wanted!r}: neither s3://<bucket>/<key or prefix/> nor a SHA-256 (12 digits or more)")
    uses, artifacts, count, asked = [], {}, 0, {wanted}
    for target in targets:
        s3, bucket = target.clients("s3"), evidence.bucket(target)
        for version in evidence.versions(s3, bucket, target.names):
            manifest, count = evidence.newest(s3, bucket, target.names, version), count + 1
            artifact = str((manifest.get("lineage") or {}).get("package_artifact") or "")
            if artifact:
                artifacts[artifact] = (target.names.public, version)
            if places := matching(manifest, wanted):
                uses.append(Use(target.names.public, version, tuple(places), artifact))
                asked.update(sources(manifest, wanted))
    reached = _descendants(targets[0].clients("sagemaker"), sorted(each for each in asked if each.startswith("s3://")))
    told = tuple(disagreements(uses, artifacts, reached)) if reached is not None else ()
    return Found(tuple(uses), count, reached is not None, told)


def matching(manifest: Mapping[str, Any], wanted: str) -> list[str]:
    """Addresses of the inputs and objects of a manifest that are meant; all inputs, where its digest is meant. Pure."""
    if not wanted.startswith("s3://"):
        return list(dict.fromkeys(str(each["uri"]) for each in _meant(manifest, wanted)))
    return list(dict.fromkeys(place for each in _inputs(manifest) for place in _places(each) if _is(place, wanted)))


def sources(manifest: Mapping[str, Any], wanted: str) -> Iterator[str]:
    """Under which sources SageMaker's lineage may have the inputs that are meant. Pure.

    Its own artifacts have the address. Those of the record keeper have its state too, since the same address holds
    other data later (lambdas/record_keeper/lineage.py).
    """
    for each in _meant(manifest, wanted):
        uri, objects = str(each["uri"]), each.get("objects") or ()
        yield uri
        if objects:
            state = json.dumps([(item["key"], item["version_id"]) for item in objects])
            yield f"{uri}?state={hashlib.sha256(state.encode()).hexdigest()[:16]}"


def disagreements(
    uses: Iterable[Use], artifacts: Mapping[str, tuple[str, int]], reached: Collection[str]
) -> Iterator[str]:
    """Where manifests and SageMaker's lineage differ. artifacts: model and version of each known package's. Pure."""
    used = {(use.model, use.version) for use in uses}
    for use in uses:
        if not use.artifact:
            yield f"{use.model} version {use.version}: its manifest names no artifact, so SageMaker could not be asked"
        elif use.artifact not in reached:
            yield f"{use.model} version {use.version}: used it by its manifest, but not by SageMaker's lineage"
    for artifact, (model, version) in artifacts.items():
        if artifact in reached and (model, version) not in used:
            yield f"{model} version {version}: used it by SageMaker's lineage, but not by its manifest"


def _inputs(manifest: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return (manifest.get("data") or {}).get("inputs") or ()


def _meant(manifest: Mapping[str, Any], wanted: str) -> list[Mapping[str, Any]]:
    """Inputs of which some place is meant; all of them, where the digest of the data is."""
    if not wanted.startswith("s3://"):
        same = str((manifest.get("data") or {}).get("sha256") or "").startswith(wanted)
        return list(_inputs(manifest)) if same else []
    return [each for each in _inputs(manifest) if any(_is(place, wanted) for place in _places(each))]


def _places(each: Mapping[str, Any]) -> Iterator[str]:
    uri = str(each["uri"])
    bucket = uri.removeprefix("s3://").partition("/")[0]
    yield uri
    for thing in each.get("objects") or ():
        yield f"s3://{bucket}/{thing['key']}"


def _is(place: str, wanted: str) -> bool:
    """The same place, or one below a prefix that is meant."""
    prefix = wanted if wanted.endswith("/") else f"{wanted}/"
    return place == wanted or place.startswith(prefix)


def _descendants(sagemaker: Any, uris: Sequence[str]) -> set[str] | None:
    """ARNs of what came of these addresses by SageMaker's lineage; None if it does not know any of them."""
    starts: list[str] = []
    for uri in uris:
        for page in sagemaker.get_paginator("list_artifacts").paginate(SourceUri=uri):
            starts += [each["ArtifactArn"] for each in page["ArtifactSummaries"]]
    if not starts:
        return None
    return {arn for start in starts for arn in _below(sagemaker, start)}


def _below(sagemaker: Any, start: str) -> Iterator[str]:
    """One start a call is what the API takes (API reference: QueryLineage)."""
    request: dict[str, Any] = {
        "StartArns": [start],
        "Direction": "Descendants",
        "IncludeEdges": False,
        "MaxDepth": _DEPTH,
        "MaxResults": _PAGE,
    }
    while True:
        answer = sagemaker.query_lineage(**request)
        yield from (each["Arn"] for each in answer.get("Vertices", []))
        if not answer.get("NextToken"):
            return
        request["NextToken"] = answer["NextToken"]
