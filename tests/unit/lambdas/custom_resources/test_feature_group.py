"""What AWS cannot change in a feature group is refused with the way to do it, and never on the way back."""

from __future__ import annotations

import itertools
import json

import pytest

GROUP, SETTING = "mlops-test-bank-history", "feature_groups.bank_history"
DEFINITION = {
    "description": "What was known of a bank",
    "record_identifier": "bank",
    "event_time": "known_from",
    "event_time_type": "String",
    "online": True,
    "offline": True,
    "ttl_days": 0,
    "features": {"approvals": "Integral", "share": "Fractional"},
}
WAY = (
    "to have it so, declare a group beside this one ([feature_groups.bank_history_2]), fill it with "
    "`mlops features ingest`, name it in features.groups of the models that use this one, and train them"
)


def resource(**changes):
    definition = json.dumps(DEFINITION | changes)
    return {"Kind": "feature-group", "Name": GROUP, "Setting": SETTING, "Definition": definition}


@pytest.fixture
def status(custom_resources, monkeypatch):
    """Status of the stack that asks, to be set; what is asked of CloudFormation is the stack's own."""
    asked = []

    class CloudFormation:
        status = "UPDATE_IN_PROGRESS"

        def describe_stacks(self, StackName):  # noqa: N803 - boto3's spelling
            asked.append(StackName)
            return {"Stacks": [{"StackStatus": self.status}]}

    fake = CloudFormation()
    fake.asked = asked
    monkeypatch.setattr(custom_resources.gateway, "client", lambda service: {"cloudformation": fake}[service])
    return fake


@pytest.fixture
def change(ask, status):
    """Create a group, then ask for another definition; returns the second answer."""

    def to(standing, wanted):
        created = ask(standing, "Create")
        assert created["Status"] == "SUCCESS"
        answer = ask(wanted, "Update", PhysicalResourceId=created["PhysicalResourceId"], OldResourceProperties=standing)
        assert answer["PhysicalResourceId"] == created["PhysicalResourceId"] == f"feature-group/{GROUP}"
        return answer

    return to


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"record_identifier": "name"}, 'record_identifier = "name": it is "bank" in '),
        ({"event_time": "seen_at"}, 'event_time = "seen_at": it is "known_from" in '),
        ({"event_time_type": "Fractional"}, 'event_time_type = "Fractional": it is "String" in '),
        ({"online": False}, "online = false: it is true in "),
        ({"offline": False}, "offline = false: it is true in "),
        ({"description": "x"}, 'description = "x": it is "What was known of a bank" in '),
        (
            {"features": DEFINITION["features"] | {"share": "String"}},
            'features.share = "String": it is "Fractional" in ',
        ),
    ],
)
def test_what_is_fixed_at_creation_is_refused_with_the_way_to_do_it(changes, expected, change):
    answer = change(resource(), resource(**changes))
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == f"{SETTING}.{expected}{GROUP}, and stays so; {WAY}"


def test_a_feature_is_not_taken_back(change):
    answer = change(resource(), resource(features={"share": "Fractional"}))
    assert answer["Reason"] == (
        f"{SETTING}.features.approvals is gone: {GROUP} has it, and SageMaker removes no feature; {WAY}"
    )


def test_a_renamed_feature_is_one_that_is_gone(change):
    renamed = {"approvals_12m": "Integral", "share": "Fractional"}
    assert "features.approvals is gone" in change(resource(), resource(features=renamed))["Reason"]


def test_several_changes_are_one_line(change):
    answer = change(resource(), resource(event_time="x", offline=False, features={"share": "String"}))
    assert answer["Reason"].startswith(f'{SETTING}.event_time = "x": ')
    assert f"{GROUP}, and stays so (and 3 more that cannot change); {WAY}" in answer["Reason"]
    assert "\n" not in answer["Reason"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"features": DEFINITION["features"] | {"state": "String"}},
        {"features": {"share": "Fractional", "approvals": "Integral"}},
        {"features": DEFINITION["features"] | {f"f{number}": "Integral" for number in range(100)}},
        {"ttl_days": 30},
    ],
    ids=["nothing", "a feature more", "another order", "as many as go at a time", "ttl"],
)
def test_what_aws_can_change_passes_without_looking_at_the_stack(changes, change, status):
    answer = change(resource(), resource(**changes))
    assert (answer["Status"], answer["Reason"], status.asked) == ("SUCCESS", "", [])


def test_more_features_than_go_at_a_time_take_two_deployments(change):
    many = DEFINITION["features"] | {f"f{number:03}": "Integral" for number in range(101)}
    assert change(resource(), resource(features=many))["Reason"] == (
        f"{SETTING}.features: 101 are new in {GROUP}, and SageMaker adds at most 100 at a time: deploy with the first "
        "100 of them, then with more"
    )


def test_features_and_the_life_of_records_change_one_after_the_other(change):
    features = DEFINITION["features"] | {"state": "String"}
    steps = [resource(), resource(features=features), resource(features=features, ttl_days=30)]
    assert change(steps[0], steps[2])["Reason"] == (
        f"{SETTING}.ttl_days = 30: {GROUP} gets the feature state too, and SageMaker changes one at a time: deploy "
        "with ttl_days = 0, then with the new value"
    )
    for before, after in itertools.pairwise(steps):
        assert change(before, after)["Status"] == "SUCCESS"


@pytest.mark.parametrize("status_of_stack", ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"])
def test_the_way_back_is_never_refused(status_of_stack, change, status):
    """A feature that the failed deployment added is gone from what the rollback asks for."""
    status.status = status_of_stack
    more = resource(features=DEFINITION["features"] | {"state": "String"})
    assert change(more, resource())["Status"] == "SUCCESS"
    assert status.asked == ["arn:aws:cloudformation:eu-west-1:111122223333:stack/foundation/1"]


def test_what_a_refused_update_asks_for_next_is_judged_by_what_stands(change):
    assert change(resource(), resource(online=False))["Status"] == "FAILED"
    assert change(resource(), resource(ttl_days=1))["Status"] == "SUCCESS"


def test_a_group_leaves_with_its_guard_unasked(ask, status):
    answer = ask(resource(), "Delete", PhysicalResourceId=f"feature-group/{GROUP}")
    assert (answer["Status"], status.asked) == ("SUCCESS", [])


@pytest.mark.parametrize("missing", ["Setting", "Definition"])
def test_missing_detail_fails_the_creation_but_not_its_rollback(missing, ask):
    properties = resource() | {missing: ""}
    answer = ask(properties, "Create")
    assert (answer["Status"], answer["Reason"]) == (
        "FAILED",
        f"ResourceProperties.{missing}: '', expected a value for {GROUP}",
    )
    assert ask(properties, "Delete", PhysicalResourceId=answer["PhysicalResourceId"])["Status"] == "SUCCESS"


def test_a_stack_that_cannot_be_looked_at_is_told(ask, custom_resources, monkeypatch):
    def client(_service):
        raise RuntimeError("AccessDenied")

    monkeypatch.setattr(custom_resources.gateway, "client", client)
    answer = ask(
        resource(online=False), "Update", PhysicalResourceId="feature-group/x", OldResourceProperties=resource()
    )
    assert (answer["Status"], answer["Reason"]) == ("FAILED", f"feature-group {GROUP}: AccessDenied")
