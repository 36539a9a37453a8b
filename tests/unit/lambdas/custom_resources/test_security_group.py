"""The default security group of a VPC loses its rules, and one that has none is left alone."""

from __future__ import annotations

import boto3
import pytest
from moto import mock_aws


@pytest.fixture
def ec2(custom_resources, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        custom_resources.gateway.client.cache_clear()
        yield boto3.client("ec2", region_name="eu-west-1")
        custom_resources.gateway.client.cache_clear()


@pytest.fixture
def default_group(ec2):
    """Of a new VPC, as EC2 makes it: open among its members, and to everything outside."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/20")["Vpc"]["VpcId"]
    of_it = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    [group] = ec2.describe_security_groups(Filters=of_it)["SecurityGroups"]
    ec2.authorize_security_group_ingress(
        GroupId=group["GroupId"],
        IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group["GroupId"]}]}],
    )
    return group["GroupId"]


def rules(ec2, group):
    [found] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return found["IpPermissions"], found["IpPermissionsEgress"]


def ask_for(group):
    return {"Kind": "default-security-group", "Name": group}


def test_all_rules_go_when_the_vpc_is_made_and_again_is_fine(ask, ec2, default_group):
    assert all(rules(ec2, default_group))
    for _ in range(2):
        assert ask(ask_for(default_group), "Create")["Status"] == "SUCCESS"
        assert rules(ec2, default_group) == ([], [])


def test_it_goes_with_its_vpc_untouched(ask, ec2, default_group):
    before = rules(ec2, default_group)
    assert ask(ask_for(default_group), "Delete", PhysicalResourceId="x")["Status"] == "SUCCESS"
    assert rules(ec2, default_group) == before


def test_a_group_that_is_not_there_fails_the_deployment_with_its_name(ask, ec2):
    answer = ask(ask_for("sg-0123456789abcdef0"), "Create")
    assert answer["Status"] == "FAILED"
    assert "sg-0123456789abcdef0" in answer["Reason"]
