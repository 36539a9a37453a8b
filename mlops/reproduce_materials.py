"""What a version was made of, as it lies in S3 and elsewhere: whether it is still there, and copies of just that."""

import gzip
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from mlops.aws import Clients, is_missing
from mlops.reproduce_definition import Needs, name_of, outputs_read

_GONE = ("404", "405", "NoSuchKey", "NoSuchVersion", "NoSuchBucket", "MethodNotAllowed")
_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<repository>[^:@]+)([:@].+)?"
)
_BATCH = 1000  # API reference: DeleteObjects


@dataclass(frozen=True)
class Place:
    """A bucket and a key or prefix."""

    bucket: str
    key: str

    @classmethod
    def of(cls, uri: str) -> "Place":
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return cls(bucket, key)


@dataclass(frozen=True)
class Input:
    """Objects that steps read, by their exact versions."""

    uri: str
    objects: tuple[tuple[str, str | None], ...]  # keys and version ids

    def copied_to(self, prefix: str) -> tuple[str, list[tuple[str, str | None, str]]]:
        """Where the copy's URI leads, and of each object: key, version, and the key of its copy."""
        source, target = Place.of(self.uri), Place.of(prefix)
        if self.objects and all(key == source.key for key, _ in self.objects):
            name = source.key.rsplit("/", 1)[-1]
            return f"{prefix}/{name}", [(key, version, f"{target.key}/{name}") for key, version in self.objects]
        # A prefix need not end at a slash: what comes after it belongs to the names of the copies.
        end = "/" if source.key.endswith("/") else ""
        moved = [(key, version, f"{target.key}{end}{key[len(source.key) :]}") for key, version in self.objects]
        return f"{prefix}{end}", moved


def inputs(manifest: Mapping[str, Any], wanted: Needs) -> list[Input]:
    """What came from outside into the steps that are run again; each address once."""
    names = {step.name for step in wanted.steps}
    found: dict[str, Input] = {}
    for each in (manifest.get("data") or {}).get("inputs", []):
        if each.get("step") in names:
            objects = tuple((item["key"], item.get("version_id")) for item in each["objects"])
            found[each["uri"]] = Input(each["uri"], objects)
    return list(found.values())


def missing(clients: Clients, manifest: Mapping[str, Any], wanted: Needs, *, images: bool) -> Iterator[str]:
    """What is gone, or was never recorded, of all that the model takes; nothing if it can be made again.

    images: whether containers come from a registry.
    """
    s3 = clients("s3")
    read = inputs(manifest, wanted)
    if not read:
        yield "data: which objects the version learned from was not recorded"
    for each in read:
        yield from _missing_objects(s3, each)
    yield from _missing_code(s3, (manifest.get("code") or {}).get("bundle") or {})
    yield from _missing_features(clients("sagemaker"), (manifest.get("data") or {}).get("features", []))
    if images:
        names = {step.name for step in wanted.steps}
        yield from _missing_images(clients("ecr"), manifest.get("images", []), names)
    artifact = manifest.get("artifact") or {}
    if not artifact.get("uri"):
        yield "artifact: the version has no model archive to compare with"
    elif not _exists(s3, Place.of(artifact["uri"]), artifact.get("version_id")):
        yield f"artifact: {artifact['uri']}, version {artifact.get('version_id')}, is gone"


def taken_from(
    clients: Clients, manifest: Mapping[str, Any], wanted: Needs
) -> tuple[dict[tuple[str, str], Input], list[str]]:
    """By step and output: what those steps wrote that are not run again; and what of it is gone."""
    jobs = {each["name"]: each.get("job") for each in (manifest.get("pipeline") or {}).get("steps", [])}
    found: dict[tuple[str, str], Input] = {}
    gone = []
    for step, output in outputs_read(wanted):
        try:
            job = clients("sagemaker").describe_processing_job(ProcessingJobName=name_of(jobs.get(step)))
        except ClientError as error:
            if not is_missing(error, "ResourceNotFound"):
                raise
            gone.append(f"pipeline: step {step}: its job {jobs.get(step)} is not known any more")
            continue
        uri = _output_uri(job, output)
        objects = tuple(_listed(clients("s3"), uri)) if uri else ()
        if not objects:
            gone.append(f"pipeline: what step {step} wrote as {output} is gone: {uri}")
        found[step, output] = Input(uri, objects)
    return found, gone


def copy(s3: Any, one: Input, prefix: str) -> str:
    """Copy those versions below `prefix`; returns the copy's URI."""
    uri, moved = one.copied_to(prefix)
    source, target = Place.of(one.uri), Place.of(prefix)
    for key, version, new in moved:
        exact = {"VersionId": version} if version else {}
        s3.copy({"Bucket": source.bucket, "Key": key, **exact}, target.bucket, new)
    return uri


def remove(s3: Any, prefix: str) -> int:
    """Remove every version of every object below `prefix`, a URI with a slash at its end; returns how many."""
    place, removed = Place.of(prefix), 0
    assert place.key.endswith("/")
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=place.bucket, Prefix=place.key)
    found = [
        {"Key": item["Key"], "VersionId": item["VersionId"]}
        for page in pages
        for kind in ("Versions", "DeleteMarkers")
        for item in page.get(kind, [])
    ]
    for start in range(0, len(found), _BATCH):
        some = found[start : start + _BATCH]
        s3.delete_objects(Bucket=place.bucket, Delete={"Objects": some, "Quiet": True})
        removed += len(some)
    return removed


def _missing_objects(s3: Any, one: Input) -> Iterator[str]:
    if not one.objects:
        yield f"data: which objects lay at {one.uri} was not recorded"
    bucket = Place.of(one.uri).bucket
    for key, version in one.objects:
        if version in (None, "", "null"):
            yield f"data: s3://{bucket}/{key}: its version was not recorded, since the bucket keeps none"
        elif not _exists(s3, Place(bucket, key), version):
            yield f"data: s3://{bucket}/{key}, version {version}, is gone"


def _missing_code(s3: Any, bundle: Mapping[str, Any]) -> Iterator[str]:
    uri, expected = bundle.get("uri"), bundle.get("sha256")
    if not uri:
        yield "code: which bundle the version was trained with was not recorded"
        return
    place, version = Place.of(uri), bundle.get("version_id")
    try:
        exact = {"VersionId": version} if version else {}
        body = s3.get_object(Bucket=place.bucket, Key=place.key, **exact)["Body"].read()
    except ClientError as error:
        if not _is_gone(error):
            raise
        yield f"code: {uri}{f', version {version},' if version else ''} is gone"
        return
    # Of the archive before compression (code_bundle): compressed bytes differ between versions of zlib.
    if expected and _sha256_unpacked(body) != expected:
        yield f"code: {uri} is not what the version was trained with: its SHA-256 is not {expected}"


def _sha256_unpacked(body: bytes) -> str:
    try:
        return hashlib.sha256(gzip.decompress(body)).hexdigest()
    except (OSError, EOFError):  # no archive any more
        return ""


def _missing_features(sagemaker: Any, features: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for each in features:
        group = each.get("feature_group") or each.get("group")
        if not each.get("as_of"):
            yield f"features: as of which moment {group} was joined was not recorded"
        try:
            sagemaker.describe_feature_group(FeatureGroupName=group)
        except ClientError as error:
            if not is_missing(error, "ResourceNotFound"):
                raise
            yield f"features: feature group {group} does not exist any more"


def _missing_images(ecr: Any, images: Sequence[Mapping[str, Any]], names: set[str]) -> Iterator[str]:
    """An image whose digest nobody recorded is taken as its tag names it now, which the comparison would show."""
    for each in images:
        found = _ECR.fullmatch(each["uri"])
        if not (found and each.get("digest") and names & set(each.get("used_by", []))):
            continue
        try:
            answer = ecr.batch_get_image(
                registryId=found["account"],
                repositoryName=found["repository"],
                imageIds=[{"imageDigest": each["digest"]}],
            )
        except ClientError as error:
            if not is_missing(error, "RepositoryNotFoundException"):
                raise
            answer = {}
        if not answer.get("images"):
            yield f"images: {each['uri']} with digest {each['digest']} is gone from its registry"


def _output_uri(job: Mapping[str, Any], output: str) -> str:
    outputs = job.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return next((str(each["S3Output"]["S3Uri"]) for each in outputs if each["OutputName"] == output), "")


def _listed(s3: Any, uri: str) -> Iterator[tuple[str, str | None]]:
    place = Place.of(uri)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.key):
        yield from ((item["Key"], None) for item in page.get("Contents", []))


def _exists(s3: Any, place: Place, version: str | None) -> bool:
    try:
        s3.head_object(Bucket=place.bucket, Key=place.key, **({"VersionId": version} if version else {}))
    except ClientError as error:
        if _is_gone(error):
            return False
        raise
    return True


def _is_gone(error: ClientError) -> bool:
    """By a version that is no version's form S3 answers 400, as for one that it never gave."""
    answer = error.response["Error"]
    return str(answer.get("Code")) in (*_GONE, "400", "InvalidArgument") or is_missing(error)
