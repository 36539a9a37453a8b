"""What a run of the release tests asks, notes and tells."""

import json
import re
from types import SimpleNamespace

import botocore.session
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.unit.lambdas.checked_client import refusal, text
from tests.unit.lambdas.release_tests.conftest import APPROVER, EVENT, GROUP, PACKAGE

SAMPLES = 40  # lines of the example's requests.jsonl


def metadata_pattern():
    shape = botocore.session.get_session().get_service_model("sagemaker").shape_for("CustomerMetadataMap")
    # The service writes classes of letters, separators and digits as Java does; ours are ASCII.
    written = shape.value.metadata["pattern"]
    assert written == r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,256}"
    return re.compile(r"[A-Za-z \d_.:/=+\-@]{1,256}")


def test_a_good_version_passes_and_is_noted_with_time_and_approver(world):
    assert world.run()["verdict"] == "passed"
    assert set(world.metadata) == {"staging-tests", "staging-tests-at", "approved-by"}
    assert world.metadata["staging-tests"] == "passed"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", world.metadata["staging-tests-at"])
    assert world.metadata["approved-by"] == APPROVER
    assert world.told == []


def test_every_sample_is_asked_once_then_the_load_comes_from_several_threads(world):
    world.run()
    smoke, load = world.requests[:SAMPLES], world.requests[SAMPLES:]
    assert [each["Body"].decode() for each in smoke] == world.files["requests.jsonl"].splitlines()
    assert len(load) == 60
    assert {each["Body"] for each in load} == {each["Body"] for each in smoke}
    assert world.most_busy == 3
    for each in world.requests:
        assert (each["EndpointName"], each["TargetVariant"]) == (GROUP, "champion")
        assert (each["ContentType"], each["Accept"]) == ("application/json", "application/json")


def test_requests_of_tests_can_be_told_from_others_in_the_captured_data(world):
    world.run()
    ids = [each["InferenceId"] for each in world.requests]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"test-3-(smoke|load)-\d+", each) for each in ids)


def failed_model(status, message):
    return refusal("ModelError", f"Received error ({status})", 424, OriginalStatusCode=status, OriginalMessage=message)


def raising(error):
    def answer(number, request):
        raise error

    return answer


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            raising(failed_model(400, "instances[0].GrAppv: missing\nTraceback (most recent call last):\n ...")),
            "sample 1 of 40: 400: instances[0].GrAppv: missing",
        ),
        (raising(refusal("ServiceUnavailable", "try later", 503)), "sample 1 of 40: 503: try later"),
        (
            raising(ReadTimeoutError(endpoint_url="https://x")),
            'sample 1 of 40: no answer: Read timeout on endpoint URL: "https://x"',
        ),
        (lambda number, request: b"<html>", "sample 1 of 40: the response is not JSON: Expecting value: line 1"),
        (lambda number, request: b'{"predictions": [NaN]}', "the response is not JSON: NaN is not a JSON number"),
        (
            lambda number, request: b'{"predictions": [{"probability": 1.5}]}',
            "sample 1 of 40: predictions[0]: member 'decision' is missing",
        ),
    ],
)
def test_a_sample_that_is_not_answered_as_it_should_be_fails(world, answer, reason):
    world.answer = answer
    result = world.run()
    assert reason in result["reason"]
    assert result["verdict"].startswith("failed: ")
    assert world.metadata["staging-tests"] == result["verdict"]
    assert len(world.requests) == 1


def test_a_value_outside_the_schema_fails_with_its_place(world):
    world.answer = lambda number, request: world.predictions(request, decision="perhaps")
    assert world.run()["reason"] == "sample 1 of 40: predictions[0].decision: 'perhaps' is not one of approve, decline"


def test_as_many_predictions_as_instances_are_expected(world):
    world.files["requests.jsonl"] = '{"instances": [{}, {}]}\n'
    world.answer = lambda number, request: world.predictions({"Body": '{"instances": [{}]}'})
    assert world.run()["reason"] == "sample 1 of 1: 1 predictions for 2 instances"


def test_a_response_without_list_of_predictions_fails_even_if_the_schema_lets_it(world):
    world.files["response.schema.json"] = "{}"
    world.answer = lambda number, request: b'["approve"]'
    assert world.run()["reason"] == "sample 1 of 40: no list of predictions for 1 instances"


def test_prediction_without_version_fails_even_if_the_schema_lets_it(world):
    world.files["response.schema.json"] = "{}"
    world.answer = lambda number, request: b'{"predictions": ["approve"]}'
    assert world.run()["reason"] == "sample 1 of 40: model_version is missing instead of 3"


def test_another_version_behind_the_endpoint_fails_while_this_one_is_to_serve(world):
    world.version = "2"
    assert world.run()["verdict"] == "failed: sample 1 of 40: model_version is 2 instead of 3"


def test_a_version_that_was_replaced_meanwhile_gets_no_verdict(world):
    world.version, world.champion = "4", PACKAGE.replace("/3", "/4")
    result = world.run()
    assert result["verdict"] == "superseded"
    assert (world.metadata, world.told) == ({}, [])


def every(step, error):
    def answer(number, request, world):
        if number >= SAMPLES and number % step == 0:
            raise error
        return world.predictions(request)

    return answer


@pytest.mark.parametrize(("step", "verdict"), [(50, "passed"), (10, "failed")])
def test_errors_under_load_count_by_their_share(world, step, verdict):
    """60 requests, 2 % allowed: one fails in the first case, six in the second."""
    answer = every(step, failed_model(500, "out of memory"))
    world.answer = lambda number, request: answer(number, request, world)
    result = world.run()
    assert result["verdict"].split(":")[0] == verdict
    if verdict == "failed":
        assert result["reason"] == (
            "10 percent of 60 requests failed, the limit is 2; the first with 500: out of memory"
        )


def test_a_slow_version_fails_by_its_95th_percentile(world, release_tests):
    limits = release_tests.checks.Limits(requests=100, concurrency=1, max_error_percent=0, max_p95_ms=500)

    def load(slow):
        answers = [release_tests.checks.Answer(200, b"", 0.9 if each < slow else 0.1) for each in range(100)]
        return release_tests.checks.of_load(answers, limits)

    assert load(slow=5) is None
    assert load(slow=6).reason == "p95 latency is 900 ms, the limit is 500 ms"


def test_failed_requests_do_not_make_a_version_fast(release_tests):
    """A refusal at once would otherwise lower the percentile."""
    limits = release_tests.checks.Limits(requests=100, concurrency=1, max_error_percent=60, max_p95_ms=500)
    quick = [release_tests.checks.Answer(500, b"", 0.001, "no")] * 50
    slow = [release_tests.checks.Answer(200, b"", 0.9)] * 50
    assert "p95 latency is 900 ms" in release_tests.checks.of_load(quick + slow, limits).reason


def test_failure_is_told_with_what_why_and_what_to_do(world):
    world.answer = raising(failed_model(500, "no space, 100 % full"))
    world.run()
    [message] = world.told
    assert message["Subject"] == f"[staging] {GROUP}: version 3 failed its tests"
    assert "Why: sample 1 of 40: 500: no space, 100 % full.\n" in text(message)
    assert PACKAGE in text(message)
    assert "What to do: mend the cause" in text(message)
    [command] = re.findall(r"--payload '(.*)' /dev/stdout", text(message))
    assert json.loads(command) == {**EVENT, "again": True}


def test_noted_reason_has_only_what_the_registry_takes(world):
    world.answer = raising(failed_model(500, 'é "quoted", (50 %) [x] ' * 40))
    world.run()
    allowed = metadata_pattern()
    assert world.metadata["staging-tests"].startswith("failed: sample 1 of 40: 500: quoted 50 x quoted 50 x")
    assert all(allowed.fullmatch(each) for each in world.metadata.values())


def test_tested_once_unless_asked_again(world):
    world.run()
    asked = len(world.requests)
    assert world.run() == {"verdict": "passed", "tested": "before"}
    assert len(world.requests) == asked
    world.answer = raising(failed_model(500, "broken"))
    assert world.run({**EVENT, "again": True})["verdict"].startswith("failed")
    assert world.metadata["staging-tests"].startswith("failed")
    assert world.metadata["approved-by"] == APPROVER


@pytest.mark.parametrize(
    "package",
    [
        {"ModelApprovalStatus": "Approved", "CustomerMetadataProperties": {"approved-by": "arn:aws:iam::1:user/eve"}},
        {"ModelApprovalStatus": "Rejected", "LastModifiedBy": {"IamIdentity": {"Arn": APPROVER}}},
        {"ModelApprovalStatus": "Approved", "LastModifiedBy": {}},
        {"ModelApprovalStatus": "Approved"},
    ],
)
def test_the_approver_is_noted_only_where_it_is_known(world, package):
    world.package = package
    before = dict(world.metadata)
    world.run()
    assert world.metadata.get("approved-by") == before.get("approved-by")


def test_the_tests_themselves_are_never_taken_for_the_approver(world):
    """The first run could not say who approved; by the second, the last change is the first run's own."""
    world.package = {"ModelApprovalStatus": "Approved"}
    world.run()
    world.run({**EVENT, "again": True})
    assert "approved-by" not in world.metadata


def test_other_metadata_stay(world):
    world.package["CustomerMetadataProperties"] = {"dev-tests": "passed"}
    world.run()
    assert world.metadata["dev-tests"] == "passed"


@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationError"])
@pytest.mark.parametrize("number", [0, SAMPLES])
def test_what_says_nothing_about_the_model_is_no_verdict(world, code, number):
    def answer(asked, request):
        if asked >= number:
            raise refusal(code, "Endpoint not found")
        return world.predictions(request)

    world.answer = answer
    with pytest.raises(ClientError):
        world.run()
    assert (world.metadata, world.told) == ({}, [])


@pytest.mark.parametrize(
    ("runs_out_at", "reason"),
    [(10, "time was up before sample 11 of 40"), (SAMPLES + 20, "time was up after 20 of 60 requests")],
)
def test_verdict_comes_before_lambda_ends_the_function(world, runs_out_at, reason):
    left = SimpleNamespace(get_remaining_time_in_millis=lambda: 89_000 if world.asked >= runs_out_at else 900_000)
    result = world.run(context=left)
    if runs_out_at > SAMPLES:
        done = int(re.search(r"after (\d+) of 60", result["reason"])[1])
        assert 20 <= done <= 22  # what the other threads had begun
    else:
        assert result["reason"] == reason


def test_crash_before_the_note_repeats_the_tests(world):
    answers = world.clients["sagemaker"].answers
    update = answers["update_model_package"]
    answers["update_model_package"] = raising_once(refusal("ConflictException", "busy"), update)
    with pytest.raises(ClientError):
        world.run()
    assert world.run()["verdict"] == "passed"


def raising_once(error, then):
    pending = [error]

    def answer(parameters):
        if pending:
            raise pending.pop()
        return then(parameters)

    return answer


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ([], r"payload: \[\], expected an object with package, endpoint, again"),
        ({}, "package: None, expected the ARN of a version in the model package group mlops-staging-loan-approval"),
        ({**EVENT, "package": PACKAGE.replace("staging", "prod")}, "package: 'arn.*prod.*', expected the ARN"),
        ({**EVENT, "package": PACKAGE.replace("/3", "/0")}, "package: .*expected the ARN"),
        ({**EVENT, "endpoint": "other"}, "endpoint: 'other', expected mlops-staging-loan-approval"),
        ({**EVENT, "again": "yes"}, "again: 'yes', expected true or false"),
        ({**EVENT, "force": 1}, "force: 1, expected no member but package, endpoint, again"),
    ],
)
def test_malformed_payload_is_refused_before_any_call(world, release_tests, event, message):
    with pytest.raises(release_tests.payload.MalformedRequestError, match=message):
        world.run(event)
    assert all(client.calls == [] for client in world.clients.values())


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"requests.jsonl": "{}"}, r"samples: .*no item named 'response.schema.json'"),
        ({"requests.jsonl": "\n", "response.schema.json": "{}"}, "requests.jsonl: empty, expected a request a line"),
        (
            {"requests.jsonl": '{"instances": [1]}\n{}', "response.schema.json": "{}"},
            r"requests.jsonl line 2: KeyError: 'instances', expected \{\"instances\": \[...\]\}",
        ),
        ({"requests.jsonl": '{"instances": []}', "response.schema.json": "{}"}, "line 1: instances: empty"),
        ({"requests.jsonl": "no json", "response.schema.json": "{}"}, "line 1: JSONDecodeError"),
        ({"requests.jsonl": '{"instances": [1]}', "response.schema.json": "{"}, "response.schema.json: Expecting"),
        (
            {"requests.jsonl": '{"instances": [1]}', "response.schema.json": '{"oneOf": []}'},
            "response.schema.json: schema: keyword 'oneOf' is not supported",
        ),
    ],
)
def test_samples_that_cannot_be_used_are_named(world, release_tests, files, message):
    world.files = files
    with pytest.raises(release_tests.samples.SamplesError, match=message):
        world.run()
    assert world.metadata == {}


def test_missing_variables_are_all_named(release_tests):
    with pytest.raises(release_tests.environment.ConfigurationError, match=r"MENT, MODEL_PACKAGE_GROUP, .*LIMITS"):
        release_tests.gateway.Settings.read({})
