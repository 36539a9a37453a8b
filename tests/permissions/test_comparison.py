"""The comparison sees what it is there to see: policies are changed, and it has to say so."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.permissions.calls import Call, Names
from tests.permissions.comparison import missing, unused
from tests.permissions.reasons import Reason
from tests.permissions.templates import Environment, Pair, Role

STACK, KIND = "mlops-local-loan-approval-serving", "serving/Role"
BUCKET = "arn:aws:s3:::{{model}-serving/Bucket}"
READ = Call(KIND, "s3:GetObject", f"{BUCKET}/{{folder}}/*")
LIST = Call(KIND, "s3:ListBucket", BUCKET, (("s3:prefix", ("{folder}/*",)),))
RECORD = {READ: frozenset({"local"}), LIST: frozenset({"local"})}
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {"Statement": [{"Principal": {"Service": "sagemaker.amazonaws.com"}}]}
            },
        },
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "Roles": [{"Ref": "Role"}],
                "PolicyDocument": {
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": "s3:GetObject",
                            "Resource": {"Fn::Join": ["", [{"Fn::GetAtt": ["Bucket", "Arn"]}, "/loan_approval/*"]]},
                        },
                        {
                            "Effect": "Allow",
                            "Action": "s3:ListBucket",
                            "Resource": {"Fn::GetAtt": ["Bucket", "Arn"]},
                            "Condition": {"StringLike": {"s3:prefix": ["loan_approval/*"]}},
                        },
                    ]
                },
            },
        },
    }
}

Statements = list[dict[str, Any]]


def roles(change: Callable[[Statements], object] = lambda _: None) -> dict[tuple[str, str], Role]:
    template = deepcopy(TEMPLATE)
    change(template["Resources"]["Policy"]["Properties"]["PolicyDocument"]["Statement"])
    return Environment({STACK: template}).roles()


def test_policies_that_fit_are_left_alone() -> None:
    assert missing("local", roles(), RECORD) == []
    assert unused(roles(), RECORD, ()) == []


def test_a_statement_that_goes_is_missed() -> None:
    assert missing("local", roles(lambda statements: statements.pop(0)), RECORD) == [READ]


def test_a_resource_that_is_narrowed_is_missed() -> None:
    def narrow(statements: Statements) -> None:
        statements[0]["Resource"]["Fn::Join"][1][1] = "/loan_approval/models/*"

    assert missing("local", roles(narrow), RECORD) == [READ]


def test_a_condition_that_is_narrowed_is_missed() -> None:
    def narrow(statements: Statements) -> None:
        statements[1]["Condition"]["StringLike"]["s3:prefix"] = ["loan_approval/models/*"]

    assert missing("local", roles(narrow), RECORD) == [LIST]


@pytest.mark.parametrize("wider", ["/*", "*", "/loan_approval*"])
def test_a_resource_that_is_widened_is_more_than_was_called(wider: str) -> None:
    def widen(statements: Statements) -> None:
        statements[0]["Resource"]["Fn::Join"][1][1] = wider

    assert missing("local", roles(widen), RECORD) == []
    spelled = wider.replace("loan_approval", "{folder}")
    assert unused(roles(widen), RECORD, ()) == [Pair(KIND, "s3:GetObject", f"{BUCKET}{spelled}")]


def test_an_action_that_is_added_is_more_than_was_called() -> None:
    def add(statements: Statements) -> None:
        statements[0]["Action"] = ["s3:GetObject", "s3:DeleteObject"]

    assert unused(roles(add), RECORD, ()) == [Pair(KIND, "s3:DeleteObject", f"{BUCKET}/{{folder}}/*")]


def test_a_deny_that_is_added_is_missed() -> None:
    deny = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    assert missing("local", roles(lambda statements: statements.append(deny)), RECORD) == [READ, LIST]


def test_what_is_called_elsewhere_only_is_not_missed_here() -> None:
    elsewhere = {Call(KIND, "s3:PutObject", f"{BUCKET}/x"): frozenset({"prod"})}
    assert missing("local", roles(), RECORD | elsewhere) == []
    assert missing("prod", roles(), elsewhere) == list(elsewhere)


def test_a_reason_takes_the_place_of_a_call() -> None:
    reason = Reason("serving/*", ("s3:Get*",), "because the test says so")
    assert unused(roles(), {LIST: frozenset({"local"})}, [reason]) == []


def test_a_bucket_of_another_account_is_no_bucket_of_this_one() -> None:
    condition = {"StringEquals": {"s3:ResourceAccount": "333344445555"}}
    found = roles(
        lambda statements: statements[0].update(Resource="arn:aws:s3:::*/loan_approval/*", Condition=condition)
    )
    read = [
        Call(KIND, "s3:GetObject", "arn:aws:s3:::*/{folder}/*", (("s3:ResourceAccount", (account,)),))
        for account in ("{account elsewhere}", "{account}")
    ]
    assert missing("local", found, {each: frozenset({"local"}) for each in read}) == [read[1]]


def test_roles_that_people_take_are_not_compared() -> None:
    template = deepcopy(TEMPLATE)
    trust = {"Statement": [{"Principal": {"AWS": "111122223333"}}]}
    template["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"] = trust
    assert Environment({STACK: template}).roles() == {}


def test_a_role_that_a_function_of_another_account_takes_is_compared() -> None:
    template = deepcopy(TEMPLATE)
    resources = template["Resources"]
    resources["ReaderstagingRole0123ABCD"] = resources.pop("Role")
    resources["ReaderstagingRole0123ABCD"]["Properties"]["AssumeRolePolicyDocument"] = {
        "Statement": [{"Principal": {"AWS": "arn:aws:iam::333344445555:root"}}]
    }
    resources["Policy"]["Properties"]["Roles"] = [{"Ref": "ReaderstagingRole0123ABCD"}]
    [(_, kind)] = Environment({STACK: template}).roles()
    assert kind == "serving/ReaderNeighbourRole"


@pytest.mark.parametrize(
    ("stack", "text", "expected"),
    [
        (STACK, "mlops-local-loan-approval-x loan_approval", "{model}-x {folder}"),
        (STACK, "/mlops/local/loan-approval/release/champion", "/{model path}/release/champion"),
        (STACK, "mlops-staging-loan-approval", "{elsewhere}-{public}"),
        ("mlops-prod-foundation", "mlops-prod-bank-history 111122223333", "{environment}-bank-history {account}"),
        ("mlops-prod-foundation", f"{'0a' * 32}.tar.gz", "{hash}.tar.gz"),
        ("mlops-prod-foundation", "iam::333344445555:role/x", "iam::{account elsewhere}:role/x"),
        ("mlops-prod-foundation", "141502667606.dkr.ecr", "141502667606.dkr.ecr"),
        (
            "mlops-prod-foundation",
            "{mlops-prod-foundation/TostagingQueue0123ABCD}",
            "{{environment}-foundation/ToNeighbourQueue}",
        ),
    ],
)
def test_names_of_one_environment_and_model_stand_for_all(stack: str, text: str, expected: str) -> None:
    names = Names.of(stack)
    assert names is not None
    assert names.general(text) == expected
