"""Versions that were trained here and serve in another account: what the controller sees of them, and by which role."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.unit.lambdas.retraining_controller.controller import Controller
from tests.unit.lambdas.retraining_controller.names import ELSEWHERE, ENVIRON, GROUP, THERE, arn, refused, uri

ROLE = "arn:aws:iam::444455556666:role/mlops-prod-loan-approval-degradation"


@pytest.fixture
def across(serving):
    """A controller where version 1 serves here, in test, and in prod, which is in another account."""

    def begin() -> Controller:
        controller = serving()
        places = json.loads(ENVIRON["PLACES"])
        places[1]["role"] = ROLE
        environ = ENVIRON | {"PLACES": json.dumps(places)}
        controller.settings = controller.modules.settings.Settings.read(environ)
        controller.world.lends.add(ROLE)
        controller.world.release(1, THERE)
        return controller

    return begin


def test_degradation_in_another_account_starts_a_retraining(across):
    controller = across()
    controller.world.degrade(ELSEWHERE)
    controller.happen()
    [execution] = controller.world.executions
    assert execution.parameters["InputDataUri"] == uri("2026-10-31")
    assert execution.description.startswith("version 1 got worse in prod")


def test_what_is_here_is_seen_without_the_role(across):
    controller = across()
    controller.look()
    assert controller.world.calls.count("AssumeRole") == 1
    assert controller.world.calls.count("DescribeAlarms") == 2


def test_a_controller_whose_places_are_all_here_takes_no_role(serving):
    controller = serving()
    controller.look()
    assert "AssumeRole" not in controller.world.calls


def test_an_account_without_the_role_does_not_hold_up_what_is_here(across):
    """Before the other environment is deployed, or once it is gone."""
    controller = across()
    controller.world.lends.clear()
    controller.world.degrade()
    controller.happen()
    assert [each.description[:27] for each in controller.world.executions] == ["version 1 got worse in test"]


def test_trouble_that_may_pass_is_not_taken_for_an_environment_that_is_not_there(across):
    controller = across()

    def throttled(name: str) -> None:
        if name == "AssumeRole":
            raise refused("Throttling", "Rate exceeded", name)

    controller.world.before_call = throttled
    with pytest.raises(ClientError, match="Rate exceeded"):
        controller.look()


def test_an_event_names_the_group_that_the_function_knows_by_its_arn(across):
    controller = across()
    group = f"arn:aws:sagemaker:eu-west-1:333344445555:model-package-group/{GROUP}"
    detail = {
        "ModelPackageGroupName": GROUP,
        "ModelPackageVersion": 1,
        "ModelPackageArn": arn(1),
        "ModelApprovalStatus": "Approved",
    }
    found = controller.modules.events.model_package(detail, group)
    assert found == controller.modules.events.Wake("version 1 is Approved")


@mock_aws
def test_the_role_is_taken_for_a_run(retraining_controller, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    lent = retraining_controller.gateway.there(boto3.client("sts"), ROLE)
    credentials = lent.ssm._request_signer._credentials
    assert credentials.access_key.startswith("ASIA")
    assert credentials.token
    assert lent.cloudwatch._request_signer._credentials.access_key == credentials.access_key
