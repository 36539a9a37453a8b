"""A change of the instance type that SageMaker would refuse is refused first, and never on the way back."""

from __future__ import annotations

import itertools

import pytest

ENDPOINT = "mlops-test-loan-approval"
OLD, NEW = "ml.m5.large", "ml.c6i.large"


def resource(instance_type, autoscaling):
    return {"Kind": "instance-type", "Name": ENDPOINT, "InstanceType": instance_type, "Autoscaling": autoscaling}


@pytest.fixture
def change(ask):
    """Create what stands, then ask for another; returns both answers."""

    def from_to(standing, wanted):
        created = ask(standing, "Create")
        return created, ask(
            wanted, "Update", PhysicalResourceId=created["PhysicalResourceId"], OldResourceProperties=standing
        )

    return from_to


@pytest.mark.parametrize(("before", "after"), [("on", "on"), ("on", "off"), ("off", "on")])
def test_type_of_a_scaled_variant_cannot_change_and_the_way_to_do_it_is_told(before, after, change):
    created, answer = change(resource(OLD, before), resource(NEW, after))
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == (
        "serving.instance_type = 'ml.c6i.large': endpoint mlops-test-loan-approval runs on ml.m5.large, and SageMaker "
        "refuses to change the instance type of a variant that autoscaling watches; deploy three times: with the old "
        "type and serving.autoscaling.enabled = false, then with the new type, then with autoscaling.enabled = true"
    )
    assert answer["PhysicalResourceId"] == created["PhysicalResourceId"]


def test_the_way_that_is_told_works(ask):
    steps = [resource(OLD, "on"), resource(OLD, "off"), resource(NEW, "off"), resource(NEW, "on")]
    answer = ask(steps[0], "Create")
    for before, after in itertools.pairwise(steps):
        given = answer["PhysicalResourceId"]
        answer = ask(after, "Update", PhysicalResourceId=given, OldResourceProperties=before)
        assert (answer["Status"], answer["Reason"]) == ("SUCCESS", "")
        assert answer["PhysicalResourceId"] != given
        assert ask(before, "Delete", PhysicalResourceId=given)["Status"] == "SUCCESS"


def test_rollback_of_a_refused_change_is_no_change(change, ask):
    """CloudFormation asks for the old properties again, and calls the refused ones old."""
    created, refused = change(resource(OLD, "on"), resource(NEW, "on"))
    back = ask(
        resource(OLD, "on"),
        "Update",
        PhysicalResourceId=refused["PhysicalResourceId"],
        OldResourceProperties=resource(NEW, "on"),
    )
    assert (back["Status"], back["PhysicalResourceId"]) == ("SUCCESS", created["PhysicalResourceId"])


@pytest.mark.parametrize(
    ("standing", "wanted"),
    [
        (resource(OLD, "off"), resource(NEW, "off")),
        (resource(OLD, "on"), resource(OLD, "off")),
        (resource(OLD, "off"), resource(OLD, "on")),
    ],
)
def test_rollback_of_an_accepted_change_is_accepted(standing, wanted, change, ask):
    created, accepted = change(standing, wanted)
    assert accepted["Status"] == "SUCCESS"
    back = ask(standing, "Update", PhysicalResourceId=accepted["PhysicalResourceId"], OldResourceProperties=wanted)
    assert (back["Status"], back["PhysicalResourceId"]) == ("SUCCESS", created["PhysicalResourceId"])


@pytest.mark.parametrize("missing", ["InstanceType", "Autoscaling"])
def test_missing_detail_fails_the_creation_but_not_its_rollback(missing, ask):
    properties = resource(OLD, "on") | {missing: ""}
    answer = ask(properties, "Create")
    assert (answer["Status"], answer["Reason"]) == (
        "FAILED",
        f"ResourceProperties.{missing}: '', expected a value for {ENDPOINT}",
    )
    assert ask(properties, "Delete", PhysicalResourceId=answer["PhysicalResourceId"])["Status"] == "SUCCESS"
