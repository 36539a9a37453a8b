"""Snippets are what they say: settings load, Python runs or fits what it calls, and data can be read."""

import ast
import importlib
import inspect
import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import yaml

from stacks.settings import load, load_delivery
from tests.docs.pages import PAGES, ROOT, Fence, fences, of_language

ENVIRONMENTS = ("dev", "local", "prod")
"""A snippet is for one of them: the two examples of models are not in all."""
DELIVERING = {"source", "stages", "stage_defaults", "order", "execution_mode", "build"}
FREE = {"project", "tool", "build-system"}
"""Sections of pyproject.toml."""
KNOWN = {"", "sh", "bash", "python", "toml", "yaml", "json", "jsonl", "sql", "csv", "text", "dockerfile"}


def written(settings: Mapping[str, Any], place: tuple[str, ...] = ()) -> Iterator[str]:
    """The lines of a TOML file; JSON writes texts, numbers, lists and truths as TOML does."""
    if place:
        yield f"[{'.'.join(json.dumps(each) for each in place)}]"
    yield from (f"{json.dumps(k)} = {json.dumps(v)}" for k, v in settings.items() if not isinstance(v, Mapping))
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from written(value, (*place, key))


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = {k: laid_over(below[k], v) if isinstance(v, Mapping) and k in below else v for k, v in above.items()}
    return {**below, **both}


def config_with(folder: Path, file: str, addition: Mapping[str, Any]) -> Path:
    """A copy of config/ with the addition in one of its files."""
    folder.mkdir()
    for path in (ROOT / "config").glob("*.toml"):
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
        settings = laid_over(settings, addition) if path.name == file else settings
        (folder / path.name).write_text("\n".join(written(settings)) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("fence", of_language("toml"), ids=str)
def test_settings_load(fence: Fence, tmp_path: Path) -> None:
    snippet = tomllib.loads(fence.text)
    if snippet.keys() & {"overview", "intended_uses"}:
        assert snippet.keys() <= set(CARD)
        return
    if snippet.keys() & FREE:
        return
    if snippet.keys() & DELIVERING or "delivery.toml" in fence.text.partition("\n")[0]:
        load_delivery(config_with(tmp_path / "config", "delivery.toml", snippet))
        return
    refusals = []
    for environment in ENVIRONMENTS:
        try:
            load(config_with(tmp_path / environment, f"{environment}.toml", snippet), environment)
        except Exception as error:
            refusals.append(f"{environment}: {error}")
        else:
            return
    pytest.fail(f"{fence}: no environment takes it: {refusals}")


CARD = tomllib.loads((ROOT / "pipeline_code" / "loan_approval" / "card.toml").read_text(encoding="utf-8"))


def test_settings_that_are_unknown_do_not_load(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="unknown key"):
        load(config_with(tmp_path / "config", "dev.toml", {"model_defaults": {"framwork": "x"}}), "dev")


def given(name: str) -> Any:
    """What stands for a name that a page takes as given: a client, a bucket, a row."""
    return MagicMock(name=name)


@pytest.mark.parametrize("fence", of_language("python"), ids=str)
def test_python_compiles_and_its_calls_fit_what_they_call(fence: Fence) -> None:
    tree = ast.parse(fence.text.replace("…", "..."))
    names: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            names |= dict(_imported(node, fence))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            _check_call(node, names, fence)


def _imported(node: ast.ImportFrom | ast.Import, fence: Fence) -> Iterator[tuple[str, Any]]:
    module = node.module if isinstance(node, ast.ImportFrom) else None
    if (module or node.names[0].name).split(".")[0] in ELSEWHERE:
        return
    for each in node.names:
        name = each.asname or each.name.split(".")[0]
        if module is None:
            yield name, importlib.import_module(each.name)
            continue
        found = importlib.import_module(module)
        if not hasattr(found, each.name):
            found = importlib.import_module(f"{module}.{each.name}")  # fails, and says it, where it is neither
            yield name, found
        else:
            yield name, getattr(found, each.name)


ELSEWHERE = {"sagemaker", "churn", "late_payment", "torch", "joblib", "sklearn", "aws_cdk"}
"""Packages that are not there, that a reader makes, or whose callables have no signature in Python."""


def _check_call(call: ast.Call, names: Mapping[str, Any], fence: Fence) -> None:
    match call.func:
        case ast.Name(id=name) if name in names:
            called = names[name]
        case ast.Attribute(value=ast.Name(id=name), attr=attribute) if inspect.ismodule(names.get(name)):
            assert hasattr(names[name], attribute), f"{fence}: {name} has no {attribute}"
            called = getattr(names[name], attribute)
        case _:
            return
    if any(isinstance(each, ast.Starred) for each in call.args) or any(each.arg is None for each in call.keywords):
        return
    try:
        signature = inspect.signature(called)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*call.args, **{str(each.arg): each.value for each in call.keywords})
    except TypeError as error:
        pytest.fail(f"{fence}: {ast.unparse(call)}: {error}")


def test_outcomes_are_told_as_documented() -> None:
    [fence] = [each for each in fences("docs/outcomes.md") if each.language == "python"]
    s3 = given("s3")
    exec(compile(fence.text, str(fence), "exec"), {"s3": s3, "capture_bucket": "capture"})
    assert s3.put_object.called


def test_the_fields_of_a_table_are_declared_as_documented() -> None:
    [fence] = [each for each in fences("docs/bring-your-own-data.md") if each.language == "python"]
    told: dict[str, Any] = {}
    exec(compile(fence.text, str(fence), "exec"), told)
    assert [field.name for field in told["TASK"].inputs] == ["months", "spent", "contract"]
    row = {"months": 3, "spent": 10.0, "contract": "monthly"}
    assert told["TASK"].form.columns(json.dumps({"instances": [row]}), "application/json")


@pytest.mark.parametrize("fence", of_language("json", "jsonl", "yaml"), ids=str)
def test_data_can_be_read(fence: Fence) -> None:
    match fence.language:
        case "json":
            json.loads(fence.text)
        case "jsonl":
            assert [json.loads(line) for line in fence.text.splitlines()]
        case _:
            assert yaml.safe_load(fence.text)


def test_every_block_is_of_a_language_that_is_checked() -> None:
    assert {fence.language for page in PAGES for fence in fences(page)} <= KNOWN
