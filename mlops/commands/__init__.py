"""The command line: which commands there are. Each is a module with `add(app)`, imported when it is called."""

import sys
from collections.abc import Sequence
from typing import Any

import typer

from mlops.commands.group import Commands, Later, line

# By panel of `mlops --help`: the command, its module, and what its own help begins with. The text stands here too so
# that the list and completion need none of the modules, which take a second to import.
COMMANDS = {
    "Begin": (
        ("demo", "demo", "The whole loop on this machine, against the local AWS."),
        ("doctor", "doctor", "What is wrong with this machine, the configuration or the account, and how to mend it."),
        ("console", "console", "A page on this machine that shows the local environment live."),
        ("new-model", "new_model", "Make a model: its code, tests, data and configuration, from a CSV file."),
        ("bootstrap", "bootstrap", "Prepare an account for deployments."),
    ),
    "Look": (
        ("status", "status", "What serves, what is on its way, and what waits for whom."),
        ("history", "history", "The decisions about releases with their reasons, newest first."),
        ("logs", "logs", "The steps of a pipeline run with their states, times and log lines."),
        ("cost", "cost", "What costs by the hour now, at list prices."),
        ("verify", "verify", "Whether what is deployed works: stacks, endpoints, answers, alarms."),
    ),
    "Train and decide": (
        ("train", "train", "Run a model's training pipeline, and follow it until its version is registered."),
        ("approve", "registry", "Approve a version: it is released, by the strategy of the configuration."),
        ("reject", "registry", "Reject a version: it is not released, and rolled back if it serves."),
        ("release", "control", "As the second person: let an approved version go to this environment."),
    ),
    "Steer releases": (
        ("pause", "control", "Start no candidate and let none advance, until resume."),
        ("resume", "control", "Go on after a pause; takes back a command that is still waiting."),
        ("promote", "control", "Let the candidate, or a newer approved version, replace the champion now."),
        ("rollback", "control", "Go back to the champion before, or to any approved version."),
        ("stop", "running", "Take the endpoint away; its champion comes back with `mlops start`."),
        ("start", "running", "Bring the endpoint back that was stopped."),
    ),
    "Predictions and what became of them": (
        ("invoke", "invoke", "Ask a model: one request to its endpoint, and the answer."),
        ("monitor", "monitor", "What the monitors say of a model, and runs of them on demand."),
        ("outcomes", "outcomes", "Tell what became of predictions, from a file."),
        ("batch", "batch", "Let the champion score a file or a prefix in S3 by a transform job."),
        ("features", "features", "The feature groups of an environment, and what they know."),
    ),
    "Evidence": (
        ("lineage", "lineage", "What a version was made from and what became of it; which versions used some data."),
        ("card", "card", "The model card of a version: what it is for, how good, its limits."),
        ("review", "review", "Note that you looked at the version that serves."),
        ("audit", "audit", "Each release with its evidence, and what is missing of it."),
        ("reproduce", "reproduce", "Make a version's model again, and compare it bit for bit."),
    ),
    "End": (("teardown", "teardown", "Remove an environment, and say what stays."),),
}


def later() -> list[Later]:
    """Every command in the order of the list, none of its modules imported yet."""
    return [
        Later(name, f"{__name__}.{module}", summary, panel)
        for panel, commands in COMMANDS.items()
        for name, module, summary in commands
    ]


class MlopsCommands(Commands):
    """The commands of this list."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        for each in later():
            self.add_command(each)


app = typer.Typer(
    name="mlops",
    cls=MlopsCommands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    help="Releases models, and says what goes on: on AWS, and on the local AWS of this machine.",
    epilog="Exit codes: 0 done, 1 failed or refused, 2 usage, 3 not yet (time over, or it waits for a person), "
    "130 interrupted. See docs/command-line.md.",
)


@app.callback()
def _every_command() -> None:
    """Makes Typer take this for a group; its commands come from the list."""


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code; what the command line does not know is one line on standard error."""
    try:
        code: int | None = app(argv, prog_name="mlops", standalone_mode=False)
    except typer.TyperException as error:
        if text := line(error):  # a command that shows its help has nothing to add
            print(text, file=sys.stderr)
        return 2
    return code or 0
