"""A feature group through deployments: what AWS can change changes, what it cannot is refused before anything has.

The tests of this module run in their order: each goes on from the state that the one before it left.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops.errors import CommandError
from tests.assembly import synthesize
from tests.deployed import Platform, change_setting, configuration, run_deployed
from tests.local_aws_fixture import LocalAws

GROUP, STACK = "mlops-local-bank-history", "mlops-local-features"
DEPLOYED = ["bank", "known_from", "approvals_12m", "charge_offs_12m", "charge_off_share_12m"]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration that these tests change."""
    return configuration(tmp_path_factory.mktemp("features"))


@pytest.fixture(scope="module")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """This module's own."""
    yield from run_deployed(tmp_path_factory)


@pytest.fixture(scope="module")
def platform(local_aws: LocalAws, app: Path) -> Platform:
    return Platform(local_aws, "local", app)


@pytest.fixture
def changed(platform: Platform, tmp_path: Path) -> Callable[[], Path]:
    """Synthesizes what the configuration says by now of all but the models."""
    return lambda: synthesize(tmp_path / "cdk.out", platform.environment_settings.model_copy(update={"models": {}}))


@pytest.fixture
def group(platform: Platform) -> Callable[[], dict[str, Any]]:
    return lambda: platform.client("sagemaker").describe_feature_group(FeatureGroupName=GROUP)


def names(group: dict[str, Any]) -> list[str]:
    return [each["FeatureName"] for each in group["FeatureDefinitions"]]


def status(platform: Platform) -> str:
    [stack] = platform.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return str(stack["StackStatus"])


def refusals(platform: Platform) -> list[str]:
    """Why the guard refused, oldest first."""
    events = platform.client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]
    return [
        re.sub(r"\s+", " ", each["ResourceStatusReason"])
        for each in reversed(events)
        if each["ResourceType"] == "Custom::FeatureGroup" and each["ResourceStatus"] == "UPDATE_FAILED"
    ]


def test_a_group_is_there_online_and_offline(platform: Platform, group: Callable[[], dict[str, Any]]) -> None:
    deployed = group()
    assert (deployed["FeatureGroupStatus"], names(deployed)) == ("Created", DEPLOYED)
    assert deployed["OnlineStoreConfig"]["EnableOnlineStore"] is True
    uri = deployed["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
    assert uri.startswith(f"s3://{platform.data_bucket}/feature-store/bank_history/")


def test_a_feature_more_is_a_line_more(
    platform: Platform, app: Path, changed: Callable[[], Path], group: Callable[[], dict[str, Any]]
) -> None:
    change_setting(app, "approvals_12m", 'approvals_12m = "Integral"\nstate = "String"')
    platform.deploy_directly(STACK, assembly=changed())
    assert set(names(group())) == {*DEPLOYED, "state"}


def test_what_cannot_change_is_refused_and_nothing_has_changed(
    platform: Platform, app: Path, changed: Callable[[], Path], group: Callable[[], dict[str, Any]]
) -> None:
    file, before = app / "config" / "base.toml", group()
    standing = file.read_text()
    change_setting(app, "state", "")
    with pytest.raises(CommandError, match="SageMaker removes no feature"):
        platform.deploy(STACK, "--exclusively", assembly=changed())
    file.write_text(standing)
    [reason] = refusals(platform)
    assert f"feature_groups.bank_history.features.state is gone: {GROUP} has it" in reason
    assert "([feature_groups.bank_history_2])" in reason
    assert status(platform) == "UPDATE_ROLLBACK_COMPLETE", "the guard lets what stood come back"
    assert group()["FeatureDefinitions"] == before["FeatureDefinitions"]


def test_after_a_refusal_what_aws_can_change_still_does(
    platform: Platform, app: Path, changed: Callable[[], Path], group: Callable[[], dict[str, Any]]
) -> None:
    change_setting(app, "ttl_days", "ttl_days = 90")
    platform.deploy_directly(STACK, assembly=changed())
    assert status(platform) == "UPDATE_COMPLETE"
    assert group()["OnlineStoreConfig"]["TtlDuration"] == {"Unit": "Days", "Value": 90}
