"""Synth is pure: the same bytes from any process, and one line instead of a traceback when a setting is wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.environments import ENVIRONMENTS, ROOT, new_app


def start(outdir, environment, *, root=ROOT, **variables):
    return subprocess.Popen(
        [sys.executable, str(root / "app.py")],
        cwd=outdir.parent,
        env={
            **os.environ,
            "CDK_VALIDATION": "false",
            "CDK_OUTDIR": str(outdir),
            "CDK_CONTEXT_JSON": json.dumps({"env": environment}),
            **variables,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_app_and_another_process_synthesize_the_same_bytes(tmp_path, assembly):
    """The other one made what all tests here look at, in another place and time zone, and with other hashes."""
    out = tmp_path / "cdk.out"
    run = start(out, "prod", PYTHONHASHSEED="1", TZ="Asia/Tokyo", LC_ALL="C")
    _, stderr = run.communicate(timeout=120)
    assert run.returncode == 0, stderr
    assert contents(out) == contents(assembly("prod"))


@pytest.fixture
def project(tmp_path):
    """A copy of the project's configuration beside the same code."""
    for name in ("cdk.json", "stacks", "constructs", "lambdas", "pipeline_code"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "app.py").write_text((ROOT / "app.py").read_text())
    (tmp_path / "config").mkdir()
    for file in (ROOT / "config").glob("*.toml"):
        (tmp_path / "config" / file.name).write_text(file.read_text())
    return tmp_path


WRONG = {
    "a name": ("dev", "dev", "[models.loan_approval.training]\nmin_aucc = 0.7\n", "config/dev.toml: models.loan_app"),
    "what only the stacks see": (
        "staging",
        "staging",
        '[models.loan_approval.training.parameters]\nTranFrom = "2000-10-01"\n',
        'config/staging.toml: models.loan_approval.training.parameters.TranFrom = "2000-10-01": must be for a '
        "parameter that pipeline_code/loan_approval/definition.py declares: TrainFrom",
    ),
    "an environment": (
        "prd",
        "prod",
        "",
        'config/prd.toml: env = "prd": no such environment; use dev, local, prod, staging',
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_settings_stop_the_app_with_one_line(wrong, project):
    from app import fill

    environment, file, addition, expected = WRONG[wrong]
    with (project / "config" / f"{file}.toml").open("a") as config:
        config.write(f"\n{addition}")
    with pytest.raises(SystemExit) as stopped:
        fill(new_app(project / "out", env=environment), project / "config")
    assert str(stopped.value.code).startswith(expected)
    assert "\n" not in str(stopped.value.code)


def test_such_a_line_is_all_that_synth_says(project):
    """Of what the app refuses last: some stacks are there by then."""
    environment, file, addition, expected = WRONG["what only the stacks see"]
    with (project / "config" / f"{file}.toml").open("a") as config:
        config.write(f"\n{addition}")
    run = start(project / "out", environment, root=project)
    stdout, stderr = run.communicate(timeout=120)
    assert (run.returncode, stdout) == (1, "")
    assert stderr.startswith(expected)
    assert stderr.count("\n") == 1
    assert not (project / "out" / "manifest.json").exists()


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_template_names_this_machine(environment, assembly):
    for path in assembly(environment).glob("*.json"):
        if path.name not in ("tree.json",):
            assert str(Path.home()) not in path.read_text()
            assert str(ROOT) not in path.read_text(), path.name


def test_constructs_folder_does_not_shadow_the_package_that_cdk_is_built_on():
    import constructs

    assert not (ROOT / "constructs" / "__init__.py").exists()
    assert not Path(str(constructs.__file__)).is_relative_to(ROOT / "constructs")


def test_flags_are_the_recommended_ones_of_the_installed_cdk():
    """Deliberate difference: `defaultCrossStackReferences`, since a strong one keeps the foundation in place."""
    import tarfile

    import aws_cdk

    [archive] = (Path(aws_cdk.__file__).parent / "_jsii").glob("*.tgz")
    with tarfile.open(archive) as package:
        member = package.extractfile("package/recommended-feature-flags.json")
        assert member is not None
        recommended = json.load(member)
    recommended["@aws-cdk/core:defaultCrossStackReferences"] = "strong"
    assert json.loads((ROOT / "cdk.json").read_text())["context"] == recommended
