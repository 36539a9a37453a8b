"""Each public construct shows in its docstring how it is used, and what it shows runs and is synthesized."""

import ast
import functools
import importlib
import inspect
import json
import re
import sys
from pathlib import Path

import aws_cdk as cdk
import pytest

import mlops_constructs
from stacks.context import feature_flags
from tests.infra.environments import ROOT

_EXAMPLE = re.compile(r"```python\n(.*?)```", re.DOTALL)


def example_of(name):
    """The one example in the docstring of a public construct."""
    module = importlib.import_module(f"mlops_constructs.{mlops_constructs.CONSTRUCTS[name]}")
    # Of the class itself: a docstring can come from a class of CDK, too.
    found = _EXAMPLE.findall(inspect.cleandoc(vars(module)[name].__dict__.get("__doc__") or ""))
    assert len(found) == 1, f"{name}: its docstring has {len(found)} examples (```python … ```), and needs one"
    return found[0]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs an example in a folder of its own; answers its app, and its templates by stack."""

    def ran(source, name):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "path", list(sys.path))
        app = functools.partial(cdk.App, context=feature_flags(ROOT), outdir=str(tmp_path / "cdk.out"))
        monkeypatch.setattr(cdk, "App", app)
        before = set(sys.modules)
        told = {"__name__": "__main__"}
        try:
            exec(compile(source, f"example of {name}", "exec"), told)
        finally:
            for module in set(sys.modules) - before:
                if module.split(".")[0] == "churn":
                    del sys.modules[module]
        return told["app"], [json.loads(path.read_text()) for path in Path("cdk.out").glob("*.template.json")]

    return ran


@pytest.mark.parametrize("name", sorted(mlops_constructs.CONSTRUCTS))
def test_example_of_a_public_construct_runs_and_is_synthesized(name, run):
    app, templates = run(example_of(name), name)
    kind = getattr(mlops_constructs, name)
    made = [each for each in app.node.find_all() if isinstance(each, kind)]
    assert made, f"the example of {name} makes none"
    below = [part for part in made[0].node.find_all() if isinstance(part, cdk.CfnElement)]
    assert below, f"{name} in its example comes to nothing"
    logical_ids = {cdk.Stack.of(part).resolve(part.logical_id) for part in below}
    assert logical_ids & {each for template in templates for part in template.values() for each in part}


@pytest.mark.parametrize("name", sorted(mlops_constructs.CONSTRUCTS))
def test_example_imports_only_what_is_public(name):
    for node in ast.walk(ast.parse(example_of(name))):
        if isinstance(node, ast.ImportFrom) and node.module == "mlops_constructs":
            assert {each.name for each in node.names} <= set(mlops_constructs.__all__)
        elif isinstance(node, ast.ImportFrom):
            assert node.module in ("aws_cdk", "pathlib")


def test_type_checkers_see_the_names_that_can_be_imported():
    tree = ast.parse(inspect.getsource(mlops_constructs))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        f"{line.module}.{each.name}": each.asname
        for line in block.body
        for each in line.names
        if each.name == each.asname
    }
    for name in mlops_constructs.__all__:
        home = inspect.getmodule(getattr(mlops_constructs, name)).__name__
        assert f"{home}.{name}" in seen
    assert len(seen) == len(mlops_constructs.__all__)


def test_public_constructs_are_constructs_and_what_they_are_given_is_none():
    for name in mlops_constructs.__all__:
        public = getattr(mlops_constructs, name)
        made = isinstance(public, type) and issubclass(
            public, cdk.Resource | importlib.import_module("constructs").Construct
        )
        assert made == (name in mlops_constructs.CONSTRUCTS), name


def test_a_name_that_is_not_there_is_no_attribute():
    with pytest.raises(AttributeError, match="has no attribute 'PipelineRole'"):
        _ = mlops_constructs.PipelineRole


def test_documentation_lists_what_is_public_and_nothing_more():
    text = (ROOT / "docs" / "constructs.md").read_text()
    public = text[text.index("## What is public") : text.index("## How they go together")]
    rows = re.findall(r"^\| `(\w+)` \|", public, re.MULTILINE)
    assert sorted(rows) == sorted(mlops_constructs.CONSTRUCTS)
    assert set(mlops_constructs.__all__) - set(re.findall(r"`(\w+)`", public)) == {"starting"}
    internal = re.findall(r"`([A-Z]\w+)`", text[text.index("## What is internal") :])
    assert internal and not set(internal) & set(mlops_constructs.__all__)
    sources = "\n".join(path.read_text() for path in Path(mlops_constructs.__file__).parent.glob("*.py"))
    assert not [name for name in internal if f"class {name}(" not in sources]


def test_buckets_name_the_feature_flag_that_an_app_lacks():
    stack = cdk.Stack(cdk.App(), "Stack")
    key = mlops_constructs.EnvironmentKey(stack, "Key", retain=False, description="x")
    protection = mlops_constructs.DataProtection(key=key, retain=False, log_retention_days=7)
    with pytest.raises(mlops_constructs.ConstructError, match=r'AccessLogsUseBucketPolicy is off: .* "context" of cdk'):
        mlops_constructs.SharedFoundation(stack, "Shared", protection=protection, emails=[])
