"""What the outcomes say so far, as running sums: of two arms, or of pairs. The rules of verdict.py read them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

from sequential import OddsBets, log_sum, share_log_e


class Evidence(Protocol):
    """samples: outcomes, or pairs. difference: success rate of the candidate minus the champion's; error: its
    standard error. score: Z under "no difference". log_e: logarithm of the e-process against it.
    information: what `score` is made of, in the unit of the plan.
    """

    @property
    def samples(self) -> int: ...
    @property
    def information(self) -> float: ...
    @property
    def difference(self) -> float: ...
    @property
    def error(self) -> float: ...
    @property
    def score(self) -> float: ...
    @property
    def log_e(self) -> float: ...


@dataclass
class Arms:
    """Two arms that answered different requests, stratified by block (Mantel-Haenszel).

    Each block is compared within itself, so neither a split that changes over time nor a base rate that does can
    pass for a difference. information: sum of n*m/(n+m), for n and m records of the two arms in a block.
    bets: None where no e-process is asked for.
    """

    bets: OddsBets | None = None
    champion_n: int = 0
    champion_successes: int = 0
    candidate_n: int = 0
    candidate_successes: int = 0
    information: float = 0.0
    _excess: float = 0.0
    _variance: float = 0.0
    _champion_part: float = 0.0
    _candidate_part: float = 0.0
    _logs: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._logs = [0.0] * len(self.bets.log_odds) if self.bets else []

    def add(self, champion_n: int, champion_successes: int, candidate_n: int, candidate_successes: int) -> None:
        """One block. A block with one arm only compares nothing, and does not count."""
        if not champion_n or not candidate_n:
            return
        self.champion_n += champion_n
        self.champion_successes += champion_successes
        self.candidate_n += candidate_n
        self.candidate_successes += candidate_successes
        n, successes = champion_n + candidate_n, champion_successes + candidate_successes
        weight = champion_n * candidate_n / n
        self.information += weight
        self._excess += candidate_successes - candidate_n * successes / n
        self._variance += weight * successes * (n - successes) / (n * (n - 1))
        self._champion_part += weight**2 / champion_n
        self._candidate_part += weight**2 / candidate_n
        if self.bets:
            gains = self.bets.gains(champion_n, candidate_n, successes, candidate_successes)
            self._logs = [log + gain for log, gain in zip(self._logs, gains, strict=True)]

    @property
    def samples(self) -> int:
        return self.champion_n + self.candidate_n

    @property
    def difference(self) -> float:
        return self._excess / self.information if self.information else 0.0

    @property
    def error(self) -> float:
        """Each arm with its own variance; never 0."""
        variance = _variance(self.champion_successes, self.champion_n) * self._champion_part
        variance += _variance(self.candidate_successes, self.candidate_n) * self._candidate_part
        return math.sqrt(variance) / self.information if self.information else 1.0

    @property
    def score(self) -> float:
        """Cochran-Mantel-Haenszel, signed, without continuity correction."""
        return self._excess / math.sqrt(self._variance) if self._variance else 0.0

    @property
    def log_e(self) -> float:
        return log_sum(self._logs) - math.log(len(self._logs)) if self._logs else 0.0


@dataclass
class Pairing:
    """Two models that answered the same requests: only the pairs in which one alone is right decide (McNemar).

    information: the number of those. strength: of the e-process's mixture, see sequential.share_log_e.
    """

    strength: float
    both: int = 0
    champion_only: int = 0
    candidate_only: int = 0

    def add(self, both: int, champion_only: int, candidate_only: int) -> None:
        self.both += both
        self.champion_only += champion_only
        self.candidate_only += candidate_only

    @property
    def samples(self) -> int:
        return self.both + self.champion_only + self.candidate_only

    @property
    def information(self) -> int:
        return self.champion_only + self.candidate_only

    @property
    def difference(self) -> float:
        return (self.candidate_only - self.champion_only) / self.samples if self.samples else 0.0

    @property
    def error(self) -> float:
        """With one more discordant pair of each kind than there were; never 0."""
        n = self.samples + 2
        mean = (self.candidate_only - self.champion_only) / n
        return math.sqrt(((self.information + 2) / n - mean**2) / n)

    @property
    def score(self) -> float:
        excess = self.candidate_only - self.champion_only
        return excess / math.sqrt(self.information) if excess else 0.0

    @property
    def log_e(self) -> float:
        return share_log_e(self.candidate_only, self.champion_only, 0.5, self.strength)


def _variance(successes: int, n: int) -> float:
    """Of one record: p*(1-p), with one success and one failure more than there were."""
    share = (successes + 1) / (n + 2)
    return share * (1 - share)
