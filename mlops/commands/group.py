"""How commands are found, called, and how their failures are told: in one line each."""

import importlib
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

INTERRUPTED = 130
_GIVEN = "mlops.given"
"""Where a context keeps the words of the command line, which parsing takes apart."""


class Later(TyperCommand):
    """A command that is listed by name and summary; its module is imported when it is called, or asked for help."""

    def __init__(self, name: str, module: str, summary: str, panel: str) -> None:
        super().__init__(name, help=summary, rich_help_panel=panel)
        self.module = module

    def load(self) -> Any:
        """The command itself, as its module describes it."""
        one = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
        one.callback()(lambda: None)  # a group, even of a single command
        importlib.import_module(self.module).add(one)
        found: Any = get_command(one)
        return found.commands[self.name]

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return self.load().make_context(info_name, args, parent=parent, **extra)


class Commands(TyperGroup):
    """The group of all commands: what one of them raises is told in a line, and becomes the exit code."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta[_GIVEN] = tuple(args)
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("mlops: interrupted", file=sys.stderr)
            return INTERRUPTED
        except BrokenPipeError:
            # Who read it has seen enough, as `head` has. Python writes the rest when it ends: nowhere, then.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except Exception as error:
            if (told := failure(error, ctx.meta[_GIVEN])) is None:
                raise
            text, code = told
            print(f"mlops: {text}", file=sys.stderr)
            return code


def failure(error: Exception, given: Sequence[str] = ()) -> tuple[str, int] | None:
    """What a person is told of a failure, and the exit code; None for a mistake of the program itself.

    given: the words after `mlops`; without them no corrected command can be told.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from mlops.aws import explain
    from mlops.errors import CommandError

    if isinstance(error, CommandError):
        return error.mended(given), error.code
    if isinstance(error, ClientError | BotoCoreError):
        return explain(error), 1
    return (str(error), 1) if isinstance(error, OSError) else None


def alone(command: Callable[..., None], name: str, argv: Sequence[str] | None = None) -> int:
    """Run one command that is a program of its own, as those of examples/ are. Returns its exit code."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    try:
        return app(argv, prog_name=name, standalone_mode=False) or 0
    except typer.TyperException as error:
        print(line(error), file=sys.stderr)
        return 2
    except Exception as error:
        if (told := failure(error)) is None:
            raise
        print(f"mlops: {told[0]}", file=sys.stderr)
        return told[1]


def line(error: typer.TyperException) -> str:
    """A usage error of the command line in one line: where, what, and where to read on. Empty if it says nothing."""
    text = re.sub(r"^Invalid value for '([^']*)'", r"\1", " ".join(error.format_message().split())).rstrip(".")
    text = text.replace(": Value error, ", ": ")  # pydantic's, between the option and what is wrong with it
    if not text:
        return ""
    if text.split()[0].istitle():
        text = text[0].lower() + text[1:]
    context = getattr(error, "ctx", None)
    see = f"ee {context.command_path if context else 'mlops'} --help"
    text = text.replace(". Did you mean", "; did you mean")
    return f"mlops: {text} S{see}" if text.endswith("?") else f"mlops: {text}; s{see}"
