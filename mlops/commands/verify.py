"""`mlops verify`: after a deployment, whether what was deployed works."""

import time
from typing import Annotated

import typer

from mlops import target, verify
from mlops.commands.options import LOCAL, Env, Json, Models, positive
from mlops.commands.output import Output
from mlops.verify import Check
from stacks.settings import load

_MINUTE = 60


def add(app: typer.Typer) -> None:
    app.command("verify")(run)


def run(
    watch: Annotated[
        int | None,
        typer.Option(
            parser=positive,
            metavar="MINUTES",
            help="look at the alarms for so long; the first one that rings ends it (default: one look)",
        ),
    ] = None,
    env: Env = LOCAL,
    model: Models = None,
    json: Json = False,
) -> int:
    """Whether what is deployed works: stacks, endpoints, answers, alarms.

    Exit code 1, and a line for each that does not.
    """
    out = Output(json)
    with out.busy(f"looking at {env}"):
        checks = _checks(env, model, watch or 0)
    for check in checks:
        if not check.wrong:
            out.say(check.text)
    failed = [check.text for check in checks if check.wrong]
    data = {"environment": env, "checked": len(checks), "failed": failed}
    out.answer(data, [f"FAILED {text}" for text in failed] or ["all is well"])
    return 1 if failed else 0


def _checks(env: str, named: str | None, minutes: int) -> list[Check]:
    """One after the other; nothing is watched any more once something is wrong."""
    models = target.find_all(env, named)
    settings = load(target.CONFIG, env)
    names = [] if named else verify.stacks_of_environment(settings)
    checks = list(
        verify.of_stacks(
            models[0].clients, [*names, *(name for each in models for name in verify.stacks_of_model(each))]
        )
    )
    for model in models:
        checks += verify.of_model(model)
    seconds = 0 if any(check.wrong for check in checks) else _MINUTE * minutes
    return checks + verify.watch(models, seconds, time.sleep, time.monotonic)
