"""Every right of every role that AWS takes is used, and every call of such a role is allowed."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from tests.infra.environments import ACCOUNTS, all_synthesized, in_accounts
from tests.permissions import calls, comparison
from tests.permissions.calls import IN_ACCOUNTS, SHAPES, Record
from tests.permissions.reasons import NOT_RUN, REASONS
from tests.permissions.templates import Environment, Role

Roles = dict[tuple[str, str], Role]


@pytest.fixture(scope="module")
def record() -> Record:
    return calls.read()


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Roles]:
    """`roles("prod")`, by stack and kind; `roles("accounts")` are those of all that have accounts, and of local."""
    folder: Path = all_synthesized(tmp_path_factory)

    @cache
    def of(shape: str) -> Roles:
        if shape != IN_ACCOUNTS:
            return Environment.of(folder / shape).roles()
        places = [(folder / in_accounts(each), account) for each, account in ACCOUNTS.items()]
        elsewhere = {key: role for place in places for key, role in Environment.of(*place).roles().items()}
        return {**of("local"), **elsewhere}  # test_accounts has two environments with the settings of local

    return of


@pytest.mark.parametrize("environment", SHAPES)
def test_nothing_is_missing(environment: str, roles: Callable[[str], Roles], record: Record) -> None:
    """A call that was made in an environment is allowed there to the role that made it."""
    assert not [str(each) for each in comparison.missing(environment, roles(environment), record)]


@pytest.mark.parametrize("environment", SHAPES)
def test_nothing_is_allowed_that_no_call_uses(environment: str, roles: Callable[[str], Roles], record: Record) -> None:
    """Each action on each resource was called, or stands in reasons.py."""
    assert not [str(each) for each in comparison.unused(roles(environment), record, REASONS)]


def test_each_reason_is_needed(roles: Callable[[str], Roles], record: Record) -> None:
    """What is called, or no longer allowed, needs no reason any more: each action of a reason does."""
    unused = [pair for each in SHAPES for pair in comparison.unused(roles(each), record, ())]
    parts = [replace(each, actions=(action,)) for each in REASONS for action in each.actions]
    assert not [each for each in parts if not any(comparison.covers(each, pair) for pair in unused)]


def test_each_reason_says_something() -> None:
    assert all(len(each.why) > 20 for each in REASONS)


def test_every_role_of_the_environment_that_runs_here_was_seen(roles: Callable[[str], Roles], record: Record) -> None:
    """A role whose calls nobody recorded would prove nothing: which these are is said."""
    silent = {role.kind for role in roles("local").values()} - {each.role for each in record}
    assert {next((one for one in NOT_RUN if each.startswith(one)), each) for each in silent} == set(NOT_RUN)


def test_actions_are_spelled_out(roles: Callable[[str], Roles]) -> None:
    """A wildcard in an action would allow what AWS adds later."""
    pairs = {pair for each in SHAPES for role in roles(each).values() for pair in role.pairs}
    assert not [str(each) for each in pairs if "*" in each.action]
