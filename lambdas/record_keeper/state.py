"""What the keeper observes: plain data, between AWS and the documents that are made of it.

Times of AWS's answers are texts here (ISO 8601, UTC), as they are in documents.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

Json = dict[str, Any]

HOURS = 24


@dataclass(frozen=True)
class Release:
    """A decision of the release controller on a version, or its end. at: ISO 8601, as the ledger has it."""

    version: int
    stage: str
    outcome: str
    at: str
    reason: str


@dataclass(frozen=True)
class Review:
    """A person looked at a version again."""

    version: int
    by: str
    at: str
    note: str


@dataclass(frozen=True)
class Known:
    """What the index has of a version's newest revision.

    fingerprints: of what was cheap to know of the version when the revision was new, under every way of taking it.
    sha256: of the revision's bytes. released: when the newest release in it was; served: when the version became
    champion last; "" for never. open: the pipeline that made the version had not ended. refused: AWS refused to make
    something of its card or its lineage.
    """

    version: int
    revision: int
    sha256: str
    fingerprints: frozenset[str]
    released: str = ""
    served: str = ""
    open: bool = False
    refused: bool = False


@dataclass(frozen=True)
class Tracked:
    """What the index has of an execution that is a run in MLflow.

    execution: its ARN; number: of the entry, 1 for the first; tracking: ARN of the MLflow; run: its id there.
    package: ARN of the version that the execution registered, "" if none, and version its number, 0 if none.
    state: what the run says of the version.
    """

    execution: str
    number: int
    tracking: str
    experiment: str
    run: str
    package: str
    version: int
    state: str

    @property
    def id(self) -> str:
        """Of the execution."""
        return self.execution.rpartition("/")[2]

    @property
    def document(self) -> Json:
        return {"tracking": self.tracking, "run": self.run, "experiment": self.experiment}


@dataclass(frozen=True)
class Subject:
    """A version and what is cheap to know of it. arn: "" if the registry does not have it any more.

    releases: the recent ones only. tracked: the execution that registered it, once it is tracked.
    """

    version: int
    arn: str
    approval: str
    releases: tuple[Release, ...] = ()
    reviews: tuple[Review, ...] = ()
    tracked: Tracked | None = None

    @property
    def fingerprint(self) -> str:
        cheap: list[Any] = [bool(self.arn), self.approval, [(each.by, each.at, each.note) for each in self.reviews]]
        if self.tracked:
            cheap.append(self.tracked.run)
        return hashlib.sha256(json.dumps(cheap).encode()).hexdigest()[:16]

    def is_due(self, known: Known | None, now: datetime) -> bool:
        """Whether it has to be looked at closely: it changed, it is not done, or its hour of the day has come.

        A version that left the registry does not change by itself any more; what was refused is tried again.
        """
        if known is None or known.open or self.fingerprint not in known.fingerprints:
            return True
        if max((each.at for each in self.releases), default="") > known.released:
            return True
        return (bool(self.arn) or known.refused) and self.version % HOURS == now.hour


@dataclass(frozen=True)
class Overview:
    """What a run knows before it looks at any version closely. subjects: the newest version first.

    champion: the version that serves here, 0 for none; serving: since when, by its parameter. passed: the days on
    which everything was looked at and recorded. tracked: by the ids of executions, those that MLflow has.
    """

    now: datetime
    subjects: tuple[Subject, ...]
    known: Mapping[int, Known]
    champion: int
    serving: datetime | None
    passed: frozenset[str]
    tracked: Mapping[str, Tracked] = field(default_factory=dict)

    def with_tracked(self, more: Mapping[str, Tracked]) -> Overview:
        """The same with what is tracked since, and each version with the execution that registered it."""
        tracked = {**self.tracked, **more}
        # Two of one version do not happen; if they did, it would have to be the same one each time.
        by_version = {each.version: each for _, each in sorted(tracked.items())}
        subjects = tuple(replace(each, tracked=by_version.get(each.version)) for each in self.subjects)
        return replace(self, subjects=subjects, tracked=tracked)

    @property
    def due(self) -> tuple[Subject, ...]:
        return tuple(each for each in self.subjects if each.is_due(self.known.get(each.version), self.now))


@dataclass(frozen=True)
class Stored:
    """An object of S3 in the version that was the newest at a certain time. size: in bytes."""

    key: str
    version_id: str
    etag: str
    size: int

    @property
    def document(self) -> Json:
        return {"key": self.key, "version_id": self.version_id, "etag": self.etag, "size": self.size}


@dataclass(frozen=True)
class Objects:
    """What was below a URI at a certain time. trouble: why it is not all there, or not known; "" if it is."""

    objects: tuple[Stored, ...] = ()
    trouble: str = ""


@dataclass(frozen=True)
class Document:
    """A JSON document in S3. body: None where it could not be read, `trouble` then says why."""

    body: Any = None
    version_id: str = ""
    trouble: str = ""


@dataclass(frozen=True)
class Bundle:
    """The code of a version. card: its card.toml as text, "" where it has none."""

    version_id: str = ""
    card: str = ""
    trouble: str = ""


@dataclass(frozen=True)
class Step:
    """A step of the pipeline's run. job: its ARN, "" without one; cached: the execution whose result it took, or "".

    described: what SageMaker says of the job; best: of the training job that a tuning chose. Empty where there is
    none, or where SageMaker does not know it any more.
    """

    name: str
    kind: str
    status: str
    job: str = ""
    cached: str = ""
    described: Mapping[str, Any] = field(default_factory=dict)
    best: Mapping[str, Any] = field(default_factory=dict)

    @property
    def training(self) -> Mapping[str, Any]:
        """The training job that it ended with; empty for a step that trains nothing."""
        return self.best or (self.described if "TrainingJobArn" in self.described else {})


@dataclass(frozen=True)
class Making:
    """How a version came to be, as far as AWS tells.

    execution: DescribePipelineExecution's answer, empty where there is none. definition: the text that ran.
    inputs and documents: by URI. troubles: what could not be asked, each beginning with the section of the manifest.
    """

    execution: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    definition: str = ""
    steps: tuple[Step, ...] = ()
    inputs: Mapping[str, Objects] = field(default_factory=dict)
    artifact: Objects = field(default_factory=Objects)
    documents: Mapping[str, Document] = field(default_factory=dict)
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ended:
    """An execution of the pipeline that ended. version: ARN of the one that it registered, "" if none.

    package: DescribeModelPackage's answer, empty if the version is gone, or none was registered. quality: the figures
    of the model that it made.
    """

    arn: str
    making: Making
    version: str = ""
    package: Mapping[str, Any] = field(default_factory=dict)
    quality: Document = field(default_factory=Document)


@dataclass(frozen=True)
class Archived:
    """Where the release controller keeps a version that it removed from the registry. at: when, "" if not known."""

    uri: str = ""
    at: str = ""


@dataclass(frozen=True)
class Seen:
    """A version looked at closely.

    package: DescribeModelPackage's answer, or the one in the archive; empty where there is neither. making: None where
    the newest revision has all that there is to know.
    """

    subject: Subject
    package: Mapping[str, Any]
    making: Making | None
    archived: Archived | None
    bundle: Bundle


@dataclass(frozen=True)
class Card:
    """A model card as SageMaker has it."""

    arn: str
    name: str
    version: int
    status: str
    content: Any

    @property
    def document(self) -> Json:
        return {"name": self.name, "version": self.version, "status": self.status, "arn": self.arn}
