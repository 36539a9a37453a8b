import io
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from monitoring import places
from monitoring.findings import Window


class Body(io.BytesIO):
    """What botocore's StreamingBody does: read in pieces and close."""


class FakeS3:
    def __init__(self, objects, page=2):
        self.objects, self.page, self.listed, self.bodies = objects, page, [], []

    def get_paginator(self, operation):
        assert operation == "list_objects_v2"
        return self

    def paginate(self, Bucket, Prefix):  # noqa: N803
        self.listed.append(Prefix)
        keys = sorted(key for key in self.objects if key.startswith(Prefix))
        if not keys:
            yield {"KeyCount": 0}
        for start in range(0, len(keys), self.page):
            page = keys[start : start + self.page]
            yield {"Contents": [{"Key": key, "Size": len(self.objects[key])} for key in page]}

    def get_object(self, Bucket, Key):  # noqa: N803
        self.bodies.append(Body(self.objects[Key]))
        return {"Body": self.bodies[-1]}


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_only_files_of_the_windows_hours_are_listed_oldest_first():
    hours = ["2026/11/20/23", "2026/11/21/00", "2026/11/21/01", "2026/11/21/02"]
    objects = {f"cap/endpoint/champion/{hour}/{name}.jsonl": b"" for hour in hours for name in "cab"}
    window = Window(at("2026-11-21T00:30:00"), at("2026-11-21T02:00:00"))
    keys = [file.key for file in places.capture_files(FakeS3(objects), "bucket", "cap/endpoint/champion/", window)]
    expected = [f"cap/endpoint/champion/2026/11/21/{hour}/{name}.jsonl" for hour in ("00", "01") for name in "abc"]
    assert keys == expected


def test_other_variants_and_other_files_are_left_alone():
    objects = dict.fromkeys(
        (
            "cap/endpoint/champion/2026/11/21/00/a.jsonl",
            "cap/endpoint/champion-2/2026/11/21/00/b.jsonl",
            "cap/endpoint/champion/2026/11/21/00/c.txt",
        ),
        b"",
    )
    window = Window(at("2026-11-21T00:00:00"), at("2026-11-22T00:00:00"))
    found = places.capture_files(FakeS3(objects), "bucket", "cap/endpoint/champion", window)
    assert list(found) == [places.File("cap/endpoint/champion/2026/11/21/00/a.jsonl", 0)]


MISPLACED = (
    "2026/11/21/12/sub/x.jsonl",
    "2026/11/21/x.jsonl",
    "2026/11/21/12/2026/11/21/12/x.jsonl",
    "2026/11/21/1/x.jsonl",
)


def test_files_that_are_in_no_folder_of_an_hour_are_named_and_left_out():
    objects = {
        f"cap/ground-truth/{place}": b"" for place in (*MISPLACED, "2026/11/21/12/a.jsonl", "2026/11/21/sub/c.txt")
    }
    since, until = at("2026-11-21T00:00:00"), at("2026-11-22T00:00:00")
    misplaced = []
    found = list(places.truth_files(FakeS3(objects), "b", "cap/ground-truth", since, until, misplaced))
    assert [places.arrived(file.key) for file in found] == ["2026-11-21T12:59:59.999"]
    assert sorted(misplaced) == sorted(f"cap/ground-truth/{place}" for place in MISPLACED)
    captured = places.capture_files(FakeS3(objects), "b", "cap/ground-truth", Window(since, until))
    assert list(captured) == found


def test_an_empty_window_has_no_files():
    window = Window(at("2026-11-21T00:00:00"), at("2026-11-22T00:00:00"))
    assert list(places.capture_files(FakeS3({}), "bucket", "", window)) == []


def test_ground_truth_of_months_is_listed_by_months_and_days():
    s3 = FakeS3({"cap/ground-truth/2026/10/05/07/a.jsonl": b""})
    since, until = at("2026-09-29T22:10:00"), at("2026-11-02T01:00:00")
    keys = [file.key for file in places.truth_files(s3, "b", "cap/ground-truth", since, until)]
    assert keys == ["cap/ground-truth/2026/10/05/07/a.jsonl"]
    assert [listed.removeprefix("cap/ground-truth/") for listed in s3.listed] == [
        *("2026/09/29/22/", "2026/09/29/23/", "2026/09/30/", "2026/10/", "2026/11/01/", "2026/11/02/00/")
    ]


def test_two_years_take_few_listings():
    found = list(places.folders(at("2024-11-21T16:20:00"), at("2026-11-21T16:20:00")))
    assert len(found) == (8 + 17) + (9 + 20) + 23  # hours of two days, days of two months, and months


def test_folders_hold_exactly_the_hours_that_are_touched():
    rng = random.Random(5)
    for _ in range(200):
        since = at("2027-11-01T00:00:00") + timedelta(seconds=rng.randint(0, 200 * 86400))
        until = since + timedelta(seconds=rng.choice([1, 3600, 86400, 40 * 86400, rng.randint(1, 90 * 86400)]))
        folders = Counter(places.folders(since, until))

        def found(moment, folders=folders):
            """In how many folders the hour of this moment lies: its own, its day's, its month's."""
            text = f"{moment:%Y/%m/%d/%H}"
            return sum(folders[text[:length]] for length in (7, 10, 13))

        hour = since.replace(minute=0, second=0)
        while hour < until:
            assert found(hour) == 1
            hour += timedelta(hours=1)
        around = [since - timedelta(hours=2), since - timedelta(hours=1), until + timedelta(hours=1)]
        assert not any(map(found, around))


@pytest.mark.parametrize("size", [1, 2, 7, places.CHUNK_BYTES])
def test_lines_are_those_between_newlines_whatever_the_chunks(size, monkeypatch):
    monkeypatch.setattr(places, "CHUNK_BYTES", size)
    body = '{"a": "é\u2028\u0085"}\r\n\n{"b": 1}\n{"last": 2}'.encode()
    s3 = FakeS3({"key": body})
    assert list(places.lines(s3, "bucket", "key")) == body.split(b"\n")
    assert s3.bodies[0].closed


@pytest.mark.parametrize("size", [1, 2, 7])
def test_lines_are_found_however_many_chunks_they_take(size, monkeypatch):
    monkeypatch.setattr(places, "CHUNK_BYTES", size)
    rng = random.Random(size)
    for _ in range(200):
        body = bytes(rng.choices(b"ab\n\r", k=rng.randint(0, 40)))
        expected = body.split(b"\n")
        assert (
            list(places.lines(FakeS3({"key": body}), "bucket", "key")) == expected[: len(expected) - (not expected[-1])]
        )


class Searched(bytes):
    """A chunk, and whatever is put together with it, that notes how many bytes were searched for newlines."""

    seen = 0

    def __radd__(self, before):
        return Searched(bytes(before) + bytes(self))

    def split(self, *given):
        Searched.seen += len(self)
        return super().split(*given)


class SearchedBody(Body):
    def read(self, size=-1):
        return Searched(super().read(size))


def test_a_line_without_an_end_is_searched_once(monkeypatch):
    """Not again from its beginning with every chunk."""
    monkeypatch.setattr(places, "CHUNK_BYTES", 10)
    monkeypatch.setattr(Searched, "seen", 0)
    monkeypatch.setattr("tests.unit.monitoring.test_places.Body", SearchedBody)
    body = b"x" * 5000
    assert list(places.lines(FakeS3({"key": body}), "bucket", "key")) == [body]
    assert Searched.seen == len(body)


@pytest.mark.parametrize("size", [1, 3, 8])
def test_a_line_that_is_too_long_is_cut_off_and_the_next_one_is_whole(size, monkeypatch):
    monkeypatch.setattr(places, "CHUNK_BYTES", size)
    monkeypatch.setattr(places, "LONGEST_LINE", 10)
    s3 = FakeS3({"key": b"x" * 10 + b"\n" + b"y" * 45 + b"\nend\n" + b"z" * 11})
    assert list(places.lines(s3, "bucket", "key")) == [b"x" * 10, b"y" * 10, b"end", b"z" * 10]


def test_an_object_that_is_not_read_to_its_end_is_closed():
    s3 = FakeS3({"key": b"a\nb\n"})
    found = places.lines(s3, "bucket", "key")
    next(found)
    found.close()
    assert s3.bodies[0].closed


def test_a_file_without_times_of_receipt_came_at_the_end_of_its_hour():
    assert places.arrived("cap/ground-truth/2026/11/21/16/a.jsonl") == "2026-11-21T16:59:59.999"
    with pytest.raises(ValueError, match="expected"):
        places.arrived("cap/ground-truth/a.jsonl")
