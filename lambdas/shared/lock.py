"""One run at a time for each model: an item of the ledger's table, with an owner and a lease.

A run that finds the lock held leaves a mark on it and ends: the holder looks once more before it lets go, so
nothing that woke anybody is lost. A run that died leaves a lease that ends by itself, later than the function's
timeout: so whoever takes the lock over cannot meet the run that had it.

The item also keeps the holder's intent, a text of its own: what it is about to do. If the run ends too early, the
next one finds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from shared.entries import was_refused

LEASE_SECONDS = 90
"""Longer than the function's timeout."""

ATTEMPTS = 5
"""To take or to mark a lock that others take and leave at the same time."""


class LockTrouble(Exception):
    """The lock changed hands faster than it could be read: the next event tries again."""


class Lock:
    """The lock of one model. clock: tells the time, UTC."""

    def __init__(self, dynamodb: Any, table: str, model: str, clock: Callable[[], datetime]) -> None:
        self._dynamodb, self._table, self._clock = dynamodb, table, clock
        self._key = {"model": {"S": f"lock#{model}"}, "entry": {"S": "lock"}}

    def acquire(self) -> Hold | None:
        """None when another run holds it: that one now knows that it has to look again."""
        owner = uuid4().hex
        for _ in range(ATTEMPTS):
            taken = self._update(
                "SET #owner = :owner, #expires = :expires, #again = :no",
                "attribute_not_exists(#owner) OR #expires <= :now",
                {":owner": {"S": owner}, ":expires": self._lease(), ":no": {"BOOL": False}, ":now": self._seconds(0)},
            )
            if taken is not None:
                return Hold(self, owner, taken.get("intent", {}).get("S", ""))
            marked = self._update(
                "SET #again = :yes",
                "attribute_exists(#owner) AND #expires > :now",
                {":yes": {"BOOL": True}, ":now": self._seconds(0)},
            )
            if marked is not None:
                return None
        raise LockTrouble(f"lock of {self._key['model']['S']}: changed hands {ATTEMPTS} times")

    def _update(self, change: str, condition: str, values: dict[str, Any]) -> dict[str, Any] | None:
        """The item after the change, or None where the condition does not hold."""
        words = [f"#{name}" for name in ("owner", "expires", "again", "intent")]
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key=self._key,
                UpdateExpression=change,
                ConditionExpression=condition,
                ExpressionAttributeNames={word: word[1:] for word in words if word in change + condition},
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if not was_refused(error):
                raise
            return None
        return dict(answer["Attributes"])

    def _delete(self, condition: str, values: dict[str, Any]) -> bool:
        words = [f"#{name}" for name in ("owner", "again")]
        try:
            self._dynamodb.delete_item(
                TableName=self._table,
                Key=self._key,
                ConditionExpression=condition,
                ExpressionAttributeNames={word: word[1:] for word in words if word in condition},
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            if not was_refused(error):
                raise
            return False
        return True

    def _lease(self) -> dict[str, str]:
        return self._seconds(LEASE_SECONDS)

    def _seconds(self, ahead: int) -> dict[str, str]:
        return {"N": str(int(self._clock().timestamp()) + ahead)}


@dataclass(frozen=True)
class Hold:
    """The lock, held by this run. intent: what the run before it was about to do, if it ended too early; else ""."""

    lock: Lock
    owner: str
    intent: str

    def intend(self, intent: str) -> None:
        """Keep it in the lock. Raises LockTrouble when the lease ended and somebody else has the lock."""
        change = {":intent": {"S": intent}, **self._mine()}
        if self.lock._update("SET #intent = :intent", "#owner = :owner", change) is None:
            raise LockTrouble("the lease of this run ended before it did")

    def release(self) -> bool:
        """False when another run came meanwhile: the lock is still held, for another look."""
        if self.lock._delete("#owner = :owner AND #again = :no", {**self._mine(), ":no": {"BOOL": False}}):
            return True
        values = {**self._mine(), ":no": {"BOOL": False}, ":expires": self.lock._lease()}
        kept = self.lock._update("SET #again = :no, #expires = :expires REMOVE #intent", "#owner = :owner", values)
        return kept is None

    def drop(self) -> None:
        """Let go whoever came meanwhile."""
        self.lock._delete("#owner = :owner", self._mine())

    def abandon(self) -> None:
        """The run failed: others may take over at once, and find its intent."""
        self.lock._update("SET #expires = :now", "#owner = :owner", {**self._mine(), ":now": self.lock._seconds(0)})

    def _mine(self) -> dict[str, Any]:
        return {":owner": {"S": self.owner}}
