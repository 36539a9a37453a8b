"""The commands, a module each: `add(commands)` describes them to argparse, a function does each of them."""

import argparse

from mlops.commands import (
    audit,
    batch,
    bootstrap,
    card,
    control,
    cost,
    demo,
    features,
    history,
    lineage,
    monitor,
    new_model,
    outcomes,
    registry,
    reproduce,
    review,
    running,
    status,
    teardown,
    train,
    verify,
)

_EPILOG = """exit codes: 0 done, 1 failed or refused, 2 usage, 3 not yet (time over, or it waits for a person),
130 interrupted. See docs/command-line.md."""


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="mlops",
        description="Releases models, and says what goes on: on AWS, and on the local AWS of this machine.",
        epilog=_EPILOG,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (
        demo,
        bootstrap,
        new_model,
        status,
        history,
        train,
        verify,
        registry,
        control,
        running,
        cost,
        outcomes,
        batch,
        monitor,
        features,
        lineage,
        card,
        review,
        audit,
        reproduce,
        teardown,
    ):
        module.add(commands)
    return top
