"""Refuse messages that no model should learn from, and a base model that could not be loaded or must not be.

Outputs: `validation/validation.json` (rows, teams, SHA-256 of messages and base model, what is wrong), and the messages
to learn from and to test on: `train/train.csv`, `test/test.csv`.
"""

from __future__ import annotations

import argparse
from typing import Dict, List, Optional, Sequence, Set

from message_routing import encoder, messages
from monitoring.steps import job

MIN_ROWS = 20
"""Messages that each team must have: below, no figure of the model says anything."""
SHOWN = 5


def problems(rows: Sequence[messages.Message]) -> List[str]:
    """What is wrong with messages that can be read each by itself; empty if they are good."""
    few = [f"team {team}: {n} messages, at least {MIN_ROWS} are needed" for team, n in messages.counts(rows).items()]
    found = [text for text, n in zip(few, messages.counts(rows).values()) if n < MIN_ROWS]
    teams: Dict[str, Set[str]] = {}
    for each in rows:
        teams.setdefault(each.text.lower(), set()).add(each.team)
    both = [text for text, named in teams.items() if len(named) > 1]
    if both:
        found.append(f"{len(both)} texts stand with more than one team, first: {both[0][:60]!r}")
    return found


def main(argv: Optional[Sequence[str]] = None) -> None:
    parser = argparse.ArgumentParser(description="Validate messages and base model")
    parser.add_argument("--test-share", type=float, default=0.3)
    arguments = parser.parse_args(argv)
    files = messages.files(job.input_folder("raw"))
    rows, wrong = messages.read(files)
    failures = wrong or problems(rows) if files else ["no CSV file below InputDataUri"]
    base = ""
    try:
        base = encoder.digest(job.input_folder("base"))
    except ValueError as error:
        failures = [*failures, str(error)]
    report = {
        "passed": not failures,
        "rows": len(rows),
        "teams": messages.counts(rows),
        "sha256": messages.digest(files),
        "base_sha256": base,
        "failures": failures,
    }
    job.write_json(job.output_folder("validation") / "validation.json", report)
    if failures:
        more = f"\nand {len(failures) - SHOWN} more" if len(failures) > SHOWN else ""
        raise job.StepError("validation failed\n" + "\n".join(failures[:SHOWN]) + more)
    try:
        train, test = messages.split(rows, arguments.test_share)
    except ValueError as error:
        raise job.StepError(f"validation: {error}") from None
    messages.write(job.output_folder("train") / "train.csv", train)
    messages.write(job.output_folder("test") / "test.csv", test)
    print(f"validated {len(rows)} messages: {len(train)} to learn from, {len(test)} to test on")


if __name__ == "__main__":
    job.run(main)
