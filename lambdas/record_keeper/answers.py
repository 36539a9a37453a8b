"""Answers of AWS as plain data, and which refusals are answers too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import NoneType
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

_MISSING = ("404", "NoSuchKey", "NoSuchBucket", "NoSuchVersion", "ResourceNotFound", "ResourceNotFoundException")
_FORBIDDEN = ("403", "AccessDenied", "AccessDeniedException")
_AS_THEY_ARE = {str, int, float, bool, NoneType}
_NOT_THERE = ("does not exist", "Could not find", "not found")


class Unknown(Exception):
    """AWS does not tell, and asking again will not help today. The message says why."""


def ask(call: Callable[..., Mapping[str, Any]], **parameters: Any) -> dict[str, Any]:
    """The answer as plain data. Raises Unknown for what is not there or not allowed; other errors as they are."""
    try:
        answer = call(**parameters)
    except ClientError as error:
        why = refusal(error)
        if why:
            raise Unknown(why) from error
        raise
    return {name: plain(value) for name, value in answer.items() if name != "ResponseMetadata"}


def listed(paginator: Any, member: str, **parameters: Any) -> list[dict[str, Any]]:
    """What all pages have in `member`, as plain data. Raises as `ask` does."""
    try:
        return [plain(each) for page in paginator.paginate(**parameters) for each in page.get(member, [])]
    except ClientError as error:
        if why := refusal(error):
            raise Unknown(why) from error
        raise


def refusal(error: ClientError) -> str:
    """Why the error is an answer; "" for errors that a retry may mend.

    What the keeper may not read is not this model's: a version that was registered by hand may come from anywhere.
    """
    if str(error.response["Error"]["Code"]) in _FORBIDDEN:
        return "the record keeper may not read it, or it is not there"
    return "it is not there any more" if is_missing(error) else ""


def is_missing(error: ClientError) -> bool:
    """Whether AWS says that there is no such thing."""
    code, message = str(error.response["Error"]["Code"]), str(error.response["Error"].get("Message", ""))
    return code in _MISSING or (code == "ValidationException" and any(words in message for words in _NOT_THERE))


def plain(value: Any) -> Any:
    """Times as texts, at any depth."""
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, Mapping):
        return {name: plain(held) for name, held in value.items()}
    return [plain(held) for held in value] if isinstance(value, list | tuple) else value


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC, as every document has it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def place(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI. Raises Unknown for anything else."""
    parts = urlsplit(uri)
    if parts.scheme != "s3" or not parts.netloc:
        raise Unknown(f"{uri or 'an empty text'} is no address in S3")
    return parts.netloc, parts.path.lstrip("/")
