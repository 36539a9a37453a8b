"""The phases of a demo run: their names, their seconds, and which one failed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.markup import escape

from mlops.console import Clock, console, heading
from mlops.demo.plan import PHASES


@dataclass
class Run:
    """One run of the demo: what it has measured so far, written to `summary` whatever happens."""

    summary_file: Path
    clock: Clock = field(default_factory=Clock)
    seconds: dict[str, float] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    failed: str = ""
    _newest: str = "start"

    def begin(self) -> None:
        """Remove the summary of an earlier run: should this one be killed, that is not its result."""
        self.summary_file.unlink(missing_ok=True)

    @contextmanager
    def phase(self, name: str, title: str = "") -> Iterator[None]:
        """Time a phase; remember its name if anything in it, or after it, fails.

        title: of one that is not in the plan; the plan's have their own, with why they are worth watching.
        """
        self._newest = name
        self._announce(name, title)
        start = self.clock()
        try:
            yield
        except BaseException:
            self.failed = self.failed or name
            raise
        finally:
            self.seconds[name] = round(self.clock() - start, 1)

    def _announce(self, name: str, title: str) -> None:
        if name not in PHASES or title:
            heading(self.clock, title or name)
            return
        number = list(PHASES).index(name) + 1
        title, why = PHASES[name]
        heading(self.clock, f"{number} of {len(PHASES)}  {title}")
        console.print(f"{'':9}[dim]{escape(why)}[/]")

    def write(self) -> None:
        """Write the summary, atomically: a reader never sees half of one."""
        summary = {**self.results, "seconds": self.seconds}
        if self.failed:
            summary["failed"] = self.failed
        self.summary_file.parent.mkdir(parents=True, exist_ok=True)
        partial = self.summary_file.with_suffix(".partial")
        partial.write_text(json.dumps(summary, indent=2) + "\n")
        partial.replace(self.summary_file)

    def fail(self) -> None:
        """Name the newest phase where nothing in it failed: what came after it did."""
        self.failed = self.failed or self._newest

    def tell_failure(self, reason: str, *, how: str = "failed") -> None:
        """Name the phase that failed, and why."""
        self.fail()
        console.print(f"\n[bold red]demo {how} in phase '{self.failed}'[/]")
        console.print(reason, markup=False)
