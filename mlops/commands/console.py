"""`mlops console`: a page on this machine that shows the local environment live."""

import sys
import time
import webbrowser
from contextlib import suppress
from typing import Annotated

import typer

from mlops import target
from mlops.commands.options import LOCAL, Env, Json
from mlops.commands.output import Output
from mlops.errors import UsageError
from mlops.interruption import interruptible
from mlops.page import pictures
from mlops.page.reading import Environment
from mlops.page.server import Page, serving


def add(app: typer.Typer) -> None:
    app.command("console")(run)


def run(
    port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="where on 127.0.0.1; 0 for any that is free")
    ] = 0,
    open_it: Annotated[bool, typer.Option("--open", help="open it in the browser of this machine")] = False,
    env: Env = LOCAL,
    json: Json = False,
) -> None:
    """A page on this machine that shows the local environment live.

    It reads from the local AWS, and approves and rejects versions there, until it is interrupted (Ctrl-C).
    """
    if env != LOCAL:
        raise UsageError(f"--env {env}: this page is for the local environment; use SageMaker Studio and CloudWatch")
    page = Page(Environment(target.find_all(env, None)), pictures.STYLE)
    output = Output(json)
    with interruptible(), serving(page, port) as address:
        output.answer({"environment": env, "address": address}, [f"{address} shows {env} live; Ctrl-C ends it"])
        if open_it:
            webbrowser.open(address)
        sys.stdout.flush()  # a script that reads the address waits for it, not for the end
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)
