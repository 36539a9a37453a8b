"""Records find their outcomes in one process, whatever is on disk meanwhile."""

import pytest

from monitoring import workers
from monitoring.workers import OneProcess, Side, partition_of, spot_of

LEFT = [("a", 1), ("b", 2), ("c", 3), ("a", 4)]
RIGHT = [("c", 5), ("x", 6), ("a", 7), (None, 8)]


def spotted(pair):
    record, number = pair
    yield None if record is None else spot_of(record), (record, number)


def joined(partitions):
    sides = Side(spotted, LEFT), Side(spotted, RIGHT)
    return [list(each) for each in OneProcess(None).join(*sides, list, partitions)]


@pytest.mark.parametrize("held", [1, 3, 1000])
@pytest.mark.parametrize("partitions", [1, 2, 50])
def test_every_entry_comes_once_with_all_of_its_record_in_the_order_of_reading(monkeypatch, held, partitions):
    monkeypatch.setattr(workers, "SPILL_ENTRIES", held)
    found = joined(partitions)
    assert len(found) == partitions
    assert sorted(number for part in found for _, number in part) == [1, 2, 3, 4, 5, 7, 8]
    [of_a] = [part for part in found if ("a", 1) in part]
    assert [number for record, number in of_a if record == "a"] == [1, 4, 7]


def test_outcomes_of_nobodys_predictions_are_not_written_down():
    assert ("x", 6) not in joined(1)[0]


def test_nothing_on_the_left_wants_nothing_on_the_right():
    sides = Side(spotted, []), Side(spotted, RIGHT)
    assert list(OneProcess(None).join(*sides, list, 1)) == [[(None, 8)]]


def test_a_record_has_the_same_spot_in_every_process():
    """Python's own hash has another one in each."""
    assert spot_of("record-1") == 0xC53811B6F5D1DD5
    assert spot_of("record-1") != spot_of("record-2")
    assert partition_of(spot_of("record-1"), 7) == spot_of("record-1") % 7
    assert partition_of(None, 7) == 0


def test_results_come_in_the_order_of_the_items():
    assert list(OneProcess(None).map(str, [3, 1, 2])) == ["3", "1", "2"]
