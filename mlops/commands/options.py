"""What the commands have in common: their options as types, with which a command's parameters are annotated."""

import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

CONFIG = Path(__file__).resolve().parents[2] / "config"
DAY_SECONDS = 86400
LOCAL = "local"
_NO_ENVIRONMENTS = {"base", "delivery"}


def positive(text: Any) -> int:
    """A whole number above 0: a version, a count, seconds."""
    given = str(text)
    if not (given.isascii() and given.isdigit() and int(given) > 0):
        raise typer.BadParameter(f"{given!r} is not a whole number above 0")
    return int(given)


def day(text: Any) -> date:
    """A day as in 2026-11-21."""
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a day; write 2026-11-21") from None


def environments(incomplete: str) -> list[str]:
    """The environments of config/ that begin so, for completion."""
    names = sorted(path.stem for path in CONFIG.glob("*.toml"))
    return [name for name in names if name not in _NO_ENVIRONMENTS and name.startswith(incomplete)]


def models(incomplete: str) -> list[str]:
    """The models of config/ that begin so, by their public names, for completion."""
    return sorted(name for name in set(_models()) if name.startswith(incomplete))


def _models() -> Iterator[str]:
    for path in CONFIG.glob("*.toml"):
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
        yield from (name.replace("_", "-") for name in settings.get("models", {}))


def _model(default: str) -> Any:
    return typer.Option(
        "--model", metavar="MODEL", autocompletion=models, help=f"a model of the environment (default: {default})"
    )


Env = Annotated[
    str, typer.Option("--env", metavar="ENV", autocompletion=environments, help="an environment of config/")
]
Model = Annotated[str | None, _model("the only one")]
Models = Annotated[str | None, _model("all")]
Json = Annotated[bool, typer.Option("--json", help="answer as one JSON object")]
Wait = Annotated[bool, typer.Option("--wait", help="follow it until it has happened")]
Timeout = Annotated[
    int,
    typer.Option(
        "--timeout",
        parser=positive,
        metavar="SECONDS",
        show_default="a day",
        help="with --wait: give up after so long, with exit code 3",
    ),
]
Version = Annotated[int, typer.Argument(parser=positive, metavar="VERSION", help="a version's number in the registry")]
