"""What an instance type's name says about the hardware."""

import pytest

from mlops_constructs.instance_types import known, vcpus


@pytest.mark.parametrize(
    ("instance_type", "processors"),
    [
        ("ml.m5.large", 2),
        ("ml.m5.xlarge", 4),
        ("ml.m5.24xlarge", 96),
        ("ml.t2.medium", 2),
        ("ml.m8g.medium", 1),
        ("ml.c4.8xlarge", 36),
        ("ml.g5.48xlarge", 192),
        ("ml.c5.9xlarge", 36),
        ("ml.p3.2xlarge", 8),
    ],
)
def test_processors_of_an_instance(instance_type, processors):
    """EC2 user guide: specifications of instance types."""
    assert vcpus(instance_type) == processors


def test_every_type_that_serves_has_some():
    for each in known("ProductionVariantInstanceType"):
        assert vcpus(each) >= 1, each
