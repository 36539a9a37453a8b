"""Answers that several requests share for a moment."""

import threading

import pytest

from mlops.page.cache import Cache, answer


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_document_is_made_once_within_its_time_and_again_after_it() -> None:
    clock, made = Clock(), []
    cache = Cache(1.0, clock)

    def make() -> int:
        made.append(1)
        return len(made)

    assert [cache.get("a", make).body for _ in range(3)] == [b"1"] * 3
    clock.now = 1.0
    assert cache.get("a", make).body == b"2"
    assert cache.get("b", make).body == b"3"


def test_what_was_changed_is_read_anew() -> None:
    cache = Cache(60.0, Clock())
    cache.get("a", lambda: 1)
    cache.forget()

    assert cache.get("a", lambda: 2).body == b"2"


def test_a_failure_is_not_kept() -> None:
    cache = Cache(60.0, Clock())
    with pytest.raises(ZeroDivisionError):
        cache.get("a", lambda: 1 / 0)

    assert cache.get("a", lambda: 2).body == b"2"


def test_many_that_ask_at_once_are_answered_by_one_read() -> None:
    cache, made, begun = Cache(60.0), [], threading.Event()

    def make() -> int:
        made.append(begun.wait(5))
        return 1

    asking = [threading.Thread(target=cache.get, args=("a", make)) for _ in range(5)]
    for each in asking:
        each.start()
    begun.set()
    for each in asking:
        each.join()
    assert len(made) == 1


def test_the_tag_tells_documents_apart() -> None:
    assert answer({"a": 1}).tag == answer({"a": 1}).tag
    assert answer({"a": 1}).tag != answer({"a": 2}).tag
