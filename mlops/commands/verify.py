"""`mlops verify`: after a deployment, whether what was deployed works."""

import argparse
import time

from mlops import target, verify
from mlops.commands import options
from mlops.verify import Check
from stacks.settings import load

_MINUTE = 60


def add(commands: "options.Commands") -> None:
    parser = options.command(
        commands,
        "verify",
        run,
        "whether what is deployed works: stacks, endpoints, answers, alarms (1: a line for each that does not)",
        models="default: all",
    )
    parser.add_argument(
        "--watch",
        type=options.positive,
        metavar="MINUTES",
        help="look at the alarms for so long; the first one that rings ends it (default: one look)",
    )


def run(arguments: argparse.Namespace) -> int:
    checks = []
    for check in _checks(arguments):
        checks.append(check)
        if not check.wrong:
            options.say(arguments, check.text)
    failed = [check.text for check in checks if check.wrong]
    data = {"environment": arguments.env, "checked": len(checks), "failed": failed}
    options.answer(arguments, data, [f"FAILED {text}" for text in failed] or ["all is well"])
    return 1 if failed else 0


def _checks(arguments: argparse.Namespace) -> "list[Check]":
    """One after the other; nothing is watched any more once something is wrong."""
    models = target.find_all(arguments.env, arguments.model)
    settings = load(target.CONFIG, arguments.env)
    names = [] if arguments.model else verify.stacks_of_environment(settings)
    checks = list(
        verify.of_stacks(
            models[0].clients, [*names, *(name for each in models for name in verify.stacks_of_model(each))]
        )
    )
    for model in models:
        checks += verify.of_model(model)
    seconds = 0 if any(check.wrong for check in checks) else _MINUTE * (arguments.watch or 0)
    return checks + verify.watch(models, seconds, time.sleep, time.monotonic)
