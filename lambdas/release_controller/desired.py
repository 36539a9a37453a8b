"""What the release parameters should say, from how far the candidate has come; one write at a time.

The order of the writes is the order in which SageMaker takes the changes. A challenger leaves at weight 0 and
without a scaling target; a shadow goes before the champion is replaced, since a canary needs the same variants
before and after, and before a challenger comes, since the two never stand together.
"""

from __future__ import annotations

from shared.versions import version_of
from state import NONE, Candidate, Observed, Write, candidate_of


def candidate(observed: Observed) -> Candidate | None:
    return candidate_of(observed.parameters.candidate)


def ending(observed: Observed, of: Candidate) -> bool:
    """The candidate failed: what stands of it goes. (One that is gone back to is older than what failed.)"""
    return of.stage != "rollback" and version_of(of.package) <= version_of(observed.parameters.failed.value)


def arrived(observed: Observed, of: Candidate) -> bool:
    """The candidate is the champion, confirmed."""
    return observed.parameters.champion.value == of.package == observed.parameters.released


def wanted_shadow(of: Candidate | None, *, leaving: bool) -> str:
    return of.package if of and of.stage == "shadow" and not leaving else NONE


def wanted_challenger(observed: Observed, of: Candidate | None, *, leaving: bool) -> str:
    """On the way to champion a challenger stays, so that the set of variants does not change under the canary."""
    if of is None or leaving:
        return NONE
    stays = of.stage == "promote" and observed.parameters.challenger.value == of.package
    if of.stage == "challenger" or (stays and not arrived(observed, of)):
        return of.package
    return NONE


def align(observed: Observed) -> Write | None:
    """The next write that brings a parameter into line with the candidate's stage, or None.

    Also None where the write has to wait: for the weights to be at 0, for the scaling target or the shadow to be
    gone from the stack.
    """
    parameters, stack, now = observed.parameters, observed.stack, candidate(observed)
    leaving = now is not None and ending(observed, now)
    shadow = wanted_shadow(now, leaving=leaving)
    challenger = wanted_challenger(observed, now, leaving=leaving)
    if parameters.challenger.value not in (NONE, challenger):
        return _dismiss_challenger(observed, challenger)
    if parameters.challenger.value == NONE and parameters.share and challenger == NONE:
        return Write("challenger-weight", "0", "there is no challenger")
    if parameters.shadow.value != shadow and shadow == NONE:
        return Write("shadow", NONE, "the candidate is not in shadow")
    if parameters.challenger.value != challenger:
        return Write("challenger", challenger, "the candidate gets a share of its own")
    if parameters.shadow.value != shadow and stack.challenger == NONE:
        return Write("shadow", shadow, "the candidate answers in shadow")
    to_champion = now is not None and now.stage in ("promote", "rollback") and not leaving
    # The set of variants must not change with the champion: a challenger that comes or goes does so before.
    settled = stack.shadow == NONE and stack.challenger == parameters.challenger.value
    if now and to_champion and parameters.champion.value != now.package and settled:
        return Write("champion", now.package, "the candidate replaces the champion")
    return None


def withdraw(observed: Observed) -> Write | None:
    """The next write that leaves the confirmed champion alone, while the endpoint is stopped; None if it is alone.

    An endpoint that comes back is made anew, without canary and alarms: all of it fails if one of its variants does.
    The candidate stays, so `align` lets it join again, watched as the first time.
    """
    parameters, now = observed.parameters, candidate(observed)
    reason = "the endpoint is stopped: its champion comes back alone, then the candidate joins it"
    if parameters.share:
        return Write("challenger-weight", "0", reason)
    if parameters.challenger.value != NONE:
        return Write("challenger", NONE, reason)
    if parameters.shadow.value != NONE:
        return Write("shadow", NONE, reason)
    champion = parameters.champion.value
    if now and now.package == champion and champion not in (NONE, parameters.released):
        return Write("champion", parameters.released, "the endpoint is stopped before its release was confirmed")
    return None


def _dismiss_challenger(observed: Observed, successor: str) -> Write | None:
    parameters, stack = observed.parameters, observed.stack
    if parameters.share:
        return Write("challenger-weight", "0", "the challenger leaves at weight 0")
    standing = stack.challenger != NONE and observed.endpoint is not None
    if standing and observed.endpoint and observed.endpoint.share:
        return None
    if stack.challenger_scaled:
        return None
    return Write("challenger", successor, "the challenger has no traffic any more")
