"""A window read by one process: in parts as a whole, and what of a record counts."""

import json
from datetime import UTC, datetime

import pytest

from bench.monitored import MODEL
from bench.monitoring_files import ENDPOINT, VERSION, WINDOW, FolderS3
from monitoring import distributed, workers
from monitoring.collect import Captured, Sample
from monitoring.distributed import partitions_of, units
from monitoring.places import File
from monitoring.report_parts import COUNTS, TROUBLE
from monitoring.workers import OneProcess

from .watched_files import ROWS, follow, in_small_parts, make, same_inputs, same_outcomes, see

MB = 1 << 20


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    return make(tmp_path_factory.mktemp("captured"))


def test_files_stay_in_their_order_and_no_unit_is_much_larger_than_meant():
    files = [File(f"{number:03}", 50 * MB) for number in range(7)]
    made = units(files)
    assert [each.keys for each in made] == [("000", "001"), ("002", "003"), ("004", "005"), ("006",)]
    assert [each.number for each in made] == [0, 1, 2, 3]
    assert units([]) == []
    assert [each.keys for each in units([File("a", 900 * MB), File("b", 1), File("c", 0)])] == [("a",), ("b", "c")]


def test_a_huge_window_has_no_more_units_than_their_samples_fit_beside_each_other():
    assert len(units(File(str(number), 100 * MB) for number in range(5000))) <= distributed.MOST_UNITS + 1


def test_partitions_follow_from_the_bytes():
    assert partitions_of([], 10) == 1
    assert partitions_of([File("a", distributed.PARTITION_BYTES + 1)], 10) == 2
    assert partitions_of([File("a", 100 * distributed.PARTITION_BYTES)], 10) == 10


def test_all_that_was_captured_is_counted_in_parts_as_well(s3, monkeypatch):
    whole = see(OneProcess(s3), s3)
    in_small_parts(monkeypatch)
    parts = see(OneProcess(s3), s3)
    assert len(units(Captured(s3, "s3://capture/loans", ENDPOINT).files(WINDOW))) > 10
    assert whole.rows == parts.rows == whole.counts.predictions > 0.99 * ROWS
    assert whole.counts == parts.counts
    assert whole.counts.unreadable == 1
    assert whole.sample == parts.sample
    for one, other in zip(whole.summary.statistics()["features"], parts.summary.statistics()["features"], strict=True):
        assert one["name"] == other["name"]
        for kind in ("numerical_statistics", "string_statistics"):
            assert one.get(kind, {}).get("common") == other.get(kind, {}).get("common")


def test_outcomes_are_the_same_however_small_the_parts_are(s3, monkeypatch):
    whole = follow(OneProcess(s3), s3)
    in_small_parts(monkeypatch)
    monkeypatch.setattr(workers, "SPILL_ENTRIES", 100)
    assert same_outcomes(whole, follow(OneProcess(s3), s3))
    assert whole.rows == ROWS - 1
    assert whole.counts["duplicates"] == 1
    assert whole.counts["matched"] == len(whole.known)
    assert whole.counts["outcome_lines"] > ROWS
    assert whole.counts["without_outcome"] == whole.rows - whole.counts["matched"] == ROWS // 50


def test_what_no_outcome_means_is_filled_in(s3):
    found = follow(OneProcess(s3), s3, missing_means="0")
    assert len(found.known) == found.rows
    assert found.counts["matched"] < found.rows


def test_nothing_captured_is_nothing_found(tmp_path):
    s3 = FolderS3(tmp_path)
    assert see(OneProcess(s3), s3).rows == 0
    found = follow(OneProcess(s3), s3)
    assert (found.rows, len(found.known), found.known.outcomes, found.counts["matched"]) == (0, 0, [], 0)


def captured_line(record, at, score, decision="1"):
    def part(document):
        return {"observedContentType": "application/json", "data": json.dumps(document), "encoding": "JSON"}

    answer = {"probability": score, "decision": decision, "model_version": VERSION}
    data = {
        "endpointInput": part({"instances": [{"x0": score}]}),
        "endpointOutput": part({"predictions": [answer]}),
    }
    return json.dumps({"captureData": data, "eventMetadata": {"eventId": record, "inferenceTime": at}})


def told_line(record, value, received):
    metadata = {"eventId": record, "receivedAt": received}
    return json.dumps({"groundTruthData": {"data": value, "encoding": "CSV"}, "eventMetadata": metadata})


def lay(root, place, lines):
    path = root / "capture" / "loans" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines))


def test_a_record_counts_by_its_first_answer_and_its_newest_outcome_by_then(tmp_path):
    late, early = "2026-11-01T05:00:00Z", "2026-11-01T04:59:59Z"
    lay(tmp_path, f"{ENDPOINT}/champion/2026/11/01/05/a.jsonl", [captured_line("one", late, 0.9)])
    lay(tmp_path, f"{ENDPOINT}/champion/2026/11/01/05/b.jsonl", [captured_line("one", early, 0.2, "0")])
    lay(tmp_path, f"{ENDPOINT}/champion/2026/11/01/05/c.jsonl", [captured_line("one", late, 0.8)])
    newest = [told_line("one", "0", "2026-11-03T00:00:00Z"), told_line("one", "1", "2026-11-03T00:00:01Z")]
    lay(tmp_path, "ground-truth/2026/11/03/00/b.jsonl", newest[::-1])
    lay(tmp_path, "ground-truth/2026/11/03/00/a.jsonl", [told_line("one", "7", "2026-11-03T00:00:01Z")])
    lay(tmp_path, "ground-truth/2026/11/03/23/a.jsonl", [told_line("one", "9", "2026-11-03T23:30:01.000Z")])
    s3 = FolderS3(tmp_path)
    captured, until = Captured(s3, "s3://capture/loans", ENDPOINT), datetime(2026, 11, 3, 23, 30, tzinfo=UTC)
    found = distributed.follow(OneProcess(s3), captured, WINDOW, MODEL, VERSION, until, "")
    assert (found.known.scores.tolist(), found.known.decisions, found.known.outcomes) == ([0.2], ["0"], ["1"])
    assert found.counts["duplicates"] == 2


def test_a_join_leaves_nothing_behind(s3, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "SPILL_ENTRIES", 100)
    follow(OneProcess(s3, tmp_path), s3)
    assert list(tmp_path.iterdir()) == []


def test_samples_of_parts_are_the_sample_of_the_whole():
    whole = Sample(50, "window")
    halves = [Sample(50, "window"), Sample(50, "window")]
    for number in range(1000):
        for sample in (whole, halves[number // 700]):
            sample.offer(f"record-{number}", {"n": number})
    halves[0].merge(halves[1])
    assert halves[0].rows == whole.rows
    assert len(whole.rows) == 50


def test_same_inputs_tells_apart(s3, tmp_path):
    """The comparison that the tests of Spark rely on."""
    assert same_inputs(see(OneProcess(s3), s3), see(OneProcess(s3), s3))
    assert not same_inputs(see(OneProcess(s3), s3), see(OneProcess(FolderS3(tmp_path)), FolderS3(tmp_path)))


def followed(root, outcomes, missing_means=""):
    """Predictions of which each has one of these outcomes; one of None has none."""
    at = "2026-11-01T05:00:00Z"
    records = {f"r{number}": outcome for number, outcome in enumerate(outcomes)}
    lay(root, f"{ENDPOINT}/champion/2026/11/01/05/a.jsonl", [captured_line(record, at, 0.5) for record in records])
    told = [told_line(record, outcome, "2026-11-03T00:00:00Z") for record, outcome in records.items() if outcome]
    lay(root, "ground-truth/2026/11/03/00/a.jsonl", told)
    captured = Captured(FolderS3(root), "s3://capture/loans", ENDPOINT)
    until = datetime(2026, 11, 3, 23, 30, tzinfo=UTC)
    return distributed.follow(OneProcess(captured.s3), captured, WINDOW, MODEL, VERSION, until, missing_means)


@pytest.mark.parametrize("missing_means", ["", "0"])
def test_outcomes_in_other_words_are_counted_and_not_taken_for_events_that_did_not_happen(tmp_path, missing_means):
    found = followed(tmp_path, ["1", "1.0", "01", "0", "0.0", "true", "maybe", "2", None], missing_means)
    assert found.known.outcomes == ["1", "1", "1", "0", "0", *([missing_means] if missing_means else [])]
    counted = {name: found.counts[name] for name in ("matched", "odd_outcomes", "without_outcome")}
    assert counted == {"matched": 5, "odd_outcomes": 3, "without_outcome": 1}
    unknown = sum(
        count for cells in found.groups.cells.values() for (_, _, hoped, _), count in cells.items() if hoped is None
    )
    assert unknown == 3 + (not missing_means)


def test_the_word_for_no_news_is_an_outcome_where_it_is_told(tmp_path):
    found = followed(tmp_path, ["paid", "1", None], "paid")
    assert found.known.outcomes == ["paid", "1", "paid"]
    assert found.counts["odd_outcomes"] == 0


def test_misplaced_files_are_counted_and_fail_nothing(tmp_path):
    lay(tmp_path, "ground-truth/2026/11/03/00/sub/a.jsonl", [told_line("r1", "0", "2026-11-03T00:00:00Z")])
    lay(tmp_path, f"{ENDPOINT}/champion/2026/11/01/05/sub/a.jsonl", [captured_line("x", "2026-11-01T05:00:00Z", 0.5)])
    found = followed(tmp_path, ["1", None])
    assert (found.known.outcomes, found.rows) == (["1"], 2)
    assert (found.counts["misplaced"], found.counts["misplaced_outcomes"]) == (1, 1)
    seen = see(OneProcess(FolderS3(tmp_path)), FolderS3(tmp_path))
    assert (seen.rows, seen.counts.document()["misplaced"]) == (2, 1)


def test_trouble_that_is_counted_has_words(tmp_path):
    counted = followed(tmp_path, ["1"]).counts
    assert {"odd_outcomes", "misplaced", "misplaced_outcomes"} <= set(TROUBLE) <= set(COUNTS)
    assert set(counted) <= set(COUNTS)
