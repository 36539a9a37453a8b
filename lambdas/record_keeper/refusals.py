"""Changes that AWS refuses: what is refused becomes a gap of the manifest, and keeps nothing else from being recorded.

A refusal is an answer: the same call gets it again until somebody mends its cause. Throttling and faults are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from botocore.exceptions import ClientError, ParamValidationError
from shared.logs import say

_PASSING = re.compile(
    # As botocore.retries.standard has them, with faults that come without their status, and credentials that end.
    r"\w*Throttl\w*|TooManyRequests\w*|ProvisionedThroughputExceeded\w*|TransactionInProgress\w*|RequestLimitExceeded"
    r"|BandwidthLimitExceeded|LimitExceededException|SlowDown|PriorRequestNotComplete|RequestTimeout\w*"
    r"|Internal\w*|ServiceUnavailable\w*|ServiceFault\w*|ExpiredToken\w*|RequestExpired"
)
_TOO_MANY, _FAULT = 429, 500
_TEXT = re.compile(r"(card|lineage): .+ was refused \([^)]+\)")
_OWN = re.compile(r"[0-9a-f]{8}[0-9a-f-]*|\d+", re.IGNORECASE)
"""Of a message: ids and times, which may be others each time."""

LONGEST = 300
"""Characters of AWS's reason that are written down; some messages repeat all of what they refuse."""

Section = Literal["card", "lineage"]


class ChangeRefused(Exception):
    """Everything is recorded, but something about a version could not be made: a person must mend the cause."""


class Refusals:
    """What was refused while one version is recorded. before: `missing` of its newest revision.

    Each call is told once for each code, with the first reason. A reason that the newest revision has too, but for
    ids and times, is told in its words: it would make a revision at every look.
    """

    def __init__(self, before: Sequence[str]) -> None:
        self._before = {_shape(text): text for text in before}
        self._told: dict[str, str] = {}

    @contextmanager
    def noted(self, section: Section) -> Iterator[None]:
        """Ends the block at a refusal, and goes on after it; what a retry may mend is raised."""
        try:
            yield
        except (ClientError, ParamValidationError) as error:
            if not is_answer(error):
                raise
            text = _text(section, error)
            say("refused", change=text)
            self._told.setdefault(text.partition(")")[0], self._before.get(_shape(text), text))

    def added_to(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """The manifest that tells them too."""
        return {**manifest, "missing": [*manifest["missing"], *self._told.values()]}


def is_answer(error: ClientError | ParamValidationError) -> bool:
    """Whether the same call would get the same error again."""
    if isinstance(error, ParamValidationError):
        return True
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status < _FAULT and status != _TOO_MANY and not _PASSING.fullmatch(str(error.response["Error"]["Code"]))


def told(manifest: Mapping[str, Any], section: str = "") -> list[str]:
    """The refusals among what a manifest says is missing: all, or those of one section."""
    return [text for text in manifest.get("missing", []) if _TEXT.match(text) and text.startswith(section)]


def _text(section: Section, error: ClientError | ParamValidationError) -> str:
    """On one line."""
    if isinstance(error, ParamValidationError):
        call, code, message = "a request", "ParamValidationError", str(error)
    else:
        call, code = error.operation_name, str(error.response["Error"]["Code"])
        message = str(error.response["Error"].get("Message", ""))
    reason = " ".join(message.split()) or "no reason is told"
    return f"{section}: {call} was refused ({code}): {reason[:LONGEST]}"


def _shape(text: str) -> str:
    return _OWN.sub("", text)
