"""Looks at everything that an audit of a version needs to know; the checks themselves are pure (mlops/audit.py)."""

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from mlops import aws, evidence, ledger, release_state
from mlops.audit_observed import Observed, Rules
from mlops.ledger import Entry
from mlops.release_state import version_of
from mlops.reviews import reviews
from mlops.target import Target
from mlops_constructs.naming import ReleaseParameter

ARCHIVED = "model-package.json"
"""The description of a retired version, in its folder of the archive."""
_ALL = 1_000_000  # decisions of a model: more than there will be
_GONE = ("404", "403", "NoSuchKey", "NoSuchVersion", "NoSuchBucket", "AccessDenied")
_INFLATED = zlib.MAX_WBITS | 16  # gzip


class Auditor:
    """Looks at the versions of one model; what they share is asked for once."""

    def __init__(self, target: Target, now: datetime) -> None:
        self._target, self._now = target, now
        self._s3, self._sagemaker = target.clients("s3"), target.clients("sagemaker")
        self._evidence = evidence.bucket(target)
        self._decisions = _decisions(target)
        self._champion = release_state.read(target.clients("ssm"), target.names).version(ReleaseParameter.CHAMPION)
        self._allowed = _allowed(target)
        self._reviews = reviews(target)

    @property
    def released(self) -> list[int]:
        """Versions about which something was decided, newest first."""
        return sorted({entry.version for entry in self._decisions if entry.version}, reverse=True)

    def observe(self, version: int) -> Observed:
        """All about one version."""
        names, dynamodb = self._target.names, self._target.clients("dynamodb")
        noted = evidence.noted(dynamodb, self._target.ledger, names, version)
        chain = evidence.chain(self._s3, self._evidence, names, version, noted)
        manifest = chain.manifest or {}
        package = self._package(version)
        gone = {name: places for name, listed in _places(manifest).items() if (places := list(self._missing(listed)))}
        return Observed(
            version=version,
            now=self._now,
            rules=rules(self._target),
            chain=chain,
            package=package,
            releases=tuple(entry for entry in self._decisions if entry.version == version),
            champion=version == self._champion,
            gone=gone,
            bundle_sha256=self._bundle(manifest),
            card=self._card(manifest, version),
            trainer=self._trainer(manifest),
            allowed_by=self._allowed.get(version, ""),
            reviews=tuple((each.at, each.by) for each in self._reviews if each.version == version),
        )

    def _package(self, version: int) -> Mapping[str, Any] | None:
        """The version in the registry, or as the archive keeps it; None if it is in neither."""
        group = self._target.package_group
        try:
            arn = self._sagemaker.describe_model_package_group(ModelPackageGroupName=group)["ModelPackageGroupArn"]
            name = f"{arn.replace(':model-package-group/', ':model-package/')}/{version}"
            found: Mapping[str, Any] = self._sagemaker.describe_model_package(ModelPackageName=name)
            return found
        except ClientError as error:
            if not aws.is_missing(error):
                raise
        bucket = self._target.output(self._target.foundation_stack, "ArtifactsBucket")
        try:
            answer = self._s3.get_object(Bucket=bucket, Key=f"{self._target.names.archive}/{version}/{ARCHIVED}")
            archived: Mapping[str, Any] = json.loads(answer["Body"].read())
            return archived
        except ClientError as error:
            if _is_gone(error):
                return None
            raise

    def _missing(self, places: Iterable[tuple[str, str]]) -> Iterator[str]:
        """Those of these objects, each an address and an S3 version or "", that cannot be read."""
        for uri, version in places:
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            numbered = {"VersionId": version} if version else {}
            try:
                self._s3.head_object(Bucket=bucket, Key=key, **numbered)
            except ClientError as error:
                # S3 answers a malformed VersionId, as of a bucket that was made anew, by 400.
                if not _is_gone(error) and error.response["Error"]["Code"] not in ("400", "InvalidArgument"):
                    raise
                yield uri

    def _bundle(self, manifest: Mapping[str, Any]) -> frozenset[str]:
        """SHA-256 of the code bundle's bytes and of its contents: the pipeline notes the latter, since zlib differs."""
        bundle = (manifest.get("code") or {}).get("bundle") or {}
        uri, version = str(bundle.get("uri") or ""), str(bundle.get("version_id") or "")
        if not uri.startswith("s3://"):
            return frozenset()
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            numbered = {"VersionId": version} if version else {}
            body: bytes = self._s3.get_object(Bucket=bucket, Key=key, **numbered)["Body"].read()
        except ClientError as error:
            if _is_gone(error):
                return frozenset()
            raise
        return digests(body)

    def _card(self, manifest: Mapping[str, Any], version: int) -> str | None:
        name = (manifest.get("card") or {}).get("name") or self._target.names.card(version)
        try:
            return str(self._sagemaker.describe_model_card(ModelCardName=name)["ModelCardStatus"])
        except ClientError as error:
            if aws.is_missing(error, "ResourceNotFound", "ResourceNotFoundException"):
                return None
            raise

    def _trainer(self, manifest: Mapping[str, Any]) -> str:
        """Who started the pipeline; "" where that is not told, or the execution is gone."""
        execution = (manifest.get("pipeline") or {}).get("execution")
        if not execution:
            return ""
        try:
            found = self._sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution)
        except ClientError as error:
            if aws.is_missing(error, "ResourceNotFound", "ValidationException"):
                return ""
            raise
        by = found.get("CreatedBy") or {}
        return str(by.get("UserProfileName") or (by.get("IamIdentity") or {}).get("Arn") or "")


def rules(target: Target) -> Rules:
    """What the configuration asks of a release of this model. Pure."""
    settings = target.settings
    return Rules(
        requires=settings.release.requires,
        second_person=settings.release.second_person,
        monitored=settings.monitoring.enabled,
        review_days=settings.governance.review_days,
        owner=settings.governance.owner,
        risk_rating=settings.governance.risk_rating.value,
        max_attribution_share=settings.training.limits.max_attribution_share,
    )


def digests(body: bytes) -> frozenset[str]:
    """SHA-256 of these bytes, and of what they are compressed from. Pure."""
    found = {hashlib.sha256(body).hexdigest()}
    with suppress(zlib.error):  # of another form than the one of today, the bytes are all there is
        found.add(hashlib.sha256(zlib.decompress(body, _INFLATED)).hexdigest())
    return frozenset(found)


def _places(manifest: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Addresses and S3 versions of all that a manifest names, by section."""
    found: dict[str, list[tuple[str, str]]] = {}
    for each in (manifest.get("data") or {}).get("inputs") or ():
        bucket = str(each["uri"]).removeprefix("s3://").partition("/")[0]
        for thing in each.get("objects") or ():
            place = f"s3://{bucket}/{thing['key']}", str(thing.get("version_id") or "")
            if place not in found.setdefault("data", []):
                found["data"].append(place)
    for section in ("bias", "explanations", "artifact"):
        found[section] = list(_place(manifest.get(section)))
    found["baselines"] = [place for each in (manifest.get("baselines") or {}).values() for place in _place(each)]
    return found


def _place(of: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    if of and str(of.get("uri") or "").startswith("s3://"):
        yield str(of["uri"]), str(of.get("version_id") or "")


def _decisions(target: Target) -> tuple[Entry, ...]:
    """All decisions about releases, newest first."""
    return tuple(ledger.newest(target.clients("dynamodb"), target.ledger, target.names.public, _ALL, steps=False))


def _allowed(target: Target) -> dict[int, str]:
    """Who released each version as the second person: who wrote the parameter `allowed`, of which SSM keeps 100."""
    name = target.names.release_parameter(ReleaseParameter.ALLOWED)
    found: dict[int, str] = {}
    for page in target.clients("ssm").get_paginator("get_parameter_history").paginate(Name=name):
        for each in page["Parameters"]:
            if number := version_of(each["Value"]):
                found[number] = str(each.get("LastModifiedUser") or "")
    return found


def _is_gone(error: ClientError) -> bool:
    return error.response["Error"]["Code"] in _GONE


def utc_now() -> datetime:
    return datetime.now(UTC)
