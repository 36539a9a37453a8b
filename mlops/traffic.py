"""Replays applications through an endpoint, and counts what data capture kept of them."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

Application = Mapping[str, Any]
_THREADS = 4


@dataclass(frozen=True)
class Replay:
    """What came back: decisions by name, versions that answered, seconds for all."""

    predictions: int
    decisions: Counter[str]
    versions: Counter[str]
    seconds: float


def ask(runtime: Any, endpoint: str, inference_id: str, application: Application) -> Mapping[str, Any]:
    """Send one application; returns its prediction. Any error is raised."""
    return ask_many(runtime, endpoint, inference_id, [application])[0]


def ask_many(
    runtime: Any, endpoint: str, inference_id: str, applications: Sequence[Application]
) -> list[Mapping[str, Any]]:
    """Send several applications as one request; returns their predictions in order. Any error is raised."""
    answer = runtime.invoke_endpoint(
        EndpointName=endpoint,
        ContentType="application/json",
        Accept="application/json",
        InferenceId=inference_id,
        Body=json.dumps({"instances": list(applications)}),
    )
    predictions: list[Mapping[str, Any]] = json.loads(answer["Body"].read())["predictions"]
    return predictions


def replay(runtime: Any, endpoint: str, applications: Sequence[tuple[str, Application]]) -> Replay:
    """Send each (inference id, application) as a request of its own; any error is raised."""
    started = time.monotonic()

    with ThreadPoolExecutor(_THREADS) as pool:
        answers = list(pool.map(lambda item: ask(runtime, endpoint, *item), applications))
    return Replay(
        predictions=len(answers),
        decisions=Counter(str(answer["decision"]) for answer in answers),
        versions=Counter(str(answer["model_version"]) for answer in answers),
        seconds=time.monotonic() - started,
    )


def bad_request(runtime: Any, endpoint: str, application: Application) -> str:
    """Send an application that the endpoint must refuse; returns what it answered."""
    try:
        runtime.invoke_endpoint(
            EndpointName=endpoint,
            ContentType="application/json",
            Body=json.dumps({"instances": [application]}),
        )
    except ClientError as error:
        status = error.response.get("OriginalStatusCode")
        return f"{status}: {str(error.response.get('OriginalMessage', '')).splitlines()[0]}"
    return "accepted"


@dataclass(frozen=True)
class Captured:
    """Data capture's records of a set of inference ids, and the newest file that holds some."""

    records: int
    newest_uri: str


def captured(s3: Any, bucket: str, prefix: str, inference_ids: set[str], timeout_seconds: float) -> Captured:
    """Count the captured records of `inference_ids` below s3://bucket/prefix.

    Capture is delivered in the background: waits until all are there or the time is over.
    """
    deadline = time.monotonic() + timeout_seconds
    read: dict[str, int] = {}
    while True:
        for key in _keys(s3, bucket, prefix):
            if key not in read:
                body = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
                read[key] = sum(_inference_id(text) in inference_ids for text in body.splitlines())
        count = sum(read.values())
        if count >= len(inference_ids) or time.monotonic() > deadline:
            newest = max((key for key, found in read.items() if found), default="")
            return Captured(count, f"s3://{bucket}/{newest}")
        time.sleep(0.3)


def _keys(s3: Any, bucket: str, prefix: str) -> Iterable[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from (item["Key"] for item in page.get("Contents", []))


def _inference_id(record: str) -> str:
    return str(json.loads(record)["eventMetadata"].get("inferenceId", ""))
