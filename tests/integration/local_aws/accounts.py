"""What tests of several accounts share: clients of each, policies, and how a refusal is read."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.local_aws_fixture import LocalAws

OWNER, TAKER, STRANGER = "111122223333", "444455556666", "777788889999"
REGION = "eu-west-1"


@dataclass
class Accounts:
    """Clients of the accounts, and a name that nothing else on the server has."""

    owner: Any
    taker: Any
    stranger: Any
    name: str
    server: LocalAws

    @property
    def group(self) -> str:
        return f"arn:aws:sagemaker:{REGION}:{OWNER}:model-package-group/{self.name}"

    @property
    def versions(self) -> str:
        return f"arn:aws:sagemaker:{REGION}:{OWNER}:model-package/{self.name}/*"

    def registered(self, **given: Any) -> str:
        """ARN of a version that the owner registered."""
        sagemaker = self.owner("sagemaker")
        sagemaker.create_model_package_group(ModelPackageGroupName=self.name)
        package = {"ModelApprovalStatus": "Approved", **given}
        return str(sagemaker.create_model_package(ModelPackageGroupName=self.name, **package)["ModelPackageArn"])

    def share(self, *actions: str, **condition: Any) -> None:
        """Let the taker do this with the group and its versions."""
        policy = allowing(
            TAKER, [f"sagemaker:{action}" for action in actions], [self.group, self.versions], **condition
        )
        self.owner("sagemaker").put_model_package_group_policy(
            ModelPackageGroupName=self.name, ResourcePolicy=json.dumps(policy)
        )

    def role(self, client: Any, trust: dict[str, Any], policy: dict[str, Any] | None = None) -> str:
        """ARN of a role with this trust policy and, if given, this policy of its own."""
        iam, name = client("iam"), f"{self.name}-{uuid.uuid4().hex[:4]}"
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
        if policy:
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
        return str(made["Arn"])

    def session(self, client: Any, role: str) -> Callable[[str], Any]:
        """Clients of a session of the role, which the account behind `client` assumes."""
        keys = client("sts").assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
        session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION)
        return cache(lambda service: session.client(service, endpoint_url=self.server.url))

    def queue(self, client: Any, name: str) -> tuple[str, str]:
        """URL and ARN of a queue."""
        url = client("sqs").create_queue(QueueName=name)["QueueUrl"]
        found = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, str(found["Attributes"]["QueueArn"])


def allowing(account: str, actions: list[str], resources: list[str], **condition: Any) -> dict[str, Any]:
    statement = {
        "Sid": "Elsewhere",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": actions,
        "Resource": resources,
        **({"Condition": condition} if condition else {}),
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def trusting(principal: dict[str, Any], **condition: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement | ({"Condition": condition} if condition else {})]}


def own(actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resources}],
    }


def refused(call: Callable[..., Any], **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]
