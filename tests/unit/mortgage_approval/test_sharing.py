"""A model is a folder and a section of config: what models have in common is not written twice, nor made twice."""

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

from mlops.cdk import ROOT
from mlops.new_model import make

CODE = ROOT / "pipeline_code"
MODELS = tuple(sorted(path.parent.name for path in CODE.glob("*/inference.py")))
GENERATED = "generated_example"
STATEMENTS = 3
"""Fewer statements are wiring: to call a function, to return what it says."""


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    """The folder of a model's code: of those that are there, and of one that `mlops new-model` makes."""
    root = tmp_path_factory.mktemp("repository")
    for place, content in make.plan(ROOT, GENERATED, "", None, "", "").files().items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_bytes(content)
    return lambda name: (root / "pipeline_code" if name == GENERATED else CODE) / name


class _Nameless(ast.NodeTransformer):
    """Forgets what things are called and what texts say; what is done with them stays."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.copy_location(ast.Name("_", node.ctx), node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.copy_location(ast.Constant(type(node.value).__name__), node)


@cache
def found(folder: Path) -> dict[str, str]:
    """Shapes below a folder, and where each is."""
    paths = sorted(folder.rglob("*.py"))
    return {shape: f"{path.relative_to(folder)}:{line}" for path in paths for shape, line in shapes(path.read_text())}


def shapes(source: str) -> Iterator[tuple[str, int]]:
    """Of each function, and of each STATEMENTS statements in a row of one: a copy that was changed here and there."""
    for function in ast.walk(_Nameless().visit(ast.parse(source))):
        if not isinstance(function, ast.FunctionDef):
            continue
        if sum(isinstance(each, ast.stmt) for line in _said(function.body) for each in ast.walk(line)) >= STATEMENTS:
            yield _shape(_said(function.body)), function.lineno
        for node in ast.walk(function):
            for block in ("body", "orelse", "finalbody"):
                lines = _said(getattr(node, block, []))
                for start in range(len(lines) - STATEMENTS + 1):
                    yield _shape(lines[start : start + STATEMENTS]), lines[start].lineno


def _said(lines: object) -> list[ast.stmt]:
    """Statements without docstrings; the body of a lambda is none."""
    if not isinstance(lines, list):
        return []
    return [each for each in lines if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))]


def _shape(lines: Sequence[ast.stmt]) -> str:
    return "\n".join(map(ast.dump, lines))


def imported(folder: Path) -> set[str]:
    """Packages that code below a folder imports."""
    nodes = [node for path in folder.rglob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


def both(one: Path, other: Path) -> list[tuple[str, str]]:
    ones, others = found(one), found(other)
    return [(place, others[shape]) for shape, place in ones.items() if shape in others]


def test_what_is_compared_is_there():
    assert {"loan_approval", "mortgage_approval"} <= set(MODELS)
    assert len(found(CODE / "loan_approval")) > 200
    assert len(found(CODE / "tabular")) > 100


@pytest.mark.parametrize("model", [*MODELS, GENERATED])
def test_no_model_repeats_what_is_shared(code, model):
    assert both(code(model), CODE / "tabular") == []


@pytest.mark.parametrize("model", [*MODELS, GENERATED])
def test_no_model_repeats_another(code, model):
    assert [pair for other in MODELS if other != model for pair in both(code(model), CODE / other)] == []


def test_a_model_that_is_made_has_no_logic_of_its_own(code):
    """It could only be repeated in the next one."""
    assert found(code(GENERATED)) == {}


@pytest.mark.parametrize("model", [*MODELS, GENERATED])
def test_models_do_not_import_each_other(code, model):
    assert imported(code(model)) & {*MODELS, GENERATED} == {model}


def test_what_is_shared_knows_no_model():
    for package in ("features", "monitoring", "tabular"):
        assert imported(CODE / package) & {*MODELS} == set()


def test_a_copy_under_other_names_would_be_seen():
    source = (CODE / "tabular" / "folds.py").read_text()
    renamed = source.replace("scores", "probabilities").replace("fold ", "part ").replace('"""A score', '"""Another')
    assert [shape for shape, _ in shapes(source)] == [shape for shape, _ in shapes(renamed)] != []


def test_a_copy_of_the_middle_of_a_function_would_be_seen(tmp_path):
    """As a model's own step would be that was taken from the shared one, with a line more and another at its end."""
    source = (CODE / "tabular" / "steps" / "train.py").read_text()
    changed = source.replace("import pandas as pd\n", "import pandas as pd\n    print(folder)\n")
    (tmp_path / "train.py").write_text(changed.replace("print(f", "print(task, f"))
    copied = {place for place, _ in both(tmp_path, CODE / "tabular" / "steps")}
    assert changed != source
    assert copied
