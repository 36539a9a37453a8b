import base64
import json
import random
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitoring import capture
from monitoring.capture import Counts
from monitoring.findings import Window
from monitoring.model import REGRESSION, Answer, MonitoredModel
from tests.real_samples import sample_folder

SQL = Path(__file__).parents[3] / "lambdas" / "release_controller" / "experiment.sql"


def rows_of(text, content_type):
    if content_type.startswith("text/csv"):
        return [{"line": line} for line in text.splitlines() if line]
    return [{"value": each} for each in json.loads(text)["instances"]]


def answers_of(text, content_type):
    if content_type.startswith("text/csv"):
        return [Answer(float(line), "", "1") for line in text.splitlines() if line]
    return [
        Answer(each["score"], str(each["label"]), str(each.get("version", "")))
        if isinstance(each, dict)
        else Answer(float(each), "", "1")
        for each in json.loads(text)["predictions"]
    ]


MODEL = MonitoredModel(REGRESSION, (), rows_of, answers_of)


def event(rows=1, *, encoding="JSON", at="2026-11-21T16:00:00Z", inference_id="loan-7", version="3", **changes):
    data = {
        "JSON": (
            json.dumps({"instances": list(range(rows))}),
            json.dumps({"predictions": [{"score": 0.5, "label": 1, "version": version}] * rows}),
        ),
        "CSV": ("1,2\n" * rows, "0.5\n" * rows),
    }
    texts = data.get(encoding, data["JSON"])
    if encoding == "BASE64":
        texts = tuple(base64.b64encode(text.encode()).decode() for text in texts)
    kind = "text/csv; charset=utf-8" if encoding == "CSV" else "application/json"
    parts = {
        name: {"observedContentType": kind, "mode": mode, "data": text, "encoding": encoding}
        for name, mode, text in zip(("endpointInput", "endpointOutput"), ("INPUT", "OUTPUT"), texts, strict=True)
    }
    metadata = {"eventId": "12b73486", "inferenceTime": at}
    if inference_id is not None:
        metadata["inferenceId"] = inference_id
    return {"captureData": {**parts, **changes}, "eventMetadata": metadata, "eventVersion": "0"}


def read(*events, **options):
    counts = Counts()
    lines = [each if isinstance(each, str | bytes) else json.dumps(each) for each in events]
    return list(capture.read(lines, MODEL, counts, **options)), counts


@pytest.mark.parametrize("encoding", ["JSON", "CSV", "BASE64"])
def test_every_row_of_a_request_is_a_prediction_whatever_the_encoding(encoding):
    predictions, counts = read(event(3, encoding=encoding))
    assert [each.record for each in predictions] == ["loan-7", "loan-7#2", "loan-7#3"]
    assert {each.at for each in predictions} == {datetime(2026, 11, 21, 16, tzinfo=UTC)}
    assert all(each.answer.score == 0.5 for each in predictions)
    assert counts == Counts(lines=1, predictions=3)


def test_bytes_are_read_as_text_is():
    line = json.dumps(event()) + "\r\n"
    assert read(line)[0] == read(line.encode())[0] == read("\n", line, b"  \n")[0]


def test_blank_lines_are_no_lines():
    assert read("", "  ", b"\n", "\t\r\n") == ([], Counts())


def test_without_an_inference_id_the_event_gives_the_record():
    for nothing in (None, ""):
        (prediction,), _ = read(event(inference_id=nothing))
        assert prediction.record == "12b73486"


UNREADABLE = {
    "truncated": json.dumps(event())[:-30],
    "two records on one line": json.dumps(event()) * 2,
    "not JSON": "hello",
    "not UTF-8": b'{"captureData": "\xff"}',
    "too deep": "[" * 100_000,
    "a list": "[1, 2]",
    "null": "null",
    "no capture": {"eventMetadata": event()["eventMetadata"]},
    "capture null": {**event(), "captureData": None},
    "no metadata": {"captureData": event()["captureData"]},
    "no output": event(endpointOutput=None),
    "output without data": event(endpointOutput={"encoding": "JSON"}),
    "output null": event(endpointOutput={"encoding": "JSON", "data": None}),
    "output of another form": event(endpointOutput={"encoding": "JSON", "data": '{"other": 1}'}),
    "input of another form": event(endpointInput={"encoding": "JSON", "data": "[]"}),
    "not Base64": event(endpointInput={"encoding": "BASE64", "data": "~~~"}),
    "Base64 of no text": event(endpointInput={"encoding": "BASE64", "data": "//79"}),
    "no rows": event(0),
    "no id": {**event(), "eventMetadata": {"inferenceTime": "2026-11-21T16:00:00Z"}},
    "id is no text": {**event(), "eventMetadata": {"inferenceTime": "2026-11-21T16:00:00Z", "eventId": 5}},
    "no time": {**event(), "eventMetadata": {"eventId": "1"}},
    "time null": event(at=None),
    "time as a number": event(at=1700000000),
    "time as a list": event(at=[2026]),
    "time of no month": event(at="2026-13-01T00:00:00Z"),
    "time in words": event(at="yesterday"),
    "time with more": event(at="2026-11-21T16:00:00Z, about"),
}


@pytest.mark.parametrize("line", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_counted_and_the_rest_is_read(line):
    predictions, counts = read(event(), line, event())
    assert len(predictions) == 2
    assert counts == Counts(lines=3, unreadable=1, predictions=2)


def test_a_defect_of_the_reader_is_not_taken_for_an_unreadable_line():
    def broken(text, content_type):
        raise RuntimeError("defect")

    model = MonitoredModel(REGRESSION, (), broken, answers_of)
    with pytest.raises(RuntimeError):
        list(capture.read([json.dumps(event())], model, Counts()))


def test_more_or_fewer_answers_than_rows_are_counted_and_never_paired():
    two = event(2)["captureData"]["endpointOutput"]
    predictions, counts = read(event(1, endpointOutput=two), event(3, endpointOutput=two))
    assert (predictions, counts) == ([], Counts(lines=2, mismatched=2))


def test_a_payload_that_was_captured_as_a_json_value_is_read():
    part = {"encoding": "JSON", "data": {"instances": [1.5]}}
    (prediction,), _ = read(event(endpointInput=part))
    assert prediction.row == {"value": 1.5}
    (prediction,), _ = read(event(endpointOutput={"encoding": "CSV", "data": 0.98}))
    assert prediction.answer.score == 0.98


def test_only_the_window_asked_for_is_read():
    window = Window(datetime(2026, 11, 21, 15, tzinfo=UTC), datetime(2026, 11, 21, 16, tzinfo=UTC))
    times = ["14:59:59", "15:00:00", "15:59:59", "16:00:00"]
    predictions, counts = read(*(event(2, at=f"2026-11-21T{time}Z") for time in times), window=window)
    assert {f"{each.at:%H:%M:%S}" for each in predictions} == {"15:00:00", "15:59:59"}
    assert counts == Counts(lines=4, outside=2, predictions=4)


def test_only_the_version_asked_for_is_read():
    events = [event(2, version=version) for version in ("3", "2", "")]
    predictions, counts = read(*events, version="3")
    assert {each.answer.version for each in predictions} == {"3"}
    assert counts == Counts(lines=3, predictions=2, other_version=2, without_version=2)
    predictions, counts = read(*events)
    assert (len(predictions), counts.without_version, counts.other_version) == (6, 2, 0)


@pytest.mark.parametrize(
    "text",
    ["2026-11-21T16:00:00.123Z", "2026-11-21T16:00:00", "2026-11-21 16:00:00Z", "2026-11-21T17:00:00+01:00"],
)
def test_times_are_to_the_second_in_utc(text):
    (prediction,), _ = read(event(at=text))
    assert prediction.at == datetime(2026, 11, 21, 16, tzinfo=UTC)


def test_counts_add_up_and_are_a_document():
    one, other = Counts(lines=3, unreadable=1, predictions=2), Counts(lines=2, outside=2)
    assert (one + other).document() == {
        "lines": 5,
        "unreadable": 1,
        "outside": 2,
        "mismatched": 0,
        "predictions": 2,
        "other_version": 0,
        "without_version": 0,
        "misplaced": 0,
    }


def test_every_line_is_counted_once_whatever_it_holds():
    rng = random.Random(7)
    window = Window(datetime(2026, 11, 21, 16, tzinfo=UTC), datetime(2026, 11, 21, 17, tzinfo=UTC))
    lines, expected = [], Counts()
    for _ in range(500):
        rows, version = rng.randint(1, 4), rng.choice(["3", "2", ""])
        kind = rng.choice(["good", "outside", "cut", "mismatched"])
        at = f"2026-11-21T{'16' if kind != 'outside' else '17'}:{rng.randint(0, 59):02}:00Z"
        changes = {"endpointOutput": event(rows + 1)["captureData"]["endpointOutput"]} if kind == "mismatched" else {}
        text = json.dumps(event(rows, at=at, version=version, **changes))
        lines.append(text[: rng.randint(1, len(text) - 1)] if kind == "cut" else text)
        expected.lines += 1
        if kind == "good":
            field = {"3": "predictions", "2": "other_version", "": "without_version"}[version]
            setattr(expected, field, getattr(expected, field) + rows)
        else:
            field = {"cut": "unreadable"}.get(kind, kind)
            setattr(expected, field, getattr(expected, field) + 1)
    assert read(*lines, window=window, version="3")[1] == expected


def test_records_are_named_as_the_release_controller_names_them():
    rules = re.findall(r"regexp_replace\((.+?), '([^']+)', ''\)", SQL.read_text())
    patterns = {pattern for _, pattern in rules}
    assert len(rules) == 2  # of predictions and of outcomes
    (pattern,) = patterns
    rule = re.compile(pattern.replace(r"\z", r"\Z"))
    rng = random.Random(11)
    for _ in range(5000):
        request = "".join(rng.choices(["#", "1", "2", "a", "#1", "-"], k=rng.randint(1, 8)))
        number = rng.choice([1, 1, 2, 10, 11, 21])
        assert capture.record_id(request, number) == rule.sub("", f"{request}#{number}")
        assert capture.bare(request) == rule.sub("", request)


def real(name):
    return (sample_folder() / "capture" / name).read_bytes().splitlines()


def test_real_records_with_many_rows_are_read():
    predictions = list(capture.read(real("captured-data.jsonl"), MODEL, counts := Counts()))
    assert counts == Counts(lines=2, predictions=6)
    assert [each.row["value"] for each in predictions[:3]] == [1.0, 2.0, 5.0]
    assert [each.answer.score for each in predictions[:3]] == [3.5, 4.0, 5.5]
    assert predictions[1].record == "12b73486-e916-45de-9d82-7fa23d4a39a6#2"


def test_real_records_with_objects_are_read():
    def rows(text, content_type):
        return [{"features": each["features"]} for each in json.loads(text)["instances"]]

    def answers(text, content_type):
        found = json.loads(text)["predictions"]
        return [Answer(each["score"], str(each["predicted_label"]), "") for each in found]

    model = MonitoredModel(REGRESSION, (), rows, answers)
    predictions = list(capture.read(real("data_capture_json_multirecord.jsonl"), model, counts := Counts()))
    assert counts == Counts(lines=2, predictions=3, without_version=3)
    assert [each.record[-2:] for each in predictions] == ["9d", "f1", "#2"]
    assert predictions[2].row["features"][:3] == [43, 2, 72338]
    assert predictions[2].answer == Answer(0.5041388273239136, "1", "")
