"""The files of a new model, from the templates beside this module."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Template

from mlops.new_model import source
from mlops.new_model.columns import TO_BE_SAID, Inferred
from mlops.new_model.table import Table
from tabular.fields import Field

TEMPLATES = Path(__file__).parent / "template"
SAMPLES, TOGETHER = 45, 5
"""Requests of one row each, and how many rows one more request holds."""
TO_FILL_IN = """- **Source:** to be said: where the rows are from, who made them, and when.
- **Licence:** to be said: what they may be used for, and by whom."""
_SHORT = 30


@dataclass(frozen=True)
class NewModel:
    """A model that is about to be made; source: what is known of where its data are from."""

    name: str
    owner: str
    table: Table
    inferred: Inferred
    source: str = TO_FILL_IN
    project: tuple[str, str] = ("", "")
    """Id and name of the project of SageMaker Studio that asked for it."""

    def files(self) -> dict[str, bytes]:
        """Contents by paths in the repository."""
        places = {"model": f"pipeline_code/{self.name}", "tests": f"tests/unit/{self.name}"}
        found = {}
        for kind, place in places.items():
            for path in sorted((TEMPLATES / kind).rglob("*.txt")):
                inside = path.relative_to(TEMPLATES / kind).with_suffix("").as_posix()
                found[f"{place}/{inside}"] = self._rendered(path).encode()
        found[f"pipeline_code/{self.name}/samples/requests.jsonl"] = "".join(self._requests()).encode()
        found[f"data/{self.name}/{self.file}"] = self._content
        found[f"data/{self.name}/SOURCE.md"] = self._rendered(TEMPLATES / "SOURCE.md.txt").encode()
        return found

    def section(self) -> str:
        """Of config/base.toml."""
        return self._rendered(TEMPLATES / "config.toml.txt")

    @property
    def file(self) -> str:
        return f"{self.name}.csv.gz"

    @cached_property
    def _content(self) -> bytes:
        return self.table.content()

    @cached_property
    def _values(self) -> dict[str, str]:
        outcome, positive = self.inferred.fields[0], str(self.inferred.positive)
        description = f"Probability that {_short(outcome.name)} is {_short(positive)}"
        rows = f"{len(self.table.rows):,}"
        return {
            "name": self.name,
            "title": self.name.replace("_", " ").capitalize(),
            "summary": "Answers with the probability of an outcome; see schema.py.",
            "description": source.literal(description),
            "description_toml": source.toml(description),
            "owner_toml": source.toml(self.owner or "To be said: who made it."),
            "data_toml": source.toml(f"{rows} rows. Source and terms: data/{self.name}/SOURCE.md."),
            "fields": "\n".join(map(source.field, self.inferred.fields)),
            "positive": source.literal(self.inferred.positive),
            "positive_text": positive,
            "threshold": f"{min(max(self.inferred.share, 0.05), 0.95):.2f}".rstrip("0"),
            "label": outcome.name,
            "share": f"{self.inferred.share:.1%}",
            "rows": rows,
            "file": self.file,
            "source": self.source,
            "sha256": hashlib.sha256(self._content).hexdigest(),
            "columns": "\n".join(self._columns()),
            "governance": self._governance(),
            "project": self._project(),
        }

    def _columns(self) -> Iterator[str]:
        fields = {field.name: field for field in self.inferred.fields}
        for name in self.table.names:
            if field := fields.get(name):
                yield f"| {name} | {field.meaning} | {field.role.value} |"
            else:
                yield f"| {name} | {TO_BE_SAID} | left out: {self.inferred.left_out[name]} |"

    def _governance(self) -> str:
        owner = f"# Who answers for the model.\nowner = {source.toml(self.owner)}"
        return f"\n[models.{self.name}.governance]\n{owner}\n" if self.owner else ""

    def _project(self) -> str:
        number, name = map(source.toml, self.project)
        said = f"# The project of SageMaker Studio that asked for it.\nid = {number}\nname = {name}"
        return f"\n[models.{self.name}.sagemaker_project]\n{said}\n" if self.project[0] else ""

    def _rendered(self, path: Path) -> str:
        text = Template(path.read_text()).substitute(self._values)
        return source.sorted_imports(text) if path.name.endswith(".py.txt") else text

    def _requests(self) -> Iterator[str]:
        """Rows from all over the file, as a client would send them: requests of one, and one of several."""
        count = len(self.table.rows)
        places = [number * count // (SAMPLES + TOGETHER) for number in range(SAMPLES + TOGETHER)]
        rows = [self._instance(self.table.rows[place]) for place in places]
        for rows_of_one in (*([row] for row in rows[:SAMPLES]), rows[SAMPLES:]):
            yield json.dumps({"instances": rows_of_one}, ensure_ascii=False) + "\n"

    def _instance(self, cells: Sequence[str]) -> dict[str, object]:
        said = dict(zip(self.table.names, cells, strict=True))
        return {field.name: _value(field, said[field.name]) for field in self.inferred.fields[1:]}


def _value(field: Field, cell: str) -> object:
    """As JSON has it: None where nothing is said, whole numbers without a point."""
    if not cell:
        return None
    value = field.read_text(cell)
    return int(value) if isinstance(value, float) and field.whole else value


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 3]}..."
