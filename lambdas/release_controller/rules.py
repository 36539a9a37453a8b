"""The two rules that decide. Each reads evidence that grows, and stops for good where it first decides."""

from __future__ import annotations

import math
from typing import Literal, Protocol

import sequential
from evidence import Evidence

Outcome = Literal["better", "worse", "no_difference", "continue"]


class Rule(Protocol):
    """What a verdict is read from; progress, statistic, boundary and spent are those of verdict.Verdict.

    planned: information of the plan, in the evidence's unit. see: to be called whenever the evidence has grown.
    width: half of the interval, in standard errors; asked for only once there is information.
    """

    name: Literal["planned", "open_ended"]
    planned: float
    boundary: float

    def see(self) -> Outcome: ...
    @property
    def statistic(self) -> float: ...
    @property
    def progress(self) -> float: ...
    @property
    def spent(self) -> float: ...
    @property
    def width(self) -> float: ...


class Planned:
    """O'Brien-Fleming: Z*sqrt(t) against a constant, where t is the share of the planned information.

    The last step may pass t = 1; t then counts as 1, as if the plan had been that much longer.
    """

    name: Literal["planned", "open_ended"] = "planned"

    def __init__(self, evidence: Evidence, error_rate: float, planned: float) -> None:
        self._evidence = evidence
        self.planned = planned
        self.boundary = sequential.obrien_fleming(error_rate)

    def see(self) -> Outcome:
        if abs(self.statistic) >= self.boundary:
            return "better" if self.statistic > 0 else "worse"
        return "no_difference" if self.progress == 1 else "continue"

    @property
    def statistic(self) -> float:
        return self._evidence.score * math.sqrt(self.progress)

    @property
    def progress(self) -> float:
        return min(1.0, self._evidence.information / self.planned)

    @property
    def spent(self) -> float:
        return sequential.spent(self.progress, self.boundary)

    @property
    def width(self) -> float:
        return sequential.repeated_width(self.progress, self.boundary)


class OpenEnded:
    """The highest value so far of an e-process against 1/error_rate (Ville's inequality).

    progress: logarithm of that value as a share of what is needed. spent: the p-value that is right at all times.
    """

    name: Literal["planned", "open_ended"] = "open_ended"

    def __init__(self, evidence: Evidence, error_rate: float, planned: float) -> None:
        self._evidence = evidence
        self.planned = planned
        self.boundary = 1 / error_rate
        self._error_rate = error_rate
        self._highest = 0.0

    def see(self) -> Outcome:
        self._highest = max(self._highest, self._evidence.log_e)
        if self._highest < math.log(self.boundary):
            return "continue"
        return "better" if self._evidence.difference > 0 else "worse"

    @property
    def statistic(self) -> float:
        return math.exp(min(self._highest, 700.0))  # no float holds more

    @property
    def progress(self) -> float:
        return min(1.0, self._highest / math.log(self.boundary))

    @property
    def spent(self) -> float:
        return math.exp(-self._highest)

    @property
    def width(self) -> float:
        return sequential.mixture_width(self._evidence.information / self.planned, self._error_rate)
