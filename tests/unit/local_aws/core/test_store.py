from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from local_aws.core import store

KEY = ("111122223333", "eu-west-1", "m")


def test_a_table_is_the_same_whenever_it_is_asked_for() -> None:
    store.table("tests")[KEY] = {"Name": "m"}
    assert store.table("tests")[KEY] == {"Name": "m"}


def test_rows_are_those_of_one_account_and_region_oldest_first() -> None:
    table = store.table("tests")
    for name in ("b", "a"):
        table["111122223333", "eu-west-1", name] = {"Name": name}
    table["111122223333", "us-east-1", "c"] = {"Name": "c"}
    table["444455556666", "eu-west-1", "d"] = {"Name": "d"}
    assert [row["Name"] for row in table.rows("111122223333", "eu-west-1")] == ["b", "a"]


def test_a_table_may_change_while_it_is_walked() -> None:
    table = store.table("tests")
    table.update({("1", "r", str(number)): {} for number in range(10)})
    for key in table:
        del table[key]
    assert len(table) == 0


def test_no_two_calls_get_the_same_time() -> None:
    with ThreadPoolExecutor(8) as pool:
        times = list(pool.map(lambda _: store.now(), range(200)))
    assert len(set(times)) == 200
    assert all(time.microsecond % 1000 == 0 and time.tzinfo is not None for time in times)


def test_time_never_goes_back_within_a_thread() -> None:
    times = [store.now() for _ in range(50)]
    assert times == sorted(times)
