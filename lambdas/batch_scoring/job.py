"""A transform job as CreateTransformJob takes it: which files it may read, how they are cut, where answers go. Pure.

Lines are the unit. A line of CSV is an application, many go into a request, and its answer is a line of CSV; a
line of JSON is a request by itself, {"instances": [...]}, and its answer a line of JSON. Where a request's answer
ends in a newline already, "Line" may leave an empty line behind it: who reads the output skips those.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

GZIP = ".gz"


class RefusedError(Exception):
    """No job can be started for what was asked; one line for whoever asked."""


@dataclass(frozen=True)
class Format:
    """What the suffix of a file's name says about it."""

    content_type: str
    batch: Literal["MultiRecord", "SingleRecord"]


FORMATS = {".csv": Format("text/csv", "MultiRecord"), ".jsonl": Format("application/json", "SingleRecord")}


@dataclass(frozen=True)
class Place:
    """An object, or what is below a prefix, in S3."""

    bucket: str
    key: str

    @classmethod
    def read(cls, uri: str) -> Place:
        """Raises RefusedError for anything but an S3 URI."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if not uri.startswith("s3://") or not bucket:
            raise RefusedError(f"{uri!r} is no S3 URI: use s3://<bucket>/<key>")
        return cls(bucket, key)

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class Resources:
    """Settings of config/, [model_defaults.batch]. volume_key: "" where the hardware encrypts the volume."""

    instance_type: str
    instance_count: int
    max_concurrent: int
    max_payload_mb: int
    output_key: str
    volume_key: str


@dataclass(frozen=True)
class Job:
    """One run: name, the model that serves, where it reads and writes."""

    name: str
    model: str
    input: Place
    suffix: str
    output: Place
    tags: tuple[tuple[str, str], ...] = ()


def below(what: str, uri: str, allowed: str) -> Place:
    """The place of `uri`; raises RefusedError if it is not below `allowed`, a URI that ends in a slash."""
    if not uri.startswith(allowed) or "//" in uri.removeprefix("s3://") or "/../" in uri:
        raise RefusedError(
            f"{what}: {uri!r} is not below {allowed}: put it there, or change [batch] in the configuration"
        )
    return Place.read(uri)


def suffix_of(place: Place, keys: Iterable[str]) -> str:
    """The one suffix of the files there, for example ".csv.gz".

    keys: of all objects whose keys start with the place's, in S3's order. Raises RefusedError if there is none, if
    one has no known suffix, or if they differ: a job has one content type.
    """
    files = [key for key in keys if not key.endswith("/")]
    if not files:
        raise RefusedError(f"input: there is no file at {place.uri}")
    if place.key in files and len(files) > 1:
        # SageMaker takes a key as a prefix, and so would score the others too.
        raise RefusedError(f"input: {place.uri} is also how {files[1]!r} begins: move one of the two elsewhere")
    first = _suffix(files[0])
    for key in files[1:]:
        if (suffix := _suffix(key)) != first:
            raise RefusedError(f"input: {files[0]!r} is {first} and {key!r} is {suffix}: keep them under two prefixes")
    return first


def arguments(job: Job, resources: Resources) -> dict[str, Any]:
    """What CreateTransformJob is called with."""
    form = FORMATS[job.suffix.removesuffix(GZIP)]
    volume = {"VolumeKmsKeyId": resources.volume_key} if resources.volume_key else {}
    return {
        "TransformJobName": job.name,
        "ModelName": job.model,
        "MaxConcurrentTransforms": resources.max_concurrent,
        "MaxPayloadInMB": resources.max_payload_mb,
        "BatchStrategy": form.batch,
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": job.input.uri}},
            "ContentType": form.content_type,
            "CompressionType": "Gzip" if job.suffix.endswith(GZIP) else "None",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": job.output.uri,
            "Accept": form.content_type,
            "AssembleWith": "Line",
            "KmsKeyId": resources.output_key,
        },
        "TransformResources": {
            "InstanceType": resources.instance_type,
            "InstanceCount": resources.instance_count,
            **volume,
        },
        "Tags": [{"Key": key, "Value": value} for key, value in job.tags],
    }


def _suffix(key: str) -> str:
    for suffix in FORMATS:
        for whole in (suffix, suffix + GZIP):
            if key.endswith(whole):
                return whole
    raise RefusedError(f"input: {key!r} is no {', '.join(FORMATS)} file, nor one of those compressed ({GZIP})")
