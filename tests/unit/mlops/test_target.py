"""Which model and environment a command is about, and what a person is told when there is none."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError

from mlops import aws, people, release_state, target
from mlops.errors import CommandError, UsageError
from mlops_constructs.naming import ReleaseParameter
from tests.unit.mlops.world import ACCOUNT, ALICE, BOB, World, refused


def config(folder: Path, **files: str) -> Path:
    """The project's configuration with lines of some environments' files replaced."""
    made = folder / "config"
    made.mkdir()
    for file in target.CONFIG.glob("*.toml"):
        (made / file.name).write_text(files.get(file.stem, "") + file.read_text())
    return made


def test_the_only_model_needs_no_name_and_both_of_its_names_are_taken(world: World) -> None:
    for name in (None, "loan_approval", "loan-approval"):
        assert target.find("local", name).names.folder == "loan_approval"


def test_an_unknown_model_or_environment_names_those_that_there_are(world: World) -> None:
    with pytest.raises(UsageError, match=r"--model other: not in config/local.toml; use loan_approval"):
        target.find("local", "other")
    with pytest.raises(UsageError, match="no such environment; use dev, local, prod, staging"):
        target.find("production", None)


def test_among_several_models_one_has_to_be_named(world: World, tmp_path: Path) -> None:
    several = config(tmp_path)
    base = several / "base.toml"
    base.write_text(base.read_text() + '\n[models.fraud]\n[models.fraud.training]\ndata_prefix = "fraud"\n')
    with pytest.raises(
        target.NoModelNamed, match=r"--model: not given, and config/local.toml has .*: name one"
    ) as told:
        target.find("local", None, several)
    assert told.value.mended(["card", "2", "--html", "my card.html"]).endswith(
        ": mlops card 2 --html 'my card.html' --model loan-approval"
    )
    found = target.find("local", "fraud", several)
    assert found.command("approve", 4) == "mlops approve 4 --model fraud"
    assert {"fraud", "loan_approval"} <= {each.names.folder for each in target.find_all("local", None, several)}


def test_commands_to_copy_need_no_environment_for_the_local_one(world: World) -> None:
    assert world.target.command("approve", 4) == "mlops approve 4"


def test_commands_to_copy_name_any_other_environment(prod: World) -> None:
    assert prod.target.command("approve", 4) == "mlops approve 4 --env prod"


def test_credentials_of_another_account_change_nothing_there(prod: World, tmp_path: Path) -> None:
    named = config(tmp_path, prod='account = "999999999999"\nregion = "eu-west-1"\n', staging=(
        'account = "999999999999"\nregion = "eu-west-1"\n'
    ))  # fmt: skip
    with pytest.raises(CommandError, match=f"credentials are for account {ACCOUNT}, config/prod.toml names 9999"):
        target.find("prod", None, named)


def test_without_a_local_aws_it_says_how_to_start_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOCAL_AWS_HOME", str(tmp_path))
    with pytest.raises(
        CommandError, match=r"start it: \.venv/bin/python -m local_aws start --detach, or `mlops demo --keep`"
    ):
        aws.local_clients()


def test_parameters_that_are_not_deployed_are_named(world: World) -> None:
    name = world.names.release_prefix + "command"
    world.ssm.delete_parameter(Name=name)
    with pytest.raises(CommandError, match=r"release/\{command\}: do not exist; deploy the foundation"):
        release_state.read(world.ssm, world.names)


class Forbidding:
    """SSM for whom may not, or cannot, describe parameters."""

    def __init__(self, code: str) -> None:
        self.code = code

    def describe_parameters(self, **_: Any) -> None:
        raise refused("DescribeParameters", self.code, "no")


def test_whom_ssm_does_not_tell_the_writers_sees_the_rest(world: World) -> None:
    assert release_state.writers(Forbidding("AccessDeniedException"), world.names, ReleaseParameter.ALLOWED) == {}
    with pytest.raises(ClientError, match="ThrottlingException"):
        release_state.writers(Forbidding("ThrottlingException"), world.names, ReleaseParameter.ALLOWED)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (NoCredentialsError(), "AWS credentials: none found; log in (aws sso login) or set AWS_PROFILE"),
        (NoRegionError(), "AWS region: not set; set region in the environment's file of config/, or AWS_REGION"),
        (
            refused("PutParameter", "ExpiredTokenException", "The token\nhas expired"),
            "PutParameter: ExpiredTokenException: The token has expired; log in again (aws sso login)",
        ),
        (
            refused("PutParameter", "AccessDeniedException", "not authorized"),
            "PutParameter: AccessDeniedException: not authorized",
        ),
        (
            EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
            'Could not connect to the endpoint URL: "http://127.0.0.1:1"; check the network, or whether the local AWS '
            "still runs: python -m local_aws status",
        ),
    ],
)
def test_what_aws_refuses_is_one_line(error: Any, text: str) -> None:
    assert aws.explain(error) == text


def test_the_shells_proxy_is_not_asked_on_the_way_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    environment = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "eu-west-1"}
    clients = aws.clients_of(environment | {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"})
    assert clients("ssm")._endpoint.http_session._proxy_config.proxy_url_for("http://127.0.0.1:4566") is None
    assert clients("ssm") is clients("ssm")


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (ALICE, True),
        (ALICE.replace("Approver", "Releaser"), True),
        (f"arn:aws:iam::{ACCOUNT}:user/alice@example.com", True),
        ("alice@example.com", True),
        (people.as_metadata(ALICE), True),
        (BOB, False),
        (f"arn:aws:iam::{ACCOUNT}:root", False),
    ],
)
def test_a_person_is_the_name_behind_the_roles(other: str, same: bool) -> None:
    assert people.same(ALICE, other) is same


def test_an_identity_fits_into_metadata() -> None:
    assert people.as_metadata("arn:aws:sts::1:assumed-role/R/a,b") == "arn:aws:sts::1:assumed-role/R/a_b"
    assert len(people.as_metadata("x" * 300)) == 256


def test_a_registry_in_another_account_is_known_by_its_arn(prod: World, tmp_path: Path) -> None:
    def place(account: str) -> str:
        return f'account = "{account}"\nregion = "eu-west-1"\n'

    apart = config(tmp_path, prod=place(ACCOUNT), staging=place("333344445555"))
    found = target.find("prod", None, apart)
    assert found.package_group == (
        "arn:aws:sagemaker:eu-west-1:333344445555:model-package-group/mlops-staging-loan-approval"
    )
    assert (found.group_name, found.decided_in) == ("mlops-staging-loan-approval", "staging")
    assert (prod.target.group_name, prod.target.decided_in) == ("mlops-staging-loan-approval", "prod")


def test_a_registry_can_be_another_environments(prod: World) -> None:
    assert prod.target.package_group == "mlops-staging-loan-approval"
    assert prod.target.names.endpoint == "mlops-prod-loan-approval"
