"""The record of calls beside the policies of the templates."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from tests.permissions.calls import Call, Record
from tests.permissions.reasons import Reason
from tests.permissions.templates import Pair, Role


def missing(environment: str, roles: Mapping[tuple[str, str], Role], record: Record) -> list[Call]:
    """Calls made in an environment that a role of its templates would be refused.

    A role of a model is one of each model; what one of them called, all of them have to be allowed, or the model has
    no such role.
    """
    return sorted(
        call
        for call, environments in record.items()
        if environment in environments
        and not any(role.allows(call) for role in roles.values() if role.kind == call.role)
    )


def unused(roles: Mapping[tuple[str, str], Role], record: Record, reasons: Iterable[Reason]) -> list[Pair]:
    """What roles may do though no call used it, and no reason says why they may."""
    used = {Pair(each.role, each.action, each.resource) for each in record}
    allowed = {pair for role in roles.values() for pair in role.pairs}
    return sorted(pair for pair in allowed - used if not any(covers(each, pair) for each in reasons))


def covers(reason: Reason, pair: Pair) -> bool:
    """Whether a reason is about a pair."""
    return (
        fnmatchcase(pair.role, reason.role)
        and any(fnmatchcase(pair.action, each) for each in reason.actions)
        # A policy's own wildcards are letters here.
        and (reason.resource == pair.resource or fnmatchcase(pair.resource, reason.resource))
    )
