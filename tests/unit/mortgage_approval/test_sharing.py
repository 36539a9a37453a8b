"""A second model is a folder and a section of config: what two models have in common is not written twice."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CODE = Path(__file__).parents[3] / "pipeline_code"
MODELS = ("loan_approval", "mortgage_approval")
STATEMENTS = 3
"""Functions of fewer statements are wiring: to call another one, to return what it says."""


class _Nameless(ast.NodeTransformer):
    """Forgets what things are called and what texts say; what is done with them stays."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.copy_location(ast.Name("_", node.ctx), node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.copy_location(ast.Constant(type(node.value).__name__), node)


def functions(folder: str) -> Iterator[tuple[str, str]]:
    """Shape of each function below a folder, and where it is; a definition is wiring as a whole."""
    for path in sorted((CODE / folder).rglob("*.py")):
        if path.name != "definition.py":
            yield from ((shape, f"{path.relative_to(CODE)}:{name}") for shape, name in shapes(path.read_text()))


def shapes(source: str) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name != "main":
            body = [each for each in node.body if not _is_text(each)]
            if sum(isinstance(each, ast.stmt) for line in body for each in ast.walk(line)) >= STATEMENTS:
                yield ast.dump(_Nameless().visit(ast.Module(body, []))), node.name


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_the_models_have_no_function_in_common():
    one, other = (dict(functions(model)) for model in MODELS)
    assert len(one) > 20
    assert len(other) >= 10
    assert [(one[shape], other[shape]) for shape in one if shape in other] == []


@pytest.mark.parametrize("model", MODELS)
def test_no_model_repeats_what_is_shared(model):
    own, shared = dict(functions(model)), dict(functions("tabular"))
    assert len(shared) > 20
    assert [(own[shape], shared[shape]) for shape in own if shape in shared] == []


@pytest.mark.parametrize("model", MODELS)
def test_models_do_not_import_each_other(model):
    others = [other for other in MODELS if other != model]
    found = [path for path in (CODE / model).rglob("*.py") if any(f" {other}" in path.read_text() for other in others)]
    assert found == []


def test_what_is_shared_knows_no_model():
    shared = [path for package in ("tabular", "monitoring") for path in (CODE / package).rglob("*.py")]
    assert [path for path in shared if any(f"{model}." in path.read_text() for model in MODELS)] == []


def test_a_copy_under_other_names_would_be_seen():
    source = (CODE / "tabular" / "folds.py").read_text()
    renamed = source.replace("scores", "probabilities").replace("fold ", "part ").replace('"""A score', '"""Another')
    assert [shape for shape, _ in shapes(source)] == [shape for shape, _ in shapes(renamed)] != []
