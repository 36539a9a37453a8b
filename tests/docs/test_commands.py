"""Every command that a page shows is one that the programs take: mlops, make, local_aws, aws, cdk, and Python's."""

import os
import re
import subprocess
import sys
from functools import cache
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.docs.pages import PAGES, PROGRAMS, ROOT, _words, commands, fences, quoted

STANDS_FOR = {"E": "prod", "M": "loan-approval", "N": "1", "VERSION": "1", "DATE": "2026-11-21", "DAY": "2026-11-21"}
"""What a reader puts in the place of a word in capitals."""
MAKE_VARIABLES = {"ENV", "ARGS", "KEEP", "PYTHON", "GROUP"}
CDK = {"synth", "diff", "deploy", "destroy", "bootstrap", "ls", "list"}
INSTALLED = {"pytest", "pip", "venv"}
LEFT_OUT = ("MissingParameter", "BadOptionUsage", "NoArgsIsHelpError")
"""What Typer says of arguments, and of values of options, that are not there."""


class Wrong(Exception):
    """A command that its program would refuse."""


def check(words: list[str], named: bool = False) -> None:
    """Raises Wrong if the program refuses the command. named: within the text, where arguments may be left out."""
    words = [word for word in words if word not in ("[", "]")]
    program, *rest = [STANDS_FOR.get(word, word) for word in words]
    if program == "npx" and rest[:1] == ["cdk"]:
        program, rest = "cdk", rest[1:]
    if program in (".venv/bin/python", "python", "python3") and rest[:1] == ["-m"]:
        program, rest = rest[1], rest[2:]
        if program not in CHECKS:
            _module(program)
    program = program.removeprefix(".venv/bin/").removeprefix("node_modules/.bin/")
    if rest and program in CHECKS:
        CHECKS[program](rest, named)


def _mlops(words: list[str], named: bool) -> None:
    name, *arguments = words
    if name.startswith("-"):
        if name not in ("--help", "--install-completion", "--show-completion"):
            raise Wrong(f"mlops has no option {name}")
        return
    if name == "COMMAND":
        return
    if name not in _loaded():
        raise Wrong(f"mlops has no command {name}")
    if "--help" in arguments:
        return
    arguments = [re.sub(r"<[^>]*>|…", "x", word) for word in arguments]
    elided = "x" in arguments
    try:
        _loaded()[name].make_context(name, _choices(name, arguments))
    except typer.TyperException as error:
        if not (named and (type(error).__name__ in LEFT_OUT or elided)):
            raise Wrong(error.format_message()) from error


def _choices(name: str, arguments: list[str]) -> list[str]:
    """The arguments, once a command of a group is known to be there; its own come after."""
    members = getattr(_loaded()[name], "commands", None)
    if members is None:
        return arguments
    if arguments and arguments[0] in members:
        members[arguments[0]].make_context(arguments[0], arguments[1:])
        return arguments[:1]
    raise Wrong(f"mlops {name} has {', '.join(sorted(members))}, not {arguments[:1]}")


@cache
def _loaded() -> dict[str, Any]:
    from mlops.commands import later

    return {each.name or "": each.load() for each in later()}


@cache
def _targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@cache
def _environments() -> frozenset[str]:
    return frozenset(path.stem for path in (ROOT / "config").glob("*.toml")) - {"base"}


def _make(words: list[str], _named: bool) -> None:
    for word in words:
        name, equals, value = word.partition("=")
        if equals:
            if name not in MAKE_VARIABLES:
                raise Wrong(f"the Makefile has no variable {name}")
            if name == "ENV" and value not in _environments() | {"E", "…"}:
                raise Wrong(f"config/ has no environment {value}")
            if name == "ARGS" and "bench" in words:
                _bench(value)
        elif word not in _targets() and not word.startswith("."):
            raise Wrong(f"the Makefile has no target {word}")


def _bench(text: str) -> None:
    from bench.__main__ import BENCHMARKS

    if unknown := {word for word in text.split() if word != "--quick"} - set(BENCHMARKS):
        raise Wrong(f"no benchmark is called {unknown}")


def _local_aws(words: list[str], _named: bool) -> None:
    """With --help after it the parser gets no further than to say whether it knows the command."""
    from local_aws.__main__ import main

    known = list(takewhile(lambda word: not word.startswith("<"), words))
    try:
        main([*known[:1], "--help"])
    except SystemExit as end:
        if end.code:
            raise Wrong(f"python -m local_aws does not know {known[0]}") from None
    source = (ROOT / "local_aws" / "__main__.py").read_text(encoding="utf-8")
    if unknown := [word for word in known if word.startswith("--") and f'"{word}"' not in source]:
        raise Wrong(f"python -m local_aws does not know {unknown}")


def _cdk(words: list[str], _named: bool) -> None:
    if words[0] not in CDK:
        raise Wrong(f"cdk {words[0]} is not what this project does")
    for flag, value in pairwise(words):
        if flag == "-c" and value.startswith("env=") and value[4:] not in _environments() | {"…"}:
            raise Wrong(f"config/ has no environment {value[4:]}")


AWS_OWN = {
    ("s3", "cp"),
    ("s3", "ls"),
    ("sso", "login"),
    ("configure", "sso"),
    ("cloudtrail", "validate-logs"),
    ("codecommit", "credential-helper"),
}
"""What its command line has besides."""
AWS_GLOBAL = {"--region", "--profile", "--query", "--output", "--no-cli-pager"}


def _aws(words: list[str], _named: bool) -> None:
    """The command line of AWS is made from botocore's models: a service, an operation, and its members as options."""
    import botocore.session
    from botocore import xform_name

    service, operation, *rest = [*words, ""]
    if (service, operation) in AWS_OWN:
        return
    session = botocore.session.get_session()
    if service not in session.get_available_services():
        raise Wrong(f"AWS has no service {service}")
    model = session.get_service_model(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in operations:
        raise Wrong(f"aws {service} has no {operation}")
    shape = model.operation_model(operations[operation]).input_shape
    members = {f"--{xform_name(name, '-')}" for name in (shape.members if shape else {})}
    given = {word.partition("=")[0].replace("--no-", "--") for word in rest if word.startswith("--")}
    if unknown := given - members - AWS_GLOBAL:
        raise Wrong(f"aws {service} {operation} has no {sorted(unknown)}")


def _python(words: list[str], _named: bool) -> None:
    if words[0].endswith(".py") and not (ROOT / words[0]).exists():
        raise Wrong(f"{words[0]} is not there")


def _pip(words: list[str], _named: bool) -> None:
    for flag, value in pairwise(words):
        if flag == "-r" and not (ROOT / value).exists():
            raise Wrong(f"{value} is not there")
    for word in words:
        if word.startswith("./") and not (ROOT / word.partition("[")[0]).exists():
            raise Wrong(f"{word} is not there")


def _module(name: str) -> None:
    place = ROOT / name.replace(".", "/")
    if name.split(".")[0] not in INSTALLED and not any(
        each.exists() for each in (place.with_suffix(".py"), place / "__main__.py")
    ):
        raise Wrong(f"python -m {name}: no such module")


CHECKS = {
    "mlops": _mlops,
    "make": _make,
    "local_aws": _local_aws,
    "cdk": _cdk,
    "aws": _aws,
    "pip": _pip,
    "python": _python,
}


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_block_is_taken_by_its_program(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    for fence in fences(page):
        if fence.language not in ("", "sh", "bash", "shell", "console"):
            continue
        for words in commands(fence):
            try:
                # The forms of usage: what stands in brackets may be left out, and is checked like all else.
                check([word.strip("[]") for word in words])
            except Wrong as error:
                pytest.fail(f"{fence}: {' '.join(words)}: {error}")


@pytest.mark.parametrize("page", PAGES)
def test_every_command_in_the_text_is_one_of_its_program(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    for code in quoted(page):
        if not code.startswith(tuple(f"{each} " for each in PROGRAMS if not each.endswith("/"))) or "[" in code:
            continue
        for words in _words(code):
            try:
                check(words, named=True)
            except Wrong as error:
                pytest.fail(f"{page}: {code}: {error}")


@pytest.mark.parametrize(
    "command",
    [
        "mlops aprove 1",
        "mlops approve 1 --enviroment prod",
        "mlops approve one",
        "mlops monitor watch",
        "make instal",
        "make synth ENV=production",
        "make bench ARGS=coldstarts",
        "python -m local_aws begin",
        "python -m examples.bach",
        "aws sagemaker start-pipeline --pipeline-name x",
        "aws sagemaker start-pipeline-execution --name x",
        "npx cdk synth -c env=production",
        "pip install -r requirements/development.txt",
    ],
)
def test_a_command_that_its_program_refuses_is_found(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    [words] = _words(command)
    with pytest.raises(Wrong):
        check(words)


RUNS = {
    "the list of make": ["make", "help"],
    "the list of commands": [sys.executable, "-m", "mlops", "--help"],
    "what the local AWS emulates": [sys.executable, "-m", "local_aws", "resources", "AWS::SageMaker::Endpoint"],
}


@pytest.mark.parametrize("command", RUNS.values(), ids=RUNS)
def test_commands_that_need_no_server_run(command: list[str], tmp_path: Path) -> None:
    environment = {**os.environ, "LOCAL_AWS_HOME": str(tmp_path), "NO_COLOR": "1"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert run.stdout
