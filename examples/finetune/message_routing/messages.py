"""What a message is, and how files of them are read: CSV files with the columns `case`, `text` and
`team`.

Messages of one case (a thread, a customer's repeated letters) say nearly the same, so a case is on one side of the
split.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterable, List, Sequence, Tuple

TEAMS: Tuple[str, ...] = ("cards", "fraud", "loans", "mortgages", "online", "payments")
"""Who answers, in the order of the model's outputs. Another team is another version of the model."""
COLUMNS = ("case", "text", "team")
MAX_LETTERS = 2000


@dataclass(frozen=True)
class Message:
    case: str
    text: str
    team: str

    @property
    def label(self) -> int:
        return TEAMS.index(self.team)


def files(folder: Path) -> List[Path]:
    """CSV files of a folder, in a fixed order."""
    return sorted(path for path in folder.rglob("*.csv") if path.is_file())


def read(paths: Iterable[Path]) -> Tuple[List[Message], List[str]]:
    """The messages, and everything that is wrong with the files, with the file and the row."""
    messages, wrong = [], []
    for path in paths:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            absent = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
            if absent:
                wrong.append(
                    f"{path.name}: no column {', '.join(absent)}; the first line must name case, text and team"
                )
                continue
            for number, row in enumerate(rows, 1):
                case, text, team = ((row[name] or "").strip() for name in COLUMNS)
                problem = check(text) or ("" if team in TEAMS else f"team {team!r} is none of {', '.join(TEAMS)}")
                problem = problem or ("" if case else "case: missing; give messages that belong together the same one")
                if problem:
                    wrong.append(f"{path.name}, row {number}: {problem}")
                else:
                    messages.append(Message(case, text, team))
    return messages, wrong


def check(text: object) -> str:
    """What is wrong with a text; "" if nothing."""
    if not isinstance(text, str) or not text.strip():
        return "text: missing or empty"
    if len(text) > MAX_LETTERS:
        return f"text: {len(text)} letters, at most {MAX_LETTERS} are taken"
    return ""


def write(path: Path, messages: Sequence[Message]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        rows.writerows((each.case, each.text, each.team) for each in messages)


def digest(paths: Iterable[Path]) -> str:
    """SHA-256 of the files' bytes."""
    sha = hashlib.sha256()
    for path in paths:
        sha.update(path.read_bytes())
    return sha.hexdigest()


def split(messages: Sequence[Message], test_share: float) -> Tuple[List[Message], List[Message]]:
    """Rows to learn from and rows to test on, chosen by a hash of the case; a text that is there twice counts once.

    A case is on the same side in every version, whatever comes besides. Raises ValueError
    where a team would be without rows on one side.
    """
    rows = sorted({each.text: each for each in messages}.values(), key=lambda each: _place(each.text))
    test = [each for each in rows if _place(each.case) < test_share]
    train = [each for each in rows if _place(each.case) >= test_share]
    for side in (train, test):
        empty = [team for team, count in counts(side).items() if not count]
        if empty:
            raise ValueError(f"{len(rows)} messages, TestShare {test_share:g}: a side has none of {', '.join(empty)}")
    return train, test


def _place(text: str) -> float:
    """0 to 1, as if at random."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 2**32


def counts(messages: Sequence[Message]) -> Dict[str, int]:
    return {team: sum(each.team == team for each in messages) for team in TEAMS}
