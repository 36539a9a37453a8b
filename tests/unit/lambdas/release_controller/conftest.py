"""Controllers in worlds, and the gateway against moto."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.stub import Stubber
from moto import mock_aws

from tests.unit.lambdas.release_controller.controller import Controller
from tests.unit.lambdas.release_controller.names import ENVIRON, PARAMETERS, TABLE, P
from tests.unit.lambdas.release_controller.world import World

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ACCOUNT = "123456789012"  # moto's
QUEUE_URL = f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/dead-letters"
TOPIC_ARN = f"arn:aws:sns:eu-west-1:{ACCOUNT}:mlops-test"


@pytest.fixture
def quiet(release_controller: SimpleNamespace) -> Iterator[SimpleNamespace]:
    """The modules, without their log: a play has thousands of lines."""
    release_controller.logs.log.setLevel(logging.WARNING)
    yield release_controller
    release_controller.logs.log.setLevel(logging.INFO)


@pytest.fixture
def start(quiet: SimpleNamespace) -> Callable[..., Controller]:
    """Start a controller in a world, with settings of its policy."""
    return lambda world=None, **policy: Controller(quiet, world or World(), **policy)


@pytest.fixture(scope="package")
def gateway(release_controller: SimpleNamespace) -> Iterator[Any]:
    """The gateway as the factory makes it from the environment, once: its clients take long to make."""
    modules = release_controller
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (ENVIRON | {"DEAD_LETTER_QUEUE_URL": QUEUE_URL, "TOPIC_ARN": TOPIC_ARN}).items():
            patch.setenv(name, value)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        made = modules.gateway.gateway()
        assert modules.gateway.gateway() is made
        for client in vars(made._aws).values():
            assert client.meta  # asked for something, so that it is made here
    yield made
    for cached in (modules.settings.settings, modules.settings.clients, modules.gateway.gateway):
        cached.cache_clear()


@pytest.fixture
def aws(release_controller: SimpleNamespace, gateway: Any) -> Iterator[SimpleNamespace]:
    """That gateway with moto behind it, an empty ledger, the topic and the queue.

    CloudFormation answers what the test stubs; everything of it must have been asked for in the end.
    """
    clients = gateway._aws
    with mock_aws(), Stubber(clients.cloudformation) as cloudformation:
        assert clients.sqs.create_queue(QueueName="dead-letters")["QueueUrl"] == QUEUE_URL
        assert clients.sns.create_topic(Name="mlops-test")["TopicArn"] == TOPIC_ARN
        clients.dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "model", "KeyType": "HASH"}, {"AttributeName": "entry", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("model", "entry")],
            BillingMode="PAY_PER_REQUEST",
        )
        modules = release_controller
        yield SimpleNamespace(gateway=gateway, clients=clients, cloudformation=cloudformation, modules=modules)
        cloudformation.assert_no_pending_responses()


@pytest.fixture
def parameters(aws: SimpleNamespace) -> SimpleNamespace:
    """The release parameters as they are deployed; returns `aws`."""
    for name in PARAMETERS:
        value = "0" if name == "challenger-weight" else "none"
        aws.clients.ssm.put_parameter(Name=P + name, Value=value, Type="String")
    return aws


@pytest.fixture
def observed(release_controller: SimpleNamespace) -> Callable[..., Any]:
    """An observation in which nothing is released, with other parameters and fields where given."""
    state, policy = release_controller.state, release_controller.policy

    def observe(changed: Mapping[str, Any] | None = None, **fields: Any) -> Any:
        values: dict[str, Any] = {name: "0" if name == "challenger-weight" else "none" for name in PARAMETERS}
        values |= {"released": "none"} | dict(changed or {})
        released = values.pop("released")
        held = {
            name.replace("-", "_"): value if isinstance(value, state.Parameter) else state.Parameter(value, 1, NOW)
            for name, value in values.items()
        }
        usual = {
            "now": NOW,
            "policy": policy.Policy.read(ENVIRON["POLICY"]),
            "stack": state.Stack("UPDATE_COMPLETE"),
            "parameters": state.Parameters(**held, released=released),
        }
        return state.Observed(**usual | fields)

    return observe
