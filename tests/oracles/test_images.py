"""The images that the project names are those of the SageMaker SDK, in every region."""

import re

import pytest

from mlops_constructs.frameworks import FRAMEWORKS

pytestmark = pytest.mark.oracle

URI = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9\-]+)\.([a-z0-9.\-]+)/(.+):(.+)")


def _listed(framework: str) -> dict[str, str]:
    """Region → account, as the SDK's own table has it for the version that we name."""
    from sagemaker.core import image_uris

    table = image_uris.config_for_framework(framework)
    versions = table.get("versions") or table["training"]["versions"]
    return dict(versions[FRAMEWORKS[framework].tag]["registries"])


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_regions_and_accounts_are_the_same(framework: str) -> None:
    assert dict(FRAMEWORKS[framework].accounts).items() <= _listed(framework).items()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_regions_that_we_leave_out_are_not_public(framework: str) -> None:
    """us-iso and the like: their endpoints are not reachable for the public."""
    left_out = _listed(framework).keys() - FRAMEWORKS[framework].accounts.keys()
    assert {region for region in left_out if "iso" not in region} == set()


@pytest.mark.parametrize(
    ("framework", "region"), [(name, region) for name, each in FRAMEWORKS.items() for region in each.accounts]
)
def test_the_uri_is_the_same(framework: str, region: str) -> None:
    from sagemaker.core import image_uris

    found = URI.fullmatch(image_uris.retrieve(framework, region, version=FRAMEWORKS[framework].tag))
    assert found is not None
    account, place, suffix, repository, tag = found.groups()
    assert account == FRAMEWORKS[framework].accounts[region]
    assert place == region
    assert suffix == ("amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com")
    assert (repository, tag) == (FRAMEWORKS[framework].repository, FRAMEWORKS[framework].tag)
