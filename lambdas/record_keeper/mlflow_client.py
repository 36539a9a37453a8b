"""The few requests of MLflow's REST API 2.0 that tracking needs, signed as SageMaker's managed MLflow wants them.

Hosts, headers and the names that requests are signed with: AWS's plugin sagemaker-mlflow 0.5 (helpers, auth_provider,
request_header_provider). Limits: MLflow REST API, "Log Batch".
"""

from __future__ import annotations

import hashlib
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from itertools import zip_longest
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from shared.environment import ConfigurationError
from state import Json

API = "/api/2.0/mlflow/"
SECONDS = 3
"""For a connection, and for each piece of an answer: a server that is slower is asked again at the next look."""

LARGEST = 16 * 1024 * 1024
METRICS, PARAMS, TAGS = 800, 100, 100
"""Of one request; together the 1,000 entities that MLflow allows. A kind has 1,000 metrics, 100 params, 100 tags."""

NO_SUCH, TAKEN = "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"
_TEXT = 300
_ARN = re.compile(
    r"arn:aws(-us-gov)?:sagemaker:(?P<region>[a-z0-9-]+):\d{12}:(?P<kind>mlflow-(?:app|tracking-server))/.+"
)

Send = Callable[[str, str, Json], Json]
"""Method, path below the API and fields of a request; returns the answer, raises MlflowError."""

_T = TypeVar("_T")


class MlflowError(Exception):
    """A request did not get its answer. The message is one line: what was asked, and why not."""


class Unreachable(MlflowError):
    """There is no answer, or one that is not about the request: the next request would fare alike."""


class Refused(MlflowError):
    """MLflow does not do this one thing. code: its own word for why."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Place:
    """Where a managed MLflow takes requests. header: which names it; service: what signatures are made for."""

    url: str
    region: str
    service: str
    header: str


def place(arn: str) -> Place:
    """Raises ConfigurationError for what is no MLflow of SageMaker, or in a partition where it has none."""
    match = _ARN.fullmatch(arn)
    if not match:
        raise ConfigurationError(f"TRACKING: {arn!r} is no MLflow app or tracking server of SageMaker")
    region = match["region"]
    if match["kind"] == "mlflow-app":
        return Place(f"https://mlflow.sagemaker.{region}.app.aws", region, "sagemaker", "x-sm-mlflow-app-arn")
    return Place(
        f"https://{region}.experiments.sagemaker.aws", region, "sagemaker-mlflow", "x-mlflow-sm-tracking-server-arn"
    )


class Wire:
    """Sends requests over HTTP. endpoint: another address than the ARN's own, for tests; no variable leads here."""

    def __init__(self, arn: str, credentials: Callable[[], Any], endpoint: str = "") -> None:
        self._arn, self._credentials, self._place = arn, credentials, place(arn)
        self._url = endpoint or self._place.url
        # A signed request is for this host: it is not repeated wherever an answer points to.
        self._open = urllib.request.build_opener(_Stays).open

    def __call__(self, method: str, path: str, fields: Json) -> Json:
        asked = f"MLflow, {method} {path}"
        try:
            with self._open(self._signed(method, path, fields), timeout=SECONDS) as answer:
                body = answer.read(LARGEST + 1)
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(asked, error.code, error.read(LARGEST)) from None
        except (OSError, HTTPException) as error:
            raise Unreachable(
                f"{asked}: {_line(str(getattr(error, 'reason', error)) or type(error).__name__)}"
            ) from error
        try:
            document = json.loads(body)
        except ValueError:
            raise Unreachable(f"{asked}: the answer is no JSON") from None
        if not isinstance(document, dict):
            raise Unreachable(f"{asked}: the answer is no JSON object")
        return document

    def _signed(self, method: str, path: str, fields: Json) -> urllib.request.Request:
        url, body = f"{self._url}{API}{path}", None
        if method == "GET":
            url = f"{url}?{urlencode(fields, quote_via=quote)}"  # a plus sign for a space would be signed as itself
        else:
            body = json.dumps(fields, allow_nan=False).encode()
        headers = {self._place.header: self._arn, "X-Amz-Content-SHA256": hashlib.sha256(body or b"").hexdigest()}
        if body:
            headers["Content-Type"] = "application/json"
        request = AWSRequest(method=method, url=url, data=body, headers=headers)
        SigV4Auth(self._credentials(), self._place.service, self._place.region).add_auth(request)
        return urllib.request.Request(url, body, dict(request.headers.items()), method=method)  # noqa: S310 - of `place`


class _Stays(urllib.request.HTTPRedirectHandler):
    """Follows no redirection."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _refusal(asked: str, status: int, body: bytes) -> MlflowError:
    """What an answer that is no success means. Errors of MLflow itself are JSON with `error_code` and `message`."""
    try:
        told = dict(json.loads(body))
    except (ValueError, TypeError):
        told = {}
    code = str(told.get("error_code", ""))
    text = _line(f"{asked}: {status} {code} {told.get('message') or told.get('Message') or ''}")
    if not code or not 400 <= status < 500 or status in (401, 403, 408, 429):
        return Unreachable(text)
    return Refused(text, code)


def _line(text: str) -> str:
    return " ".join(text.split())[:_TEXT]


@dataclass(frozen=True)
class Found:
    """A run that MLflow has. deleted: somebody put it into the bin, where it stays for a while."""

    id: str
    status: str = "RUNNING"
    deleted: bool = False
    metrics: frozenset[str] = frozenset()
    params: frozenset[str] = frozenset()
    tags: Mapping[str, str] = field(default_factory=dict)


class Mlflow:
    """Requests by what they are for. spent: whether there is no time left for another one."""

    def __init__(self, send: Send, spent: Callable[[], bool] = lambda: False) -> None:
        self._send, self._spent = send, spent

    def experiment(self, name: str) -> str:
        """Id of the experiment, which is made if there is none.

        Raises Unreachable if somebody deleted it: until it is restored, nothing can be kept in it.
        """
        try:
            return self._named(name)
        except Refused as error:
            if error.code != NO_SUCH:
                raise
        try:
            answer = self._ask("POST", "experiments/create", name=name)
        except Refused as error:
            if error.code != TAKEN:
                raise
            return self._named(name)
        with _reading("experiments/create"):
            return str(answer["experiment_id"])

    def _named(self, name: str) -> str:
        answer = self._ask("GET", "experiments/get-by-name", experiment_name=name)
        with _reading("experiments/get-by-name"):
            found = answer["experiment"]
            if found.get("lifecycle_stage", "active") != "active":
                raise Unreachable(f"MLflow: experiment {name} was deleted; restore it, or have it removed for good")
            return str(found["experiment_id"])

    def find(self, experiment: str, tag: str, value: str) -> Found | None:
        """The run with this tag, also a deleted one. value: without quotation marks."""
        answer = self._ask(
            "POST",
            "runs/search",
            experiment_ids=[experiment],
            filter=f"tags.`{tag}` = '{value}'",
            run_view_type="ALL",
            max_results=10,
        )
        with _reading("runs/search"):
            found = [_found(each) for each in answer.get("runs", [])]
        return min(found, key=lambda each: (each.deleted, each.id), default=None)

    def create(self, experiment: str, name: str, started: int, tags: Mapping[str, str]) -> str:
        """Id of the new run, which has its tags from its first moment on. started: milliseconds since 1970."""
        answer = self._ask(
            "POST", "runs/create", experiment_id=experiment, run_name=name, start_time=started, tags=_pairs(tags)
        )
        with _reading("runs/create"):
            return str(answer["run"]["info"]["run_id"])

    def log(
        self, run: str, metrics: Mapping[str, float], params: Mapping[str, str], tags: Mapping[str, str], at: int
    ) -> None:
        """In as many requests as their number takes. at: of the metrics, milliseconds since 1970."""
        points = [{"key": name, "value": value, "timestamp": at, "step": 0} for name, value in metrics.items()]
        batches = zip_longest(
            _parts(points, METRICS), _parts(_pairs(params), PARAMS), _parts(_pairs(tags), TAGS), fillvalue=()
        )
        for some, settings, labels in batches:
            self._ask(
                "POST", "runs/log-batch", run_id=run, metrics=list(some), params=list(settings), tags=list(labels)
            )

    def end(self, run: str, status: str, at: int) -> None:
        self._ask("POST", "runs/update", run_id=run, status=status, end_time=at)

    def _ask(self, method: str, path: str, **fields: Any) -> Json:
        if self._spent():
            raise Unreachable(f"MLflow, {method} {path}: no time is left in this run")
        return self._send(method, path, fields)


@contextmanager
def _reading(path: str) -> Iterator[None]:
    """Whoever answers in another shape is no MLflow, or not one that this client knows."""
    try:
        yield
    except (KeyError, TypeError, AttributeError) as error:
        raise Unreachable(f"MLflow, {path}: the answer has another shape ({error!r})") from error


def _found(run: Mapping[str, Any]) -> Found:
    info, data = run["info"], run.get("data", {})
    return Found(
        id=str(info["run_id"]),
        status=str(info.get("status", "")),
        deleted=info.get("lifecycle_stage") == "deleted",
        metrics=frozenset(str(each["key"]) for each in data.get("metrics", [])),
        params=frozenset(str(each["key"]) for each in data.get("params", [])),
        tags={str(each["key"]): str(each.get("value", "")) for each in data.get("tags", [])},
    )


def _pairs(values: Mapping[str, str]) -> list[Json]:
    return [{"key": name, "value": value} for name, value in values.items()]


def _parts(items: Sequence[_T], size: int) -> Iterable[Sequence[_T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
