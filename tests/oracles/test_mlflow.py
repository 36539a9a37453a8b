"""The keeper's client beside the real MLflow, and its signatures beside those of AWS's plugin (`make test-mlflow`).

Both live in a virtual environment of their own, `.venv-mlflow`; without it these tests are skipped. MLflow runs as a
server in a process of its own. The plugin's requests go to a server in the test, and are compared with ours.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.lambdas.conftest import LAMBDAS, load_folder
from tests.unit.lambdas.record_keeper.fakes.mlflow import Mlflow
from tests.unit.lambdas.record_keeper.names import TRACKING
from tests.unit.lambdas.record_keeper.test_mlflow_client import APP, CREDENTIALS, Server, is_signed, listening

PYTHON = Path(__file__).parents[2] / ".venv-mlflow" / "bin" / "python"
STARTS = 60
TAG = "mlops.execution"

pytestmark = [pytest.mark.oracle, pytest.mark.skipif(not PYTHON.exists(), reason="make test-mlflow installs MLflow")]


@pytest.fixture(scope="module")
def keeper() -> SimpleNamespace:
    return load_folder(LAMBDAS / "record_keeper", "record_keeper_oracle")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an MLflow on this machine, with SQLite behind it."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(PYTHON.with_name("mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder)),
    ]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            command, cwd=folder, env={**os.environ, **quiet}, stdout=log, stderr=subprocess.STDOUT
        ) as server,
    ):
        try:
            _wait(f"http://127.0.0.1:{port}/health", server, folder / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(STARTS * 10):
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"MLflow did not start within {STARTS} seconds: {log.read_text()}")


def test_run_is_made_filled_ended_and_found_again(keeper, real):
    client = keeper.mlflow_client
    mlflow = client.Mlflow(client.Wire(TRACKING, lambda: CREDENTIALS, real))
    experiment = mlflow.experiment("mlops-test-loan-approval")
    assert mlflow.experiment("mlops-test-loan-approval") == experiment
    arn = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/mlops-test-loan-approval-training/execution/abc123"
    assert mlflow.find(experiment, TAG, arn) is None
    run = mlflow.create(experiment, "abc123", 1_700_000_000_000, {TAG: arn})
    assert mlflow.find(experiment, TAG, arn).status == "RUNNING"
    texts = {f"Train/name{number}": "" if number == 1 else "v" * 6000 for number in range(150)}
    metrics = {f"Train/validation/m{number}": float(number) for number in range(1700)}
    for _ in range(2):  # a run that is told twice
        mlflow.log(run, metrics, texts, {"mlops.version": "3"}, 1_700_000_060_000)
        mlflow.end(run, "KILLED", 1_700_000_060_000)
    found = mlflow.find(experiment, TAG, arn)
    assert (found.id, found.status, found.deleted) == (run, "KILLED", False)
    assert (found.metrics, found.params) == (set(metrics), set(texts))
    assert found.tags == {TAG: arn, "mlops.version": "3", "mlflow.runName": "abc123"}


def _conversation(ask: Any) -> list[Any]:
    """What an MLflow answers to what the keeper asks, and to what it must not ask; ids are replaced."""
    said: list[Any] = []

    def say(method: str, path: str, **fields: Any) -> Any:
        status, answer = ask(method, path, fields)
        said.append((path, status, answer.get("error_code", ""), _shape(answer)))
        return answer

    say("GET", "experiments/get-by-name", experiment_name="talk")
    experiment = say("POST", "experiments/create", name="talk")["experiment_id"]
    say("POST", "experiments/create", name="talk")
    say("GET", "experiments/get-by-name", experiment_name="talk")
    search = {"experiment_ids": [experiment], "run_view_type": "ALL", "max_results": 10}
    say("POST", "runs/search", **search, filter=f"tags.`{TAG}` = 'one'")
    tags = [{"key": TAG, "value": "one"}]
    made = say("POST", "runs/create", experiment_id=experiment, run_name="a", start_time=1, tags=tags)
    run = made["run"]["info"]["run_id"]
    nothing: dict[str, list[Any]] = {"metrics": [], "params": [], "tags": []}
    point = {"value": 0.5, "timestamp": 2, "step": 0}
    for change in (
        {"metrics": [{"key": "TrainModel/validation/auc", **point}]},
        {"metrics": [{"key": "a*b", **point}]},
        {"metrics": [{"key": "a//b", **point}]},
        {"metrics": [{"key": str(number), **point} for number in range(1001)]},
        {"params": [{"key": "eta", "value": "1"}]},
        {"params": [{"key": "eta", "value": "1"}]},
        {"params": [{"key": "eta", "value": "2"}]},
        {"params": [{"key": "empty", "value": ""}]},
        {"params": [{"key": str(number), "value": "1"} for number in range(101)]},
        {"tags": [{"key": "mlops.approval", "value": "Approved"}]},
        {"tags": [{"key": "mlops.approval", "value": "Rejected"}]},
        {"tags": [{"key": str(number), "value": "1"} for number in range(101)]},
    ):
        say("POST", "runs/log-batch", run_id=run, **{**nothing, **change})
    say("POST", "runs/log-batch", run_id="f" * 32, **nothing)
    say("POST", "runs/update", run_id=run, status="FINISHED", end_time=3)
    say("POST", "runs/search", **search, filter=f"tags.`{TAG}` = 'one'")
    return said


def _shape(answer: Any) -> Any:
    """The members that the client reads."""
    if "runs" in answer:
        return [_shape({"run": each}) for each in answer["runs"]]
    if "experiment" in answer:
        return {name: answer["experiment"][name] for name in ("name", "lifecycle_stage")}
    if "run" in answer:
        info, data = answer["run"]["info"], answer["run"].get("data", {})
        told = {name: info[name] for name in ("run_name", "status", "start_time", "lifecycle_stage")}
        return told | {
            kind: sorted((each["key"], each.get("value", "")) for each in data.get(kind, []))
            for kind in ("metrics", "params", "tags")
        }
    return None


def test_fake_of_the_unit_tests_answers_as_the_real_one(keeper, real):
    wire = keeper.mlflow_client.Wire(TRACKING, lambda: CREDENTIALS, real)

    def ask(method: str, path: str, fields: dict[str, Any]) -> Any:
        try:
            return 200, wire(method, path, fields)
        except keeper.mlflow_client.Refused as error:
            return int(str(error).split(": ")[1].split()[0]), {"error_code": error.code}

    assert _conversation(Mlflow().answer) == _conversation(ask)


PLUGIN = """
import sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.MlflowClient().get_experiment_by_name("a b+c")
"""


@pytest.mark.parametrize(
    ("arn", "service", "region"), [(TRACKING, "sagemaker-mlflow", "eu-west-1"), (APP, "sagemaker", "us-east-1")]
)
def test_requests_are_those_of_the_plugin(keeper, arn, service, region, tmp_path):
    client, server = keeper.mlflow_client, Server()
    server.mlflow.answer("POST", "experiments/create", {"name": "a b+c"})
    with listening(server) as url:
        own = {
            "AWS_ACCESS_KEY_ID": CREDENTIALS.access_key, "AWS_SECRET_ACCESS_KEY": CREDENTIALS.secret_key,
            "AWS_SESSION_TOKEN": CREDENTIALS.token, "SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT": url,
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_DISABLE_TELEMETRY": "true", "HOME": str(tmp_path),
        }  # fmt: skip
        command = [PYTHON, "-c", PLUGIN, arn]
        done = subprocess.run(command, env={"PATH": os.environ["PATH"], **own}, cwd=tmp_path, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        theirs = [each for each in server.heard if "get-by-name" in each.path][-1]
        client.Mlflow(client.Wire(arn, lambda: CREDENTIALS, url)).experiment("a b+c")
        ours = server.heard[-1]
    assert is_signed(theirs, service, region) and is_signed(ours, service, region)
    assert (ours.method, ours.path.partition("?")[0]) == (theirs.method, theirs.path.partition("?")[0])
    named = {name for name, value in theirs.headers.items() if value == arn}
    assert named == {name for name, value in ours.headers.items() if value == arn} and len(named) == 1
    wanted = {*named, "host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"}
    for each in (ours, theirs):
        signed = each.headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
        assert wanted <= set(signed)


def test_places_are_those_of_the_plugin(keeper):
    code = (
        "import sys; from sagemaker_mlflow.mlflow_sagemaker_helpers import SageMakerMLflowHostMetadataProvider as P\n"
        "p = P(); p.set_arn(sys.argv[1]); print(p.construct_tracking_server_url())"
    )
    for arn in (TRACKING, APP, APP.replace("arn:aws:", "arn:aws-us-gov:").replace("us-east-1", "us-gov-west-1")):
        told = subprocess.run([PYTHON, "-c", code, arn], capture_output=True, text=True, check=True).stdout.strip()
        assert keeper.mlflow_client.place(arn).url == told
