"""SDK pipelines are built the same way at every time and place, and what cannot be is refused in one line."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from mlops_constructs import sdk_pipeline
from mlops_constructs.definition_check import findings
from mlops_constructs.errors import ConstructError
from mlops_constructs.pipeline_context import PipelineContext
from mlops_constructs.sdk_pipeline import LoadedPipeline

pytestmark = pytest.mark.oracle

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
REGION = "eu-west-1"

BUILD = """
import json, sys
from pathlib import Path
from mlops_constructs import sdk_pipeline
from conftest import make_context
loaded = sdk_pipeline.load(Path(sys.argv[1]), make_context(), Path(sys.argv[2]), region="eu-west-1")
Path(sys.argv[2], "definition.json").write_text(json.dumps(loaded.definition))
"""
HEADER = """
from sagemaker.core.workflow.functions import Join
from sagemaker.mlops.workflow import FailStep, Pipeline
def message(text, session):
    return Pipeline(name="p", steps=[FailStep("Stop", error_message=text)], sagemaker_session=session)
"""


def _built(folder: Path, seed: str, model: Path) -> dict[str, bytes]:
    """Every file that a build of its own process leaves, with another hash seed and temporary folder."""
    folder.mkdir()
    (folder / "tmp").mkdir()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "PYTHONHASHSEED": seed,
        "PYTHONPATH": os.pathsep.join(
            str(ROOT / each) for each in (".", "constructs", "pipeline_code", "tests/oracles")
        ),
        "TMPDIR": str(folder / "tmp"),
    }
    out = folder / "staging"
    run = subprocess.run(
        [sys.executable, "-c", BUILD, str(model), str(out)], env=environment, capture_output=True, text=True, cwd=folder
    )
    assert run.returncode == 0, run.stderr
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def test_two_processes_build_the_same_bytes(tmp_path: Path) -> None:
    one = _built(tmp_path / "one", "1", HERE / "uploads_sdk")
    copy = tmp_path / "elsewhere" / "uploads_sdk"
    shutil.copytree(HERE / "uploads_sdk", copy, ignore=shutil.ignore_patterns("__pycache__"))
    other = _built(tmp_path / "other", "4242", copy)
    assert one.keys() == other.keys()
    assert one == other
    assert "definition.json" in one


def test_the_definition_passes_the_same_check(uploads_pipeline: LoadedPipeline) -> None:
    assert findings(uploads_pipeline.definition) == []


def test_tokens_survive_and_placeholders_do_not(uploads_pipeline: LoadedPipeline, context: PipelineContext) -> None:
    written = json.dumps(uploads_pipeline.definition)
    for prefix in uploads_pipeline.assets:
        written = written.replace(prefix, "")
    assert "placeholder" not in written
    assert context.role_arn in written
    assert f"s3://{context.data_bucket}/raw" in written
    assert f"s3://{context.artifacts_bucket}/loan_approval/models" in written


def test_code_is_kept_under_its_names(uploads_pipeline: LoadedPipeline) -> None:
    steps = {step["Name"]: step["Arguments"] for step in uploads_pipeline.definition["Steps"]}
    prepare = steps["Prepare"]
    assert prepare["AppSpecification"]["ContainerEntrypoint"][-1].endswith("/prepare.py")
    script = next(each for each in prepare["ProcessingInputs"] if each["InputName"] == "code")["S3Input"]["S3Uri"]
    assert _asset(uploads_pipeline, script).read_bytes() == (HERE / "uploads_sdk" / "code" / "prepare.py").read_bytes()
    channels = {
        each["ChannelName"]: each["DataSource"]["S3DataSource"]["S3Uri"] for each in steps["Train"]["InputDataConfig"]
    }
    code = _asset(uploads_pipeline, channels["code"])
    assert sorted(each.relative_to(code).as_posix() for each in code.rglob("*.py")) == [
        "lib/__init__.py", "lib/score.py", "prepare.py", "train.py",
    ]  # fmt: skip
    drivers = _asset(uploads_pipeline, channels["sm_drivers"])
    assert (drivers / "sm_train.sh").is_file()
    assert json.loads((drivers / "sourcecode.json").read_text())["source_dir"] == "code"
    assert not list(drivers.rglob("__pycache__"))


def test_the_sdk_tunes_in_script_mode_as_we_do(uploads_pipeline: LoadedPipeline) -> None:
    tune = next(step for step in uploads_pipeline.definition["Steps"] if step["Name"] == "Tune")
    fixed = tune["Arguments"]["TrainingJobDefinition"]["StaticHyperParameters"]
    assert fixed["sagemaker_program"] == "train.py"
    with tarfile.open(_asset(uploads_pipeline, fixed["sagemaker_submit_directory"])) as archive:
        assert archive.getnames() == ["lib/__init__.py", "lib/score.py", "prepare.py", "train.py"]


def _asset(pipeline: LoadedPipeline, uri: str) -> Path:
    prefix = next(each for each in pipeline.assets if uri.startswith(each))
    return pipeline.assets[prefix] / uri.removeprefix(prefix).lstrip("/")


WRONG = {
    "chance": ("import uuid\ndef pipeline(c, s): return message(f'run {uuid.uuid4()}', s)", "in one build and '"),
    "the time": (
        "import datetime\ndef pipeline(c, s): return message(f'run {datetime.datetime.now():%Y%m%d%H%M%S}', s)",
        "Steps[0].Arguments.ErrorMessage: 'run 20",
    ),
    "the clock of the SDK": (
        "from sagemaker.core.common_utils import name_from_base\n"
        "def pipeline(c, s): return message(name_from_base('run'), s)",
        "Steps[0].Arguments.ErrorMessage: 'run-20",
    ),
    "a path": ("def pipeline(c, s): return message(__file__, s)", "is a path of this machine: upload it instead"),
    "a part of the role": (
        "def pipeline(c, s): return message(c.role_arn.split('/')[-1], s)",
        "use the context's values whole",
    ),
    "the account": ("def pipeline(c, s): return message(s.account_id(), s)", "use the context's values whole"),
    "a call of AWS": (
        "def pipeline(c, s): s.sagemaker_client.list_models()",
        "calls sagemaker.list_models: synth has no account",
    ),
    "boto3 itself": (
        "import boto3\ndef pipeline(c, s): boto3.client('sts').get_caller_identity()",
        "synth has no network",
    ),
    "a connection": (
        "import urllib.request\ndef pipeline(c, s): urllib.request.urlopen('http://192.0.2.1/')",
        "connects to 192.0.2.1: synth has no network",
    ),
    "a socket": (
        "import socket\ndef pipeline(c, s): socket.socket().connect(('192.0.2.1', 80))",
        "connects to ('192.0.2.1', 80): synth has no network",
    ),
    "an upload that nobody names": (
        "def pipeline(c, s):\n    s.upload_data(__file__, key_prefix='x')\n    return message('x', s)",
        "/x/pipeline.py, which no step's arguments name",
    ),
    "an error of its own": (
        "def pipeline(c, s): raise KeyError('no such thing')",
        "pipeline.py:6: KeyError: 'no such thing'",
    ),
    "another result": ("def pipeline(c, s): return {'Steps': []}", "AttributeError"),
    "no function": ("", "has no attribute 'pipeline'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_a_pipeline_is_told_in_one_line(case: str, context: PipelineContext, tmp_path: Path) -> None:
    body, line = WRONG[case]
    model = tmp_path / f"model_{case.replace(' ', '_')}"
    model.mkdir()
    (model / "pipeline.py").write_text(HEADER + body)
    with pytest.raises(ConstructError) as error:
        sdk_pipeline.load(model, context, tmp_path / "staging", region=REGION)
    assert str(error.value).startswith(f"{model.name}/pipeline.py")
    assert line in str(error.value)
    assert "\n" not in str(error.value)
