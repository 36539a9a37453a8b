"""The images that the project names are those of the SageMaker SDK, in every region."""

import re

import pytest

from mlops_constructs.frameworks import FRAMEWORKS, HUGGINGFACE, HUGGINGFACE_TRAINING, JOB_IMAGES

pytestmark = pytest.mark.oracle

URI = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9\-]+)\.([a-z0-9.\-]+)/(.+):(.+)")


IMAGES = {**FRAMEWORKS, **JOB_IMAGES}
PYTORCH = re.compile(r"(?P<torch>[\d.]+)-transformers(?P<version>[\d.]+)-(?P<device>gpu|cpu)-(?P<python>py\d+)-.*")
SCOPES = {HUGGINGFACE: "inference", HUGGINGFACE_TRAINING: "training"}


def _listed(framework: str) -> dict[str, str]:
    """Region → account, as the SDK's own table has it for the version that we name."""
    from sagemaker.core import image_uris

    if framework in SCOPES:
        table = image_uris.config_for_framework(HUGGINGFACE)[SCOPES[framework]]["versions"]
        tag = PYTORCH.fullmatch(IMAGES[framework].tag)
        assert tag is not None
        return dict(table[tag["version"]][f"pytorch{tag['torch']}"]["registries"])
    table = image_uris.config_for_framework(framework)
    versions = table.get("versions") or table["training"]["versions"]
    return dict(versions[IMAGES[framework].tag]["registries"])


def _retrieved(framework: str, region: str) -> str:
    from sagemaker.core import image_uris

    if framework not in SCOPES:
        return str(image_uris.retrieve(framework, region, version=IMAGES[framework].tag))
    tag = PYTORCH.fullmatch(IMAGES[framework].tag)
    assert tag is not None
    uri = image_uris.retrieve(
        HUGGINGFACE,
        region,
        version=tag["version"],
        py_version=tag["python"],
        base_framework_version=f"pytorch{tag['torch']}",
        image_scope=SCOPES[framework],
        instance_type="ml.g5.xlarge" if tag["device"] == "gpu" else "ml.m5.xlarge",
    )
    return str(uri)


@pytest.mark.parametrize("framework", IMAGES)
def test_regions_and_accounts_are_the_same(framework: str) -> None:
    assert dict(IMAGES[framework].accounts).items() <= _listed(framework).items()


@pytest.mark.parametrize("framework", IMAGES)
def test_regions_that_we_leave_out_are_not_public(framework: str) -> None:
    """us-iso and the like: their endpoints are not reachable for the public."""
    left_out = _listed(framework).keys() - IMAGES[framework].accounts.keys()
    assert {region for region in left_out if "iso" not in region} == set()


@pytest.mark.parametrize(
    ("framework", "region"), [(name, region) for name, each in IMAGES.items() for region in each.accounts]
)
def test_the_uri_is_the_same(framework: str, region: str) -> None:
    found = URI.fullmatch(_retrieved(framework, region))
    assert found is not None
    account, place, suffix, repository, tag = found.groups()
    assert account == IMAGES[framework].accounts[region]
    assert place == region
    assert suffix == ("amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com")
    assert (repository, tag) == (IMAGES[framework].repository, IMAGES[framework].tag)
