"""What the network of an environment can be told. As in `settings`, no field has a default."""

from enum import StrEnum
from ipaddress import AddressValueError, IPv4Network, NetmaskValueError
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from mlops_constructs.frozen import FrozenModel, refuse

LARGEST, SMALLEST = 16, 28
"""Prefix lengths that a VPC and a subnet may have (VPC user guide: VPC CIDR blocks)."""
SUBNET_ADDRESSES = 128
"""Least of a subnet: five are AWS's, each interface endpoint takes one and each instance of a job two (developer
guide: ensure that subnets have enough IP addresses); a release has the instances of two fleets."""
PRIVATE = tuple(IPv4Network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
FEWEST_ZONES, MOST_ZONES = 2, 6
PACKAGE_REGIONS = (
    "ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "eu-central-1", "eu-north-1", "eu-south-1",
    "eu-west-1", "eu-west-2", "eu-west-3", "us-east-1", "us-east-2", "us-west-2",
)  # fmt: skip
"""Where CodeArtifact is, from which a private network gets its packages (general reference: endpoints and quotas)."""


class Mode(StrEnum):
    """Where functions, jobs and models run."""

    PUBLIC = "public"
    VPC = "vpc"


def _block(value: str) -> str:
    allowed = f"a private IPv4 block from /{LARGEST} to /{SMALLEST}, for example 10.0.0.0/20"
    try:
        block = IPv4Network(value)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise PydanticCustomError("allowed", "{allowed}", {"allowed": allowed}) from None
    if not LARGEST <= block.prefixlen <= SMALLEST or not any(block.subnet_of(each) for each in PRIVATE):
        raise PydanticCustomError("allowed", "{allowed}", {"allowed": allowed})
    return value


Cidr = Annotated[str, AfterValidator(_block)]
VpcId = Annotated[
    str, Field(pattern=r"^(vpc-[0-9a-f]{8,17})?$", description='a VPC\'s id, such as vpc-0a1b2c3d4e5f60718, or ""')
]
SubnetId = Annotated[
    str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$", description="a subnet's id, such as subnet-0a1b2c3d4e5f60718")
]
SecurityGroupId = Annotated[
    str, Field(pattern=r"^sg-[0-9a-f]{8,17}$", description="a security group's id, such as sg-0a1b2c3d4e5f60718")
]


class NetworkSettings(FrozenModel):
    """The environment's own VPC, one that is there already, or none."""

    mode: Mode = Field(strict=False)
    cidr: Cidr
    availability_zones: Annotated[int, Field(ge=FEWEST_ZONES, le=MOST_ZONES)]
    vpc_id: VpcId
    # At most as many as CreateTrainingJob and CreateFunction take: VpcConfig, Subnets and SecurityGroupIds.
    subnet_ids: Annotated[tuple[SubnetId, ...], Field(strict=False, max_length=16)]
    security_group_ids: Annotated[tuple[SecurityGroupId, ...], Field(strict=False, max_length=5)]

    @property
    def private(self) -> bool:
        """Whether functions, jobs and models run in a VPC."""
        return self.mode is Mode.VPC

    @property
    def own(self) -> bool:
        """Whether that VPC is one of the environment's own."""
        return self.private and not self.vpc_id

    @property
    def subnet_blocks(self) -> tuple[str, ...]:
        """A block for each zone, all of the same size; what is left over stays free."""
        block = IPv4Network(self.cidr)
        bits = (self.availability_zones - 1).bit_length()
        return tuple(str(each) for each, _ in zip(block.subnets(bits), range(self.availability_zones), strict=False))

    @model_validator(mode="after")
    def _ids_belong_together(self) -> Self:
        """All three or none: subnets and groups are those of one VPC, whose id rights and flow logs take."""
        given = {
            "vpc_id": self.vpc_id,
            "subnet_ids": self.subnet_ids,
            "security_group_ids": self.security_group_ids,
        }
        present = [key for key, value in given.items() if value]
        missing = [key for key, value in given.items() if not value]
        if present and not self.private:
            refuse(present[0], 'empty, since mode is "public": set mode = "vpc" to run in that VPC')
        if present and missing:
            refuse(missing[0], f"given together with {' and '.join(present)}, or none of them for a VPC of its own")
        if self.vpc_id and len(self.subnet_ids) < FEWEST_ZONES:
            refuse("subnet_ids", f"at least {FEWEST_ZONES} subnets, each in another zone")
        for key in ("subnet_ids", "security_group_ids"):
            if len(set(given[key])) < len(given[key]):
                refuse(key, "a list in which each id stands once")
        return self

    @model_validator(mode="after")
    def _subnets_are_large_enough(self) -> Self:
        """Also where nothing is made of it: a wrong block should not wait for the day that the mode is changed."""
        bits = (self.availability_zones - 1).bit_length()
        length = IPv4Network(self.cidr).prefixlen + bits
        if 2 ** (32 - length) < SUBNET_ADDRESSES:
            most = 32 - (SUBNET_ADDRESSES - 1).bit_length() - bits
            refuse(
                "cidr",
                f"at least a /{most}: each of {self.availability_zones} zones gets a subnet of {SUBNET_ADDRESSES} "
                "addresses or more",
            )
        return self
