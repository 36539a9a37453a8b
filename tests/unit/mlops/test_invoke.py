"""`mlops invoke`: what is sent, what is shown of the answer, and the line for each thing that is in the way."""

import io
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mlops import aws, invoke
from mlops.__main__ import main
from mlops.cdk import ROOT
from mlops_constructs.naming import ReleaseParameter
from tests.unit.mlops.world import World, refused

SAMPLES = ROOT / "pipeline_code" / "loan_approval" / "samples" / "requests.jsonl"
REQUEST = '{"instances": [{"GrAppv": 25000}]}'
ANSWER = '{"predictions": [{"probability": 0.1, "decision": "approve", "model_version": "3"}]}'


class Gone(ClientError):
    """What the client raises where a variant is not there."""


class Endpoint:
    """sagemaker-runtime: answers each request, and keeps what was asked."""

    exceptions = SimpleNamespace(ValidationError=Gone)

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.error: ClientError | None = None
        self.text = ANSWER

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        if self.error and request["Body"] != REQUEST:
            raise self.error
        return {"Body": io.BytesIO(self.text.encode()), "InvokedProductionVariant": "champion"}


@pytest.fixture
def endpoint(world: World, monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    """Version 3 serves."""
    world.serve(3)
    runtime, known = Endpoint(), world.clients
    made = lambda service: runtime if service == "sagemaker-runtime" else known(service)  # noqa: E731
    monkeypatch.setattr(aws, "local_clients", lambda: made)
    return runtime


@pytest.fixture
def nothing_serves(world: World, endpoint: Endpoint) -> World:
    """The environment is deployed, and no version was ever released."""
    world.registry.versions.clear()
    world.set(ReleaseParameter.CHAMPION, "none")
    del world.stacks.stacks[world.names.serving_stack]["EndpointName"]
    return world


def of_the_model(status: int, message: str) -> ClientError:
    answer = {"Error": {"Code": "ModelError"}, "OriginalStatusCode": status, "OriginalMessage": message}
    return ClientError(answer, "InvokeEndpoint")  # type: ignore[arg-type]


def failure(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> str:
    assert main(["invoke", *arguments]) == code
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said.removeprefix("mlops: ").rstrip("\n")


def test_without_a_request_the_first_sample_is_sent_and_shown_with_who_answered(
    endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["invoke"]) == 0
    [asked] = endpoint.asked
    first = SAMPLES.read_text(encoding="utf-8").splitlines()[0]
    assert asked | {"InferenceId": ""} == {
        "EndpointName": "mlops-local-loan-approval",
        "ContentType": "application/json",
        "Accept": "application/json",
        "InferenceId": "",
        "Body": first,
    }
    assert capsys.readouterr().out.splitlines() == [
        f"request  {first}",
        "         the first of pipeline_code/loan_approval/samples/requests.jsonl",
        f"answer   {ANSWER}",
        f"by       champion, version 3; inference id {asked['InferenceId']}",
    ]


def test_every_request_has_an_inference_id_of_its_own_that_marks_it_as_a_test(endpoint: Endpoint) -> None:
    assert main(["invoke"]) == main(["invoke"]) == 0
    ids = [each["InferenceId"] for each in endpoint.asked]
    assert len(set(ids)) == 2
    assert all(each.startswith("test-invoke-") for each in ids)


def test_a_request_of_ones_own_is_sent_as_it_is(endpoint: Endpoint, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["invoke", "--data", REQUEST, "--id", "loan-4711"]) == 0
    assert [(each["Body"], each["InferenceId"]) for each in endpoint.asked] == [(REQUEST, "loan-4711")]
    assert "samples" not in capsys.readouterr().out


def test_a_file_is_answered_line_by_line(endpoint: Endpoint, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.jsonl").write_text(f"{REQUEST}\n\n{REQUEST}\n", encoding="utf-8")
    assert main(["invoke", "--file", str(tmp_path / "r.jsonl"), "--id", "mine"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [ANSWER, ANSWER], "nothing else, so that a program can read it"
    assert said.err == "2 answered: 2 by champion, version 3\n"
    assert [each["InferenceId"] for each in endpoint.asked] == ["mine-1", "mine-2"]


def test_requests_come_from_standard_input(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(f"\ufeff{REQUEST}\r\n".encode())))
    assert main(["invoke", "--file", "-"]) == 0
    assert [each["Body"] for each in endpoint.asked] == [REQUEST]


def test_json_has_requests_and_answers_as_documents(endpoint: Endpoint, capsys: pytest.CaptureFixture[str]) -> None:
    endpoint.text = "no,json"
    assert main(["invoke", "--data", REQUEST, "--id", "a", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["endpoint"] == "mlops-local-loan-approval"
    assert answer["answers"] == [
        {
            "request": json.loads(REQUEST),
            "answer": "no,json",
            "variant": "champion",
            "versions": [],
            "inference_id": "a",
        }
    ]


@pytest.mark.parametrize(
    ("text", "by"),
    [
        ("[0.1]", "champion"),
        ('{"predictions": [0.1]}', "champion"),
        ('{"predictions":\n [{"model_version": 3}, {"model_version": 3}]}', "champion, version 3"),
    ],
)
def test_who_answered_is_said_as_far_as_the_answer_says(
    endpoint: Endpoint, capsys: pytest.CaptureFixture[str], text: str, by: str
) -> None:
    endpoint.text = text
    assert main(["invoke", "--data", REQUEST]) == 0
    assert f"\nby       {by}; " in capsys.readouterr().out


def test_an_applicant_stays_with_a_variant_where_the_endpoint_is_sticky(
    endpoint: Endpoint, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = [{"VariantName": name, "CurrentWeight": 0.5} for name in ("champion", "challenger")]
    found = {"EndpointArn": "arn", "EndpointConfigName": "config-1", "ProductionVariants": weights}
    monkeypatch.setattr(world.registry, "describe_endpoint", lambda **_: found)
    monkeypatch.setattr(world.registry, "list_tags", lambda **_: {"Tags": []}, raising=False)
    for number in range(8):
        assert main(["invoke", "--data", REQUEST, "--applicant", f"applicant-{number}"]) == 0
    first = [each["TargetVariant"] for each in endpoint.asked]
    assert set(first) == {"champion", "challenger"}
    for number in range(8):
        assert main(["invoke", "--data", REQUEST, "--applicant", f"applicant-{number}"]) == 0
    assert [each["TargetVariant"] for each in endpoint.asked[8:]] == first


def test_what_the_container_refuses_is_told_in_its_first_line(
    endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint.error = of_the_model(400, "instances[0].GrAppv: missing\nTraceback (most recent call last):\n")
    assert failure(capsys, 1, "--data", "{}") == (
        "loan-approval in local: the request is refused: 400: instances[0].GrAppv: missing; "
        "pipeline_code/loan_approval/samples/requests.jsonl shows the form"
    )


def test_a_model_that_fails_has_a_log(endpoint: Endpoint, capsys: pytest.CaptureFixture[str]) -> None:
    endpoint.error = of_the_model(500, "")
    assert failure(capsys, 1, "--data", "{}") == (
        "loan-approval in local: the model failed: 500: without a word; "
        "its log: /aws/sagemaker/Endpoints/mlops-local-loan-approval"
    )


def test_of_a_file_the_line_is_named_and_what_was_answered_before_stays(
    endpoint: Endpoint, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.jsonl").write_text(f"{REQUEST}\n{{}}\n{REQUEST}\n", encoding="utf-8")
    endpoint.error = of_the_model(400, "no list")
    assert main(["invoke", "--file", str(tmp_path / "r.jsonl")]) == 1
    said = capsys.readouterr()
    assert said.out == f"{ANSWER}\n"
    assert said.err.startswith("mlops: request 2: loan-approval in local: the request is refused: 400: no list")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"\xff\n", "not UTF-8 at byte 0"),
        (b"\n\n", "holds no request; write one a line"),
    ],
)
def test_a_file_without_requests_is_refused(
    endpoint: Endpoint, tmp_path: Any, capsys: pytest.CaptureFixture[str], content: bytes | None, line: str
) -> None:
    file = tmp_path / "r.jsonl"
    if content is not None:
        file.write_bytes(content)
    assert failure(capsys, 2, "--file", str(file)) == f"{file}: {line}"
    assert endpoint.asked == []


def test_a_request_is_given_once(endpoint: Endpoint, capsys: pytest.CaptureFixture[str]) -> None:
    assert "give one of them" in failure(capsys, 2, "--data", REQUEST, "--file", "-")


def test_a_model_without_samples_needs_a_request(
    endpoint: Endpoint, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invoke, "SAMPLES", invoke.Path("samples") / "none.jsonl")
    assert failure(capsys, 2) == (
        "pipeline_code/loan_approval/samples/none.jsonl: is not there; give a request with --data or --file"
    )


def test_a_version_that_waits_for_approval_is_named_with_the_command(
    nothing_serves: World, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing_serves.registry.add(1, "PendingManualApproval")
    assert failure(capsys, 3) == (
        "loan-approval in local: nothing serves yet: version 1 waits for approval: mlops approve 1"
    )


def test_an_approved_version_is_on_its_way(nothing_serves: World, capsys: pytest.CaptureFixture[str]) -> None:
    nothing_serves.registry.add(1)
    assert failure(capsys, 3).endswith(": version 1 is approved and on its way: mlops status")


def test_a_model_without_a_version_is_trained_first(nothing_serves: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert failure(capsys, 3).endswith(": nothing serves yet: it has no version: mlops train")


def test_where_every_version_was_rejected_status_says_more(
    nothing_serves: World, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing_serves.registry.add(1, "Rejected")
    assert failure(capsys, 3).endswith(": nothing serves yet: mlops status shows what became of its versions")


def test_a_stopped_endpoint_is_started_first(
    endpoint: Endpoint, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.stacks.stacks[world.names.serving_stack] |= {"RunningNow": "off"}
    assert failure(capsys, 1) == ("loan-approval in local: its endpoint is stopped; mlops start --wait brings it back")


def test_a_model_that_is_not_deployed_is_deployed_first(
    endpoint: Endpoint, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    del world.stacks.stacks[world.names.serving_stack]
    assert failure(capsys, 1) == (
        "stack mlops-local-loan-approval-serving: does not exist; deploy it: make synth deploy ENV=local"
    )


def test_a_model_that_is_switched_off_says_so(
    nothing_serves: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = nothing_serves.target
    off = replace(one, settings=one.settings.model_copy(update={"enabled": False}))
    monkeypatch.setattr("mlops.target.find", lambda *_: off)
    assert "is switched off by enabled = false" in failure(capsys, 1)


@pytest.mark.parametrize(("found", "status"), [(None, "MISSING"), ({"EndpointStatus": "Creating"}, "Creating")])
def test_an_endpoint_that_is_not_in_service_is_told_by_its_status(
    endpoint: Endpoint, world: World, capsys: pytest.CaptureFixture[str], found: Any, status: str
) -> None:
    endpoint.error, world.registry.endpoint = refused("InvokeEndpoint", "ValidationError", "not found."), found
    assert failure(capsys, 1) == (f"endpoint mlops-local-loan-approval: is {status}; mlops status shows what goes on")


def test_what_else_is_refused_is_told_as_it_is(endpoint: Endpoint, capsys: pytest.CaptureFixture[str]) -> None:
    endpoint.error = refused("InvokeEndpoint", "AccessDenied", "no")
    assert failure(capsys, 1) == "InvokeEndpoint: AccessDenied: no"
