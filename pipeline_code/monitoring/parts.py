"""What a run leaves in S3: judgements by window, and what each step did, from which the report is made.

    version-<n>/<window>/<monitor>/judgement.json and the monitor's documents
    version-<n>/runs/<execution>/<step>.json
    version-<n>/reports/<execution>/report.html
    latest.json

The same windows again write the same keys again, so that a run may be repeated.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, Optional

from monitoring.findings import JUDGED, MONITORS, Judgement, Window, recency
from monitoring.store import Store

Documents = Mapping[str, Any]
"""Documents by file name."""

JUDGEMENT = "judgement.json"
LATEST = "latest.json"
INPUTS, OUTCOMES = "inputs", "outcomes"
READERS = 8


@dataclass
class Part:
    """What one step did in one run.

    windows: rows and what was counted, by window's text. skipped: monitors that had nothing to compare with, and why.
    """

    step: str
    version: str
    windows: Dict[str, Dict[str, int]] = field(default_factory=dict)
    skipped: Dict[str, str] = field(default_factory=dict)
    judgements: List[Judgement] = field(default_factory=list)

    def document(self) -> Dict[str, Any]:
        return {**asdict(self), "judgements": [each.document() for each in self.judgements]}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Part:
        return cls(**{**document, "judgements": [Judgement.read(each) for each in document["judgements"]]})


def of_version(version: str) -> str:
    return f"version-{version}"


def write_judgement(store: Store, version: str, judgement: Judgement, documents: Documents) -> None:
    """The monitor's documents, and then the judgement, which says that they are there."""
    folder = f"{of_version(version)}/{judgement.window.key}/{judgement.monitor}"
    for name, document in documents.items():
        store.write(f"{folder}/{name}", document)
    store.write(f"{folder}/{JUDGEMENT}", judgement.document())


def write_part(store: Store, execution: str, part: Part) -> None:
    store.write(_place(part.version, execution, part.step), part.document())


def read_part(store: Store, version: str, execution: str, step: str) -> Optional[Part]:
    """None if the step left nothing: it had no champion to watch."""
    document = store.read(_place(version, execution, step))
    return None if document is None else Part.read(document)


def report_key(version: str, execution: str) -> str:
    return f"{of_version(version)}/reports/{execution}/report.html"


def history(store: Store, version: str, newest: int) -> List[Judgement]:
    """The newest judgements of each monitor, oldest first; what is no judgement (any more) is left out."""
    by_monitor: Dict[str, List[str]] = {monitor: [] for monitor in MONITORS}
    for key in store.keys(f"{of_version(version)}/"):
        parts = key.split("/")
        if len(parts) == 4 and parts[-1] == JUDGEMENT and parts[2] in by_monitor:
            by_monitor[parts[2]].append(key)
    wanted = [key for keys in by_monitor.values() for key in sorted(keys, key=_recency)[-newest:]]
    with ThreadPoolExecutor(READERS) as readers:
        found = list(readers.map(lambda key: _judgement(store, key), wanted))
    return sorted((each for each in found if each), key=lambda each: recency(each.window))


def window_document(store: Store, version: str, window: Window, monitor: str, name: str) -> Optional[Any]:
    return store.read(f"{of_version(version)}/{window.key}/{monitor}/{name}")


def newest(judgements: Iterable[Judgement]) -> Dict[str, Judgement]:
    """Of each monitor the judgement of the newest window."""
    ordered = sorted(judgements, key=lambda each: recency(each.window))
    return {each.monitor: each for each in ordered}


def _place(version: str, execution: str, step: str) -> str:
    return f"{of_version(version)}/runs/{execution}/{step}.json"


def _recency(key: str) -> List[str]:
    """Of a judgement's key, as `findings.recency` of its window: times in keys sort as texts."""
    return key.split("/")[1].split("-")[::-1]


def _judgement(store: Store, key: str) -> Optional[Judgement]:
    try:
        document: Any = store.read(key)
        return Judgement.read(document)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def lines(part: Part) -> List[str]:
    """What a step did, for its log."""
    said = [f"{monitor}: skipped, {reason}" for monitor, reason in part.skipped.items()]
    for each in part.judgements:
        verdict = "breached" if each.breached else "holds"
        said.append(
            f"{each.window} {each.monitor}: {verdict if each.status == JUDGED else each.status}, {each.rows} rows"
        )
        said += [f"  {finding.text}" for finding in each.findings if finding.breaches]
    return said
