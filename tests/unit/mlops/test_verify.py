"""`mlops verify` finds what a deployment broke, and nothing that is not a deployment's fault."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from mlops import aws, verify
from mlops.__main__ import main
from mlops.commands import verify as command
from tests.unit.mlops.world import World

LATER = datetime(2999, 1, 1, tzinfo=UTC)
GOOD = {"probability": 0.1, "decision": "approve", "model_version": "3", "reasons": []}


class Endpoint:
    """sagemaker-runtime: what it answers to each request, and what was asked."""

    def __init__(self, answer: Callable[[dict[str, Any]], Any]) -> None:
        self._answer, self.asked = answer, []

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        return {"Body": io.BytesIO(self._answer(json.loads(request["Body"])))}


@pytest.fixture
def deployed(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Everything is there, version 3 serves, and answers as the schema says."""
    world.serve(3)
    names = world.names
    stacks = [
        *verify.stacks_of_model(world.target),
        "mlops-local-features",
        "mlops-local-access",
        "mlops-local-overview",
    ]
    for name in stacks:
        world.stacks.stacks.setdefault(name, {})
    world.stacks.stacks[names.serving_stack] |= {
        "EndpointConfigName": "config-1",
        "ChampionPackage": world.registry.arn(3),
    }
    world.registry.endpoint = {"EndpointStatus": "InService", "EndpointConfigName": "config-1"}
    play(world, monkeypatch, lambda asked: answers([GOOD] * len(asked["instances"])))
    return world


def play(world: World, monkeypatch: pytest.MonkeyPatch, answer: Callable[[dict[str, Any]], Any]) -> Endpoint:
    runtime, known = Endpoint(answer), world.clients
    made = lambda service: runtime if service == "sagemaker-runtime" else known(service)  # noqa: E731
    monkeypatch.setattr(aws, "local_clients", lambda: made)
    monkeypatch.setattr(verify, "_checker", lambda: shape)
    return runtime


def shape(document: Any, schema: Any) -> str:
    """Stands for the release tests' checker, which has tests of its own."""
    assert "predictions" in schema["properties"]
    return "" if "predictions" in document else "response: member 'predictions' is missing"


def answers(predictions: list[Any]) -> bytes:
    return json.dumps({"predictions": predictions}).encode()


def failures(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    code = main(["verify", *arguments])
    lines = [line.removeprefix("FAILED ") for line in capsys.readouterr().out.splitlines() if "FAILED" in line]
    assert code == (1 if lines else 0)
    return lines


def test_a_deployment_that_works_has_no_failures(deployed: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[-1] == "all is well"
    assert "endpoint mlops-local-loan-approval: InService, serves config-1" in told
    assert any("samples are answered as the schema says, by version 3" in line for line in told)


def test_requests_are_marked_as_a_tests_and_go_to_the_champion(
    deployed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = play(deployed, monkeypatch, lambda asked: answers([GOOD] * len(asked["instances"])))
    assert main(["verify"]) == 0
    assert len(runtime.asked) > 1
    assert {each["TargetVariant"] for each in runtime.asked} == {"champion"}
    assert runtime.asked[0]["InferenceId"] == "test-3-verify-1"


def test_a_model_that_nothing_serves_yet_is_no_failure(deployed: World, capsys: pytest.CaptureFixture[str]) -> None:
    del deployed.stacks.stacks[deployed.names.serving_stack]["EndpointName"]
    assert failures(capsys) == []


@pytest.mark.parametrize("missing", ["mlops-local-access", "mlops-local-loan-approval-training"])
def test_a_stack_that_is_not_there_is_named(deployed: World, capsys: pytest.CaptureFixture[str], missing: str) -> None:
    del deployed.stacks.stacks[missing]
    assert failures(capsys) == [f"stack {missing}: is MISSING"]


@pytest.mark.parametrize(
    ("status", "failed"),
    [
        ("UPDATE_ROLLBACK_FAILED", True),
        ("ROLLBACK_COMPLETE", True),
        ("UPDATE_IN_PROGRESS", False),
        ("UPDATE_ROLLBACK_COMPLETE", False),
    ],
)
def test_a_release_under_way_or_one_that_failed_is_not_the_deployments(
    deployed: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, status: str, failed: bool
) -> None:
    serving, describe = deployed.names.serving_stack, deployed.stacks.describe_stacks

    def described(StackName: str) -> dict[str, Any]:  # noqa: N803
        answer = describe(StackName)
        return {"Stacks": [answer["Stacks"][0] | ({"StackStatus": status} if StackName == serving else {})]}

    monkeypatch.setattr(deployed.stacks, "describe_stacks", described)
    deployed.registry.endpoint = {"EndpointStatus": "Updating", "EndpointConfigName": "config-0"}
    if failed:
        assert f"stack {serving}: is {status}" in failures(capsys)
    else:
        assert failures(capsys) == []


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (None, "is not there"),
        (
            {"EndpointStatus": "Failed", "EndpointConfigName": "config-1", "FailureReason": "no capacity"},
            "is Failed: no capacity",
        ),
        (
            {"EndpointStatus": "InService", "EndpointConfigName": "config-0"},
            "serves config-0, its stack asked for config-1",
        ),
    ],
)
def test_an_endpoint_that_is_not_what_its_stack_asked_for_fails(
    deployed: World, capsys: pytest.CaptureFixture[str], endpoint: dict[str, Any] | None, expected: str
) -> None:
    deployed.registry.endpoint = endpoint
    assert failures(capsys) == [f"endpoint mlops-local-loan-approval: {expected}"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda _: b"{", "the response is not JSON: "),
        (lambda _: b"{}", "response: member 'predictions' is missing"),
        (lambda _: answers([GOOD, GOOD]), "2 predictions for 1 instances"),
    ],
)
def test_an_answer_that_is_not_as_promised_fails(
    deployed: World,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[dict[str, Any]], Any],
    expected: str,
) -> None:
    play(deployed, monkeypatch, answer)
    [failure] = failures(capsys)
    assert failure.startswith("loan-approval in local: sample 1 of ")
    assert expected in failure


def test_an_error_of_the_model_is_told_in_its_own_words(
    deployed: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: dict[str, Any]) -> Any:
        answer = {"Error": {"Code": "ModelError"}, "OriginalStatusCode": 500, "OriginalMessage": "KeyError\ntrace"}
        raise ClientError(answer, "InvokeEndpoint")

    play(deployed, monkeypatch, fail)
    [failure] = failures(capsys)
    assert failure.endswith(": 500: KeyError")


def test_an_alarm_that_rings_while_it_is_watched_ends_the_watch(
    deployed: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    class Time:
        @staticmethod
        def monotonic() -> float:
            return sum(slept)

        @staticmethod
        def sleep(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 3:
                deployed.alarms.alarming.append("latency")

    monkeypatch.setattr(command, "time", Time)
    assert failures(capsys, "--watch", "10") == ["loan-approval in local: rings: latency"]
    assert sum(slept) == 45


def test_a_watch_without_an_alarm_lasts_as_long_as_it_should(deployed: World) -> None:
    slept = [0.0]
    checks = verify.watch([deployed.target], 40, slept.append, lambda: sum(slept))
    assert ([check.wrong for check in checks], sum(slept)) == ([""], 40)


def test_every_stack_that_an_environment_has_is_looked_at() -> None:
    from mlops import target
    from mlops_constructs.naming import EnvironmentNames
    from stacks.settings import load
    from tests.infra.environments import stack_names

    for environment in ("dev", "staging", "prod"):
        settings = load(target.CONFIG, environment)
        names = EnvironmentNames(settings.project, environment)
        looked = set(verify.stacks_of_environment(settings))
        for folder, model in settings.models.items():
            one = target.Target(names.model(folder), model, "", lambda _: None)
            looked |= {*verify.stacks_of_model(one), one.names.serving_stack}
        assert looked == stack_names(environment)


def test_commands_take_the_role_that_a_delivery_names_before_they_call_anything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "build", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(aws.ROLE, "arn:aws:iam::111122223333:role/mlops-dev-delivery")
    taken: list[dict[str, Any]] = []

    def client(self: boto3.Session, service: str, **given: Any) -> Any:
        made = plain(self, service, **given)
        if service == "sts":
            assert given["aws_access_key_id"] == "build"
            stub = Stubber(made)
            keys = {"AccessKeyId": "A" * 20, "SecretAccessKey": "s", "SessionToken": "t", "Expiration": LATER}
            stub.add_response("assume_role", {"Credentials": keys})
            stub.activate()
            made.meta.events.register("provide-client-params.sts.AssumeRole", lambda params, **_: taken.append(params))
        return made

    plain = boto3.Session.client
    monkeypatch.setattr(boto3.Session, "client", client)
    sagemaker = aws.account_clients("eu-west-1")("sagemaker")
    assert taken == []
    assert sagemaker._get_credentials().access_key == "A" * 20
    assert [(each["RoleArn"], each["RoleSessionName"]) for each in taken] == [
        ("arn:aws:iam::111122223333:role/mlops-dev-delivery", "mlops")
    ]


@pytest.mark.parametrize(
    ("request_", "response", "said"),
    [
        ({"instances": [1, 2]}, {"predictions": [1, 2]}, ""),
        ({"instances": [1, 2]}, {"predictions": [1]}, "1 predictions for 2 instances"),
        ({"rows": [1, 2]}, {"predictions": [1]}, ""),
        ([1], {"scores": []}, ""),
    ],
)
def test_answers_are_counted_where_request_and_response_have_lists_of_these_names(
    request_: Any, response: Any, said: str
) -> None:
    assert verify._uncounted(request_, response) == said
