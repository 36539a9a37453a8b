"""`mlops status`: a page for each model: what serves, what is on its way, what waits for whom."""

from datetime import UTC, datetime

import typer

from mlops import target
from mlops.commands.options import LOCAL, Env, Json, Models
from mlops.commands.output import Output
from mlops.console import console
from mlops.situation import document, page, reading


def add(app: typer.Typer) -> None:
    app.command("status")(run)


def run(env: Env = LOCAL, model: Models = None, json: Json = False) -> None:
    """What serves, what is on its way, and what waits for whom."""
    targets, output = target.find_all(env, model), Output(json)
    with output.busy(f"reading {env}"):
        seen = reading.read(targets, datetime.now(UTC))
    if console.is_terminal and not json:
        console.print(page.render(seen), soft_wrap=False)
        return
    found = document(seen)
    output.answer({**found, "models": {each["name"]: each for each in found["models"]}}, page.lines(seen))
