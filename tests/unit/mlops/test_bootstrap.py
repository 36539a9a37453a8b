"""`mlops bootstrap`: what it says before it does anything, and what it then does."""

import itertools
import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mlops import aws, bootstrap
from mlops.__main__ import main
from mlops.bootstrap import Plan, prepare
from mlops.errors import CommandError

PLAN = Plan("mlops", "the environment prod", "444455556666", "eu-west-1", "hnb659fds", trusted=("111122223333",))


class CloudFormation:
    """One stack at most; `statuses` are what describing it answers after a request, the last one for ever."""

    def __init__(self, *statuses: str, there: bool = False, refused: str = "") -> None:
        self.statuses, self.there, self.refused = list(statuses), there, refused
        self.requests: list[tuple[str, dict[str, Any]]] = []

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        if not self.there:
            raise _error(f"Stack with id {StackName} does not exist")
        status = self.statuses[0] if len(self.statuses) == 1 else self.statuses.pop(0)
        return {"Stacks": [{"StackStatus": status}]}

    def create_stack(self, **request: Any) -> None:
        self.requests.append(("create", request))
        self.there = True

    def update_termination_protection(self, **request: Any) -> None:
        self.requests.append(("unprotect", request))

    def delete_stack(self, **request: Any) -> None:
        assert self.requests[-1] == ("unprotect", {**request, "EnableTerminationProtection": False})
        self.requests.append(("delete", request))
        self.there = False

    def update_stack(self, **request: Any) -> None:
        if self.refused:
            raise _error(self.refused)
        self.requests.append(("update", request))


def _error(message: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")


def done(cloudformation: CloudFormation, plan: Plan = PLAN) -> tuple[list[list[str]], list[str]]:
    calls: list[list[str]] = []
    said: list[str] = []
    prepare(plan, cloudformation, calls.append, said.append, lambda _: None)
    return calls, said


def test_policies_come_before_the_bootstrap_that_names_them() -> None:
    cloudformation = CloudFormation("CREATE_IN_PROGRESS", "CREATE_COMPLETE")
    calls, said = done(cloudformation)
    [(kind, request)] = cloudformation.requests
    assert kind == "create"
    assert request["StackName"] == "mlops-deployment"
    assert request["EnableTerminationProtection"]
    names = [
        each["Properties"]["ManagedPolicyName"] for each in json.loads(request["TemplateBody"])["Resources"].values()
    ]
    assert names == ["mlops-deployment-eu-west-1"]
    [arguments] = calls
    assert arguments[:2] == ["bootstrap", "aws://444455556666/eu-west-1"]
    given = dict(itertools.pairwise(arguments))
    assert given["--cloudformation-execution-policies"] == "arn:aws:iam::444455556666:policy/mlops-deployment-eu-west-1"
    assert given["--trust"] == "111122223333"
    assert said == ["stack mlops-deployment: CREATE_COMPLETE"]


def test_doing_it_again_changes_nothing() -> None:
    cloudformation = CloudFormation("CREATE_COMPLETE", there=True, refused="No updates are to be performed.")
    calls, said = done(cloudformation)
    assert said == ["stack mlops-deployment: unchanged"]
    assert len(calls) == 1, "CDK's own bootstrap sees by itself what is there"


def test_what_changed_is_updated() -> None:
    cloudformation = CloudFormation("UPDATE_COMPLETE", there=True)
    done(cloudformation)
    assert [kind for kind, _ in cloudformation.requests] == ["update"]


def test_a_stack_that_failed_is_not_followed_by_a_bootstrap_that_needs_it() -> None:
    calls: list[list[str]] = []
    with pytest.raises(CommandError, match="stack mlops-deployment: ROLLBACK_COMPLETE; look at its events"):
        prepare(PLAN, CloudFormation("ROLLBACK_COMPLETE"), calls.append, lambda _: None, lambda _: None)
    assert calls == []


def test_a_first_run_that_failed_is_begun_anew() -> None:
    cloudformation = CloudFormation("ROLLBACK_COMPLETE", "CREATE_COMPLETE", there=True)
    _, said = done(cloudformation)
    assert [kind for kind, _ in cloudformation.requests] == ["unprotect", "delete", "create"]
    assert said == ["stack mlops-deployment: CREATE_COMPLETE"]


def test_what_an_interrupted_run_had_begun_is_waited_for() -> None:
    cloudformation = CloudFormation("CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE", there=True)
    done(cloudformation)
    assert [kind for kind, _ in cloudformation.requests] == ["update"]


def test_a_stack_that_takes_no_update_is_left_to_a_person() -> None:
    cloudformation = CloudFormation("DELETE_FAILED", there=True)
    with pytest.raises(CommandError, match="stack mlops-deployment: DELETE_FAILED; mend or delete it"):
        done(cloudformation)
    assert cloudformation.requests == []


def test_bootstrapping_synthesizes_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The app may not even be right yet; and it takes a minute."""
    ran: list[dict[str, Any]] = []
    clients = {"cloudformation": CloudFormation("CREATE_COMPLETE")}
    monkeypatch.setattr(aws, "local_clients", lambda: clients.__getitem__)
    monkeypatch.setattr(aws, "local_variables", dict)
    monkeypatch.setattr(bootstrap, "planned", lambda *_: PLAN)
    monkeypatch.setattr(
        "mlops.cdk.cdk", lambda *_, folder, **given: ran.append({**given, "files": list(folder.iterdir())})
    )
    assert main(["bootstrap", "--yes", "--json"]) == 0
    assert [each["files"] for each in ran] == [[]]
    assert json.loads(capsys.readouterr().out)["done"] is True


def test_the_end_of_the_input_is_a_no(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def ctrl_d(_: str) -> str:
        raise EOFError

    monkeypatch.setattr(aws, "local_clients", lambda: {}.__getitem__)
    monkeypatch.setattr(aws, "local_variables", dict)
    monkeypatch.setattr(bootstrap, "planned", lambda *_: PLAN)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", ctrl_d)
    monkeypatch.setattr(bootstrap, "prepare", lambda *_: pytest.fail("nobody said yes"))
    assert main(["bootstrap"]) == 0
    assert "nothing was done" in capsys.readouterr().out


def test_a_profile_of_the_shell_does_not_lead_away_from_the_local_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setattr(aws, "client_environment", lambda *_: {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    monkeypatch.setattr("local_aws.state.Home.running", lambda _: None)
    keys = {"AWS_ACCESS_KEY_ID": "111122223333", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "eu-west-1"}
    client = aws.clients_of({**keys, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"})("sts")
    assert client.meta.endpoint_url == "http://127.0.0.1:1"
    variables = aws.local_variables()
    assert "AWS_PROFILE" not in variables
    assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"


def test_plan_names_account_policies_trust_and_costs_first() -> None:
    text = "\n".join(PLAN.lines())
    for part in (
        "account 444455556666, region eu-west-1",
        "mlops-deployment-eu-west-1",
        "CDKToolkit",
        "111122223333",
        "KMS",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("boundary", "made"),
    [("", []), ("mlops-boundary", ["mlops-boundary"]), ("the-banks-own", [])],
)
def test_boundary_is_made_where_it_is_the_projects_own(boundary: str, made: list[str]) -> None:
    plan = Plan("mlops", "tests", "111122223333", "eu-west-1", "own", boundary=boundary)
    names = [each["Properties"]["ManagedPolicyName"] for each in plan.template()["Resources"].values()]
    assert names[1:] == made
    assert ("has to be there" in "\n".join(plan.lines())) == (bool(boundary) and not made)


def test_a_qualifier_of_its_own_has_a_bootstrap_of_its_own() -> None:
    plan = Plan("mlops", "tests", "111122223333", "eu-west-1", "bank1")
    assert plan.toolkit_stack == "CDKToolkit-bank1"
    assert "cdk-bank1-assets-*" in json.dumps(plan.template())


def test_partitions_follow_from_regions() -> None:
    assert Plan("mlops", "tests", "1", "cn-north-1", "q").policy_arn.startswith("arn:aws-cn:")
    assert Plan("mlops", "tests", "1", "us-gov-west-1", "q").policy_arn.startswith("arn:aws-us-gov:")


def reaching(account: str, region: str) -> Any:
    meta = SimpleNamespace(region_name=region)
    clients = {
        "sts": SimpleNamespace(get_caller_identity=lambda: {"Account": account}),
        "cloudformation": SimpleNamespace(meta=meta),
    }
    return clients.__getitem__


def test_an_environment_is_prepared_where_the_credentials_lead_and_the_pipeline_trusts_nobody_there() -> None:
    plan = bootstrap.planned("prod", reaching("444455556666", "eu-west-1"))
    assert (plan.project, plan.what, plan.account, plan.region) == (
        "mlops",
        "the environment prod",
        "444455556666",
        "eu-west-1",
    )
    pipeline = bootstrap.planned("delivery", reaching("111122223333", "eu-west-1"))
    assert (pipeline.what, pipeline.account, pipeline.trusted) == ("the pipeline", "111122223333", ())


def test_credentials_of_another_account_prepare_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "configured", lambda _: ("999999999999", "eu-west-1"))
    with pytest.raises(CommandError, match=r"for account 444455556666, config/prod.toml names 999999999999"):
        bootstrap.planned("prod", reaching("444455556666", "eu-west-1"))
