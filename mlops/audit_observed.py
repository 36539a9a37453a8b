"""What an audit looks at in a version, and what a check came to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mlops.evidence import Chain
from mlops.ledger import Entry

OK, GAP, NOT_APPLICABLE = "ok", "gap", "not applicable"


@dataclass(frozen=True)
class Finding:
    """What a check came to: ok, gap or not applicable, why in one line, and how to mend a gap."""

    check: str
    state: str
    why: str
    fix: str = ""


@dataclass(frozen=True)
class Rules:
    """What the configuration asks of a release."""

    requires: Sequence[str] = ()
    second_person: bool = False
    monitored: bool = True
    review_days: int = 0
    owner: str = ""
    risk_rating: str = ""
    max_attribution_share: float = 1.0


@dataclass(frozen=True)
class Observed:
    """All that is known of a version at a moment.

    package: DescribeModelPackage's answer, the archived one of a retired version, None if there is neither.
    gone: what the manifest names and S3 has not, by section (data, code, bias, explanations, baselines, artifact), as
    addresses. bundle_sha256: of the code bundle's bytes, and of its contents before compression; empty if it is gone.
    card: status of the model card, None if there is none. trainer: who started the training, allowed_by: who
    released as the second person; "" where nobody knows. reviews: when and by whom, oldest first.
    """

    version: int
    now: datetime
    rules: Rules
    chain: Chain
    package: Mapping[str, Any] | None = None
    releases: Sequence[Entry] = ()
    champion: bool = False
    gone: Mapping[str, Sequence[str]] = field(default_factory=dict)
    bundle_sha256: frozenset[str] = frozenset()
    card: str | None = None
    trainer: str = ""
    allowed_by: str = ""
    reviews: Sequence[tuple[datetime, str]] = ()

    @property
    def manifest(self) -> Mapping[str, Any]:
        return self.chain.manifest or {}

    @property
    def unknown(self) -> bool:
        """Whether nothing tells that there ever was such a version."""
        return self.package is None and not self.chain.revisions and not self.chain.problems and not self.releases

    @property
    def retired(self) -> bool:
        return bool(self.manifest.get("retired"))

    @property
    def serving_since(self) -> datetime | None:
        """When it became champion last; None if it never did."""
        return next((each.at for each in self.releases if each.kind == "done"), None)

    def part(self, name: str) -> Mapping[str, Any]:
        """A section of the manifest; empty where there is none."""
        found = self.manifest.get(name)
        return found if isinstance(found, Mapping) else {}
