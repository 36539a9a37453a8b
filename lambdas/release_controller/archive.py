"""Retirement of a version: its description and its model data are kept in the archive, then it leaves the registry.

Every call may be repeated, so a run may end after any of them: what is archived is written over with the same,
and the version itself goes last.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError
from settings import Clients, Settings
from shared.entries import text
from shared.versions import version_of

DESCRIPTION = "model-package.json"


def retire(package: str, clients: Clients, settings: Settings) -> None:
    """Copies on the server, so the size of the model does not matter. A version that is gone already is no error."""
    try:
        described = clients.sagemaker.describe_model_package(ModelPackageName=package)
    except ClientError as error:
        if "does not exist" in str(error):
            return
        raise
    described.pop("ResponseMetadata", None)
    folder = f"{settings.archive_prefix}/{version_of(package)}"
    for place in _model_data(described):
        _copy(clients.s3, place, settings.artifacts_bucket, folder)
    clients.s3.put_object(
        Bucket=settings.artifacts_bucket,
        Key=f"{folder}/{DESCRIPTION}",
        Body=text(described).encode(),
        ContentType="application/json",
    )
    clients.sagemaker.delete_model_package(ModelPackageName=package)


def _model_data(described: Mapping[str, Any]) -> list[str]:
    """The S3 addresses of the containers' model data, each once, in their order."""
    containers = described.get("InferenceSpecification", {}).get("Containers", [])
    return list(dict.fromkeys(container["ModelDataUrl"] for container in containers if "ModelDataUrl" in container))


def _copy(s3: Any, place: str, bucket: str, folder: str) -> None:
    """Model data that somebody deleted cannot be kept; the description still says where it was."""
    parts = urlsplit(place)
    source = {"Bucket": parts.netloc, "Key": parts.path.lstrip("/")}
    try:
        # In several parts where it has to be: one CopyObject takes no more than 5 GB.
        s3.copy(source, bucket, f"{folder}/{posixpath.basename(parts.path)}")
    except ClientError as error:
        # Forbidden is also what S3 says of a missing object to a role that may list the bucket below a prefix only.
        if error.response["Error"]["Code"] not in ("403", "404", "NoSuchKey") or _exists(s3, source):
            raise


def _exists(s3: Any, place: Mapping[str, str]) -> bool:
    """By the list, which begins with the key itself if it is there."""
    listed = s3.list_objects_v2(Bucket=place["Bucket"], Prefix=place["Key"], MaxKeys=1)
    return any(entry["Key"] == place["Key"] for entry in listed.get("Contents", []))
