"""The Spark image that the project names is that of the SageMaker SDK, in every region."""

import pytest

from mlops_constructs.spark_image import PYTHON, RELEASE, SPARK_IMAGE, VERSION

from .test_images import URI

pytestmark = pytest.mark.oracle


def _listed() -> dict[str, str]:
    from sagemaker.core import image_uris

    found: dict[str, str] = image_uris.config_for_framework("spark")["processing"]["versions"][VERSION]["registries"]
    return found


def test_every_public_region_is_there_and_has_its_account() -> None:
    assert dict(SPARK_IMAGE.accounts) == {
        region: account for region, account in _listed().items() if "iso" not in region
    }


@pytest.mark.parametrize("region", SPARK_IMAGE.accounts)
def test_the_uri_is_the_same(region: str) -> None:
    from sagemaker.core import image_uris

    uri = image_uris.retrieve(
        "spark", region, VERSION, py_version=PYTHON, container_version=f"v{RELEASE}", instance_type="ml.m5.large"
    )
    found = URI.fullmatch(uri)
    assert found is not None
    account, place, _, repository, tag = found.groups()
    assert (account, place) == (SPARK_IMAGE.accounts[region], region)
    assert (repository, tag) == (SPARK_IMAGE.repository, SPARK_IMAGE.tag)
