"""Requests read and answers written. A bad request is refused with the row named, as the caller's mistake."""

from __future__ import annotations

import csv
import io
import json
from typing import Any, Dict, List, Optional, Union

from message_routing.messages import check

try:
    from sagemaker_inference.errors import BaseInferenceToolkitError
except ImportError:  # outside of SageMaker's images: the same interface

    class BaseInferenceToolkitError(Exception):  # type: ignore[no-redef]
        def __init__(self, status_code: int, message: str, phrase: str) -> None:
            self.status_code, self.message, self.phrase = status_code, message, phrase
            super().__init__(status_code, message, phrase)


JSON, CSV = "application/json", "text/csv"
FIELDS = ("team", "probability", "model_version")
Prediction = Dict[str, Any]


class RequestError(BaseInferenceToolkitError):  # type: ignore[misc]
    """The request cannot be answered as it is; the toolkit sends the status and the message to the caller."""

    def __init__(self, message: str, status_code: int = 400, phrase: str = "Bad Request") -> None:
        super().__init__(status_code, message, phrase)

    def __str__(self) -> str:
        return str(self.message)


def texts(body: Union[str, bytes], content_type: str) -> List[str]:
    """The texts of a request; raises RequestError."""
    kind = (content_type or JSON).split(";")[0].strip().lower()
    if kind not in (JSON, CSV):
        raise RequestError(f"content type {kind!r} is not one of {JSON}, {CSV}", 415, "Unsupported Media Type")
    try:
        text = body if isinstance(body, str) else bytes(body).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(f"body: not UTF-8 at byte {error.start}") from None
    found = _json(text) if kind == JSON else _csv(text)
    if not found:
        raise RequestError("instances: empty; send at least one message")
    for index, each in enumerate(found):
        problem = check(each)
        if problem:
            raise RequestError(f"instances[{index}].{problem}")
    return found


def write(predictions: List[Prediction], accept: Optional[str]) -> str:
    """Predictions as JSON, or as CSV where that is asked for and JSON is not."""
    accepted = [part.split(";")[0].strip().lower() for part in (accept or JSON).split(",")]
    if CSV in accepted and JSON not in accepted:
        return "".join(",".join(str(each[name]) for name in FIELDS) + "\n" for each in predictions)
    if not {JSON, "*/*", "application/*"}.intersection(accepted):
        raise RequestError(f"accept: {accept!r} is neither {JSON} nor {CSV}", 406, "Not Acceptable")
    return json.dumps({"predictions": predictions})


def _json(text: str) -> List[Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"body: not JSON ({error})") from None
    instances = document.get("instances") if isinstance(document, dict) else None
    if not isinstance(instances, list):
        raise RequestError('body: no list "instances"; send {"instances": [{"text": "..."}, ...]}')
    for index, each in enumerate(instances):
        if not isinstance(each, dict):
            raise RequestError(f'instances[{index}]: not an object such as {{"text": "..."}}')
    return [each.get("text") for each in instances]


def _csv(text: str) -> List[str]:
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    for index, row in enumerate(rows):
        if len(row) != 1:
            raise RequestError(
                f"instances[{index}]: {len(row)} values, expected 1: the text, in quotes if it has commas"
            )
    return [row[0] for row in rows]
