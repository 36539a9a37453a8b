"""Questions to the audit trail, a file each: what is asked in its first lines, as comments, then the query.

One SQL text for Athena (engine 3) and DuckDB. The first and the last day are the query's parameters, each day as
2026/11/21; names of the environment stand in braces.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_COMMENT = "--"


@dataclass(frozen=True)
class Query:
    """A question, and the SQL that answers it with some names left open."""

    name: str
    question: str
    text: str

    def sql(self, values: Mapping[str, str]) -> str:
        """The query with the names of an environment; raises KeyError for one that is not given."""
        return self.text.format_map(values)


def _read(path: Path) -> Query:
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line.removeprefix(_COMMENT).strip() for line in lines if line.startswith(_COMMENT)]
    text = "\n".join(line for line in lines if not line.startswith(_COMMENT))
    return Query(path.stem, " ".join(comments), text.strip())


QUERIES = tuple(_read(path) for path in sorted(Path(__file__).parent.glob("*.sql")))
