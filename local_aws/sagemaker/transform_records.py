"""The records of a batch transform: cut out of a file, put into requests, and put together from the answers.

Pure. Sources: API reference, TransformInput, TransformOutput and DataProcessing; developer guide,
batch-transform and batch-transform-data-processing.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from local_aws.sagemaker.json_path import JsonPath, JsonPathError

CSV = "text/csv"
JSON_LINES = ("application/jsonlines", "application/x-jsonlines", "application/json-lines")
JSON = ("application/json", *JSON_LINES)
MEGABYTE = 1024 * 1024


class RecordError(Exception):
    """A record cannot be sent or its answer not be used; the message is a line of the job's data log."""


@dataclass(frozen=True)
class Batch:
    """One request: its body, and the records of the file that it was made from."""

    body: bytes
    records: tuple[bytes, ...]


@dataclass(frozen=True)
class Plan:
    """How a job cuts and assembles; `whole` files are one record, and one request."""

    whole: bool
    single: bool
    limit: int
    lines: bool
    content_type: str
    answer_type: str
    input_filter: JsonPath | None = None
    output_filter: JsonPath | None = None
    joined: bool = False

    @classmethod
    def of(cls, job: dict[str, Any]) -> Plan:
        """Errors: JsonPathError for a filter that is none, RecordError for filters on other formats."""
        source, target = job["TransformInput"], job["TransformOutput"]
        processing = job.get("DataProcessing", {})
        content_type = _bare(source.get("ContentType", ""))
        plan = cls(
            whole=source.get("SplitType", "None") == "None",
            single=job.get("BatchStrategy") == "SingleRecord",
            limit=(job.get("MaxPayloadInMB") or 6) * MEGABYTE,
            lines=target.get("AssembleWith") == "Line",
            content_type=content_type,
            answer_type=_bare(target.get("Accept", "")) or content_type,
            input_filter=_filter(processing.get("InputFilter")),
            output_filter=_filter(processing.get("OutputFilter")),
            joined=processing.get("JoinSource") == "Input",
        )
        if (plan.input_filter or plan.processed) and content_type not in (CSV, *JSON):
            raise RecordError(f"DataProcessing needs the ContentType {CSV} or one of {', '.join(JSON)}.")
        if plan.processed and (content_type == CSV) != (plan.answer_type == CSV):
            raise RecordError(f"DataProcessing cannot put {plan.answer_type} together with {content_type}.")
        return plan

    @property
    def processed(self) -> bool:
        """Whether answers are looked into, not only written."""
        return self.joined or self.output_filter is not None

    def batches(self, data: bytes) -> list[Batch]:
        """The requests for one file.

        Errors: RecordError for a record that does not fit into one, or that the filter cannot be applied to."""
        if self.whole:
            records = _rows(data) if self._by_row else [data]
            body = b"\n".join(map(self._filtered, records)) if self.input_filter else data
            return [self._batch(body, records)]
        found: list[Batch] = []
        waiting: list[bytes] = []
        bodies: list[bytes] = []
        size = 0
        for record in _rows(data):
            body = self._filtered(record)
            if waiting and (self.single or size + 1 + len(body) > self.limit):
                found.append(self._batch(b"\n".join(bodies), waiting))
                waiting, bodies, size = [], [], 0
            size += len(body) + bool(waiting)
            waiting.append(record)
            bodies.append(body)
        return [*found, self._batch(b"\n".join(bodies), waiting)] if waiting else found

    def assembled(self, answers: Iterable[tuple[Batch, bytes]]) -> bytes:
        """The output file.

        Errors: RecordError when answers and records do not match or the filter cannot be applied."""
        parts = [self._processed(batch, answer) if self.processed else answer for batch, answer in answers]
        return b"".join(part + b"\n" if self.lines and not self.processed else part for part in parts)

    @property
    def _by_row(self) -> bool:
        """A whole file of these formats still has records."""
        return self.content_type == CSV or self.content_type in JSON_LINES

    def _batch(self, body: bytes, records: list[bytes]) -> Batch:
        if len(body) > self.limit:
            raise RecordError("Too much data for max payload size")
        return Batch(body, tuple(records))

    def _filtered(self, record: bytes) -> bytes:
        if self.input_filter is None:
            return record
        return self._written(_selected(self.input_filter, self._read(record)))

    def _processed(self, batch: Batch, answer: bytes) -> bytes:
        many = self.content_type == CSV or self.answer_type in JSON_LINES
        answers = _rows(answer) if many else [answer]
        if len(answers) != len(batch.records):
            raise RecordError(f"{len(batch.records)} records were sent and {len(answers)} came back")
        lines = [self._line(record, one) for record, one in zip(batch.records, answers, strict=True)]
        return b"".join(line + b"\n" for line in lines)

    def _line(self, record: bytes, answer: bytes) -> bytes:
        value = self._read(answer)
        if self.joined:
            value = self._joined(self._read(record), value)
        if self.output_filter is not None:
            value = _selected(self.output_filter, value)
        return self._written(value)

    def _joined(self, record: Any, answer: Any) -> Any:
        if self.content_type == CSV:
            return [*record, *answer]
        if isinstance(record, dict):
            return {**record, "SageMakerOutput": answer}
        return {"SageMakerInput": record, "SageMakerOutput": answer}

    def _read(self, record: bytes) -> Any:
        try:
            text = record.decode()
            return next(csv.reader(io.StringIO(text))) if self.content_type == CSV else json.loads(text)
        except (ValueError, StopIteration) as error:
            raise RecordError(f"not a record of {self.content_type}: {record[:80]!r}") from error

    def _written(self, value: Any) -> bytes:
        if self.content_type != CSV:
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
        row = io.StringIO()
        csv.writer(row, lineterminator="").writerow(value if isinstance(value, list) else [value])
        return row.getvalue().encode()


def _rows(data: bytes) -> list[bytes]:
    """Lines without their ends; empty ones are no records."""
    return [line.removesuffix(b"\r") for line in data.split(b"\n") if line.strip()]


def _selected(path: JsonPath, value: Any) -> Any:
    try:
        return path.select(value)
    except JsonPathError as error:
        raise RecordError(str(error)) from error


def _filter(text: str | None) -> JsonPath | None:
    """None for a filter that takes everything."""
    return None if text in (None, "", "$") else JsonPath.of(str(text))


def _bare(content_type: str) -> str:
    """A content type without parameters such as a charset."""
    return content_type.split(";")[0].strip().lower()
