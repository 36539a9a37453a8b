"""Brief operations are answered where the request came in, unless somebody has the tables."""

import asyncio
import threading
from typing import Any

import pytest

from local_aws.core import api, rest, store
from local_aws.core.api import FEATURESTORE_RUNTIME, Context


@pytest.fixture
def ran_on(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The threads that answered."""
    found: list[int] = []

    def delete(_ctx: Context, _params: dict[str, Any]) -> dict[str, Any]:
        found.append(threading.get_ident())
        return {}

    monkeypatch.setitem(api.services[FEATURESTORE_RUNTIME], "DeleteRecord", delete)
    return found


def ask(ctx: Context, *, brief: bool) -> int:
    query = {"RecordIdentifierValueAsString": "a", "EventTime": "2020-01-01T00:00:00Z"}
    request = rest.answer(ctx, FEATURESTORE_RUNTIME, "DELETE", "/FeatureGroup/g", query, b"", brief=brief)
    return asyncio.run(request)[0]


def test_a_brief_operation_is_answered_at_once(ctx: Context, ran_on: list[int]) -> None:
    assert ask(ctx, brief=True) == ask(ctx, brief=False) == 200
    assert ran_on[0] == threading.get_ident()
    assert ran_on[1] != threading.get_ident()
    assert store.lock.acquire(blocking=False)
    store.lock.release()


def test_the_tables_are_not_waited_for_where_requests_come_in(ctx: Context, ran_on: list[int]) -> None:
    taken, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with store.lock:
            taken.set()
            let_go.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    assert taken.wait(10)
    try:
        assert ask(ctx, brief=True) == 200
        assert ran_on[0] != threading.get_ident()
    finally:
        let_go.set()
        holder.join()
