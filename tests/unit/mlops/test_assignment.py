"""Sticky assignment: uniform, stable, monotone; and an endpoint whose challenger comes and goes."""

import ast
import re
import statistics
import threading
from typing import Any

import boto3
import pytest

from mlops.assignment import StickyEndpoint, position, variant_for
from mlops.cdk import ROOT

APPLICANTS = [f"applicant-{number}" for number in range(20_000)]


def weights(challenger: float) -> dict[str, float]:
    return {"champion": 1 - challenger, "challenger": challenger}


def challenged(share: float, salt: str = "s") -> set[str]:
    return {each for each in APPLICANTS if variant_for(each, weights(share), salt) == "challenger"}


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_the_challenger_gets_its_share_of_the_applicants(share: float) -> None:
    deviation = (share * (1 - share) * len(APPLICANTS)) ** 0.5
    assert abs(len(challenged(share)) - share * len(APPLICANTS)) < 4 * deviation


def test_at_the_ends_everybody_meets_the_same_variant() -> None:
    assert challenged(0.0) == set()
    assert challenged(1.0) == set(APPLICANTS)
    assert variant_for("a", {"champion": 1.0}, "s") == variant_for("a", {}, "s") == "champion"


def test_while_the_share_grows_nobody_goes_back() -> None:
    before: set[str] = set()
    for share in (0.05, 0.1, 0.25, 0.5, 0.75):
        now = challenged(share)
        assert before < now
        before = now


def test_only_the_proportion_of_the_weights_counts() -> None:
    for each in APPLICANTS[:1000]:
        assert variant_for(each, weights(0.2), "s") == variant_for(each, {"champion": 8.0, "challenger": 2.0}, "s")


def test_positions_do_not_change_between_processes_or_versions() -> None:
    # Computed apart from this code: printf '5:e-cfg:applicant-1' | sha256sum, first 53 bits.
    assert position("applicant-1", "e-cfg") == int("c460575aa409d279", 16) // 2**11 / 2**53


def test_experiments_with_another_salt_are_independent() -> None:
    both = len(challenged(0.5, "one") & challenged(0.5, "two"))
    assert abs(both - len(APPLICANTS) / 4) < 4 * (len(APPLICANTS) * 3 / 16) ** 0.5
    positions = [position(each, "one") for each in APPLICANTS]
    assert min(positions) >= 0
    assert max(positions) < 1
    assert abs(statistics.correlation(positions, [position(each, "two") for each in APPLICANTS])) < 0.03


def test_salt_and_id_are_not_run_together() -> None:
    assert position("b", "a:") != position(":b", "a")


class ValidationError(Exception):
    """InvokeEndpoint's answer to a variant that there is not."""


class Cloud:
    """DescribeEndpoint and InvokeEndpoint of one endpoint."""

    def __init__(self, **variants: float) -> None:
        self.variants, self.config, self.described, self.down = variants, "config-1", 0, False
        self.tags: list[dict[str, str]] = []
        self.asked: list[dict[str, Any]] = []
        self.exceptions = self
        self.ValidationError = ValidationError

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        self.described += 1
        if self.down:
            raise ConnectionError("throttled")
        return {
            "EndpointArn": f"arn:aws:sagemaker:eu-west-1:111122223333:endpoint/{EndpointName}",
            "EndpointConfigName": self.config,
            "ProductionVariants": [{"VariantName": n, "CurrentWeight": w} for n, w in self.variants.items()],
        }

    def list_tags(self, ResourceArn: str) -> dict[str, Any]:  # noqa: N803
        assert ":endpoint/" in ResourceArn
        return {"Tags": self.tags}

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        if request.get("Body") == "broken" or request.get("TargetVariant", "champion") not in self.variants:
            raise ValidationError
        return {"InvokedProductionVariant": request.get("TargetVariant", "champion")}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def sticky(cloud: Cloud, clock: Clock | None = None, **more: Any) -> StickyEndpoint:
    return StickyEndpoint(cloud, cloud, "e", clock=clock or Clock(), **more)


@pytest.mark.parametrize("variants", [{"champion": 1.0}, {"champion": 1.0, "challenger": 0.0}])
def test_without_a_challenger_that_has_a_share_sagemaker_routes(variants: dict[str, float]) -> None:
    cloud = Cloud(**variants)
    sticky(cloud).invoke("a", Body="x", InferenceId="i")
    assert cloud.asked == [{"EndpointName": "e", "Body": "x", "InferenceId": "i"}]


def test_an_applicant_stays_with_a_variant() -> None:
    cloud = Cloud(champion=0.5, challenger=0.5)
    endpoint = sticky(cloud)
    for each in APPLICANTS[:200]:
        met = {endpoint.invoke(each)["InvokedProductionVariant"] for _ in range(3)}
        assert met == {variant_for(each, weights(0.5), "config-1")}


@pytest.mark.parametrize(("value", "sticks"), [("sticky", True), ("random", False)])
def test_the_endpoints_configuration_says_who_draws(value: str, sticks: bool) -> None:
    cloud = Cloud(champion=0.5, challenger=0.5)
    cloud.tags = [{"Key": "assignment", "Value": value}]
    sticky(cloud).invoke("a")
    assert ("TargetVariant" in cloud.asked[0]) is sticks


def test_the_next_experiment_begins_with_other_applicants_unless_a_salt_is_given() -> None:
    cloud, clock = Cloud(champion=0.9, challenger=0.1), Clock()
    for more, changes in (({}, True), ({"salt": "mine"}, False)):
        cloud.config = "config-1"
        endpoint = sticky(cloud, clock, **more)
        before = {each for each in APPLICANTS[:1000] if endpoint.variant(each) == "challenger"}
        cloud.config = "config-2"
        clock.now += 60
        after = {each for each in APPLICANTS[:1000] if endpoint.variant(each) == "challenger"}
        assert (before != after) is changes


def test_the_weights_are_read_once_in_a_while() -> None:
    cloud, clock = Cloud(champion=1.0), Clock()
    endpoint = sticky(cloud, clock, refresh_seconds=60)
    for clock.now in (0.0, 1.0, 59.9):
        endpoint.invoke("a")
    assert cloud.described == 1
    cloud.variants = {"champion": 0.0, "challenger": 1.0}
    clock.now = 60.0
    assert endpoint.invoke("a")["InvokedProductionVariant"] == "challenger"
    assert cloud.described == 2


def test_a_challenger_that_has_just_gone_costs_nobody_an_answer() -> None:
    cloud = Cloud(champion=0.0, challenger=1.0)
    endpoint = sticky(cloud)
    assert endpoint.variant("a") == "challenger"
    cloud.variants = {"champion": 1.0}
    assert endpoint.invoke("a")["InvokedProductionVariant"] == "champion"
    assert [request.get("TargetVariant") for request in cloud.asked] == ["challenger", None]
    endpoint.invoke("a")  # the weights were read anew
    assert [request.get("TargetVariant") for request in cloud.asked] == ["challenger", None, None]
    assert cloud.described == 2


def test_a_request_that_is_wrong_in_itself_is_tried_once_more_and_then_raised() -> None:
    cloud = Cloud(champion=0.5, challenger=0.5)
    with pytest.raises(ValidationError):
        sticky(cloud).invoke("a", Body="broken")
    assert len(cloud.asked) == 2


def test_weights_that_cannot_be_read_leave_nobody_without_an_answer() -> None:
    cloud, clock = Cloud(champion=0.0, challenger=1.0), Clock()
    cloud.down = True
    endpoint = sticky(cloud, clock)
    assert endpoint.invoke("a")["InvokedProductionVariant"] == "champion"
    endpoint.invoke("a")
    assert cloud.described == 1, "not at every request"
    cloud.down, clock.now = False, 60.0
    assert endpoint.invoke("a")["InvokedProductionVariant"] == "challenger"
    cloud.down, clock.now = True, 120.0
    assert endpoint.invoke("a")["InvokedProductionVariant"] == "challenger", "as last known"


def test_one_thread_reads_while_the_others_go_on_with_what_was_known() -> None:
    cloud, clock = Cloud(champion=0.0, challenger=1.0), Clock()
    endpoint = sticky(cloud, clock)
    endpoint.variant("a")
    clock.now = 60.0
    reading, go_on, describe = threading.Event(), threading.Event(), cloud.describe_endpoint

    def slow(EndpointName: str) -> dict[str, Any]:  # noqa: N803
        reading.set()
        assert go_on.wait(5)
        return describe(EndpointName)

    cloud.describe_endpoint = slow  # type: ignore[method-assign]
    thread = threading.Thread(target=endpoint.variant, args=("a",))
    thread.start()
    assert reading.wait(5)
    assert endpoint.variant("a") == "challenger"
    go_on.set()
    thread.join(5)
    assert cloud.described == 2


def test_the_documents_examples_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    cloud = Cloud(champion=0.0, challenger=1.0)
    monkeypatch.setattr(boto3, "client", lambda service: cloud)
    text = (ROOT / "docs" / "sticky-assignment.md").read_text()
    for example in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(example, {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "challenger"
    assert set(ast.literal_eval(printed[1])) == {"champion", "challenger"}
    assert cloud.asked[0]["EndpointName"] == "mlops-prod-loan-approval"
