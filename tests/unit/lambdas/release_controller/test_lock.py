"""The lock, with DynamoDB's own rules for conditions as moto knows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from tests.unit.lambdas.release_controller.names import MODEL, TABLE, arn

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Time:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now

    def pass_seconds(self, seconds):
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def lock(aws, time):
    return aws.modules.lock.Lock(aws.clients.dynamodb, TABLE, MODEL, time)


@pytest.fixture
def intent(aws, observed):
    """An intent to write `failed`, and whether it came true with these values of it."""
    entry = aws.modules.ledger.Entry(9, "lost#2", "2026", "lost", arn(2), 2, "shadow", "why", "{}", "{}", True)
    return aws.modules.intent.Intent("failed", arn(2), 1, entry, "subject", "message")


def stored(aws):
    key = {"model": {"S": f"lock#{MODEL}"}, "entry": {"S": "lock"}}
    return aws.clients.dynamodb.get_item(TableName=TABLE, Key=key).get("Item")


def test_one_of_two_gets_it_and_leaves_nothing_behind(aws, lock):
    hold = lock.acquire()
    assert lock.acquire() is None
    assert hold.release() is False
    assert hold.release() is True
    assert stored(aws) is None
    assert lock.acquire() is not None


def test_whoever_came_meanwhile_is_known_once(lock):
    hold = lock.acquire()
    assert lock.acquire() is None
    assert lock.acquire() is None
    assert hold.release() is False
    assert hold.release() is True


def test_locks_of_two_models_are_two(aws, lock, time):
    lock.acquire()
    assert aws.modules.lock.Lock(aws.clients.dynamodb, TABLE, "another", time).acquire() is not None


def test_lease_that_ended_is_taken_over_and_no_sooner(aws, lock, time):
    lost = lock.acquire()
    time.pass_seconds(aws.modules.lock.LEASE_SECONDS - 1)
    assert lock.acquire() is None
    time.pass_seconds(1)
    hold = lock.acquire()
    assert hold is not None
    # Whoever had it can neither give it back nor write its intent any more.
    assert lost.release() is True
    assert stored(aws)["owner"]["S"] == hold.owner


def test_lease_is_longer_than_the_functions_timeout(release_controller):
    assert release_controller.lock.LEASE_SECONDS > 60


def test_intent_outlives_the_run_that_failed(aws, lock, intent):
    hold = lock.acquire()
    hold.intend(intent.stored())
    hold.abandon()
    assert aws.modules.intent.Intent.read(lock.acquire().intent) == intent


def test_intent_outlives_the_run_that_died(aws, lock, intent, time):
    lock.acquire().intend(intent.stored())
    time.pass_seconds(aws.modules.lock.LEASE_SECONDS)
    assert aws.modules.intent.Intent.read(lock.acquire().intent) == intent


def test_intent_is_gone_when_the_run_ended_well(lock, intent):
    hold = lock.acquire()
    hold.intend(intent.stored())
    assert lock.acquire() is None
    hold.release()
    hold.abandon()
    assert lock.acquire().intent == ""


def test_intent_without_the_lock_is_refused(aws, lock, intent, time):
    lost = lock.acquire()
    time.pass_seconds(aws.modules.lock.LEASE_SECONDS)
    lock.acquire()
    with pytest.raises(aws.modules.lock.LockTrouble, match="lease of this run ended"):
        lost.intend(intent.stored())


@pytest.mark.parametrize(
    ("value", "version", "true"), [(arn(2), 2, True), (arn(2), 1, False), (arn(3), 2, False), ("none", 1, False)]
)
def test_intent_came_true_when_its_value_stands_under_a_later_version(
    release_controller, observed, intent, value, version, true
):
    failed = release_controller.state.Parameter(value, version, NOW)
    assert intent.came_true(observed({"failed": failed}).parameters) is true


def test_dropped_lock_is_free_whoever_came(aws, lock):
    hold = lock.acquire()
    lock.acquire()
    hold.drop()
    assert stored(aws) is None


def test_lock_that_changes_hands_all_the_time_is_an_error(aws, lock):
    with Stubber(aws.clients.dynamodb) as dynamodb:
        for _ in range(2 * aws.modules.lock.ATTEMPTS):
            dynamodb.add_client_error(
                "update_item", "ConditionalCheckFailedException", "The conditional request failed"
            )
        with pytest.raises(aws.modules.lock.LockTrouble, match=f"lock of lock#{MODEL}: changed hands 5 times"):
            lock.acquire()


@pytest.mark.parametrize("call", ["update_item", "delete_item"])
def test_other_errors_of_the_table_are_raised(aws, lock, call):
    hold = lock.acquire()
    with Stubber(aws.clients.dynamodb) as dynamodb:
        dynamodb.add_client_error(call, "ThrottlingException", "Rate exceeded")
        with pytest.raises(ClientError, match="Rate exceeded"):
            hold.abandon() if call == "update_item" else hold.release()
