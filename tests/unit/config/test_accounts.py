"""Environments in accounts of their own: which may have to do with each other, and what each knows of the others."""

import pytest

from stacks.settings import SettingsError, load

ACCOUNTS = {"dev": "222233334444", "staging": "333344445555", "prod": "444455556666"}


@pytest.fixture
def place(config):
    """Write an account, and a region, into an environment's file."""

    def written(environment, account, region="eu-west-1"):
        file = config / f"{environment}.toml"
        file.write_text(f'account = "{account}"\nregion = "{region}"\n{file.read_text()}')

    return written


@pytest.fixture
def apart(config, place):
    """The configuration with an account for each environment."""
    for environment, account in ACCOUNTS.items():
        place(environment, account)
    return config


def refused(config, environment):
    with pytest.raises(SettingsError) as caught:
        load(config, environment)
    assert "\n" not in str(caught.value)
    return str(caught.value).partition("must be ")[2]


def test_each_knows_what_it_has_to_do_with_the_others(apart):
    [staging] = load(apart, "prod").elsewhere
    assert (staging.environment, staging.account, staging.region) == ("staging", "333344445555", "eu-west-1")
    assert all("loan_approval" in folders for folders in (staging.takes, staging.tells))
    assert (staging.gives, staging.degrades) == ((), ())
    [prod] = load(apart, "staging").elsewhere
    assert (prod.environment, prod.account) == ("prod", "444455556666")
    assert all("loan_approval" in folders for folders in (prod.gives, prod.degrades))
    assert (prod.tests, prod.takes) == ((), ())
    assert load(apart, "dev").neighbours == ()


def test_who_tests_what_it_takes_is_known_where_it_comes_from(apart):
    with (apart / "prod.toml").open("a") as file:
        file.write("\n[models.loan_approval.release]\ntests = true\n")
    [prod] = load(apart, "staging").elsewhere
    assert prod.tests == ("loan_approval",)


@pytest.mark.parametrize("accounts", [{}, {"staging": "111122223333", "prod": "111122223333"}])
def test_in_one_account_nobody_is_elsewhere(accounts, config, place):
    for environment, account in accounts.items():
        place(environment, account)
    for environment in ("staging", "prod"):
        settings = load(config, environment)
        assert [each.environment for each in settings.neighbours] == [
            {"staging": "prod", "prod": "staging"}[environment]
        ]
        assert settings.elsewhere == ()
        assert not settings.registry("loan_approval").elsewhere


def test_a_registry_elsewhere_is_that_of_the_source(apart):
    registry = load(apart, "prod").registry("loan_approval")
    assert (registry.group_name, registry.account) == ("mlops-staging-loan-approval", "333344445555")
    assert not load(apart, "staging").registry("loan_approval").elsewhere


@pytest.mark.parametrize(("named", "unnamed"), [("prod", "staging"), ("staging", "prod")])
def test_half_a_border_is_none(named, unnamed, config, place):
    place(named, ACCOUNTS[named])
    expected = (
        "an environment whose account is known, as one's own: set account and region in "
        f"config/{unnamed}.toml too, or in neither"
    )
    assert refused(config, "prod") == expected
    if unnamed == "prod":
        assert refused(config, "staging") == expected


def test_no_model_crosses_regions(config, place):
    place("staging", ACCOUNTS["staging"], "eu-west-1")
    place("prod", ACCOUNTS["prod"], "eu-central-1")
    expected = "an environment with the same region: SageMaker serves a model from data in the endpoint's own region"
    assert refused(config, "prod") == expected
    assert refused(config, "staging") == expected


def test_environments_that_have_nothing_to_do_with_each_other_may_be_anywhere(apart):
    file = apart / "dev.toml"
    file.write_text(file.read_text().replace("eu-west-1", "us-east-1"))
    assert load(apart, "dev").region == "us-east-1"
    assert load(apart, "prod").region == "eu-west-1"


def test_neighbours_do_not_come_from_a_file(config):
    file = config / "prod.toml"
    file.write_text(f"neighbours = []\n{file.read_text()}")
    with pytest.raises(
        SettingsError, match=r"neighbours = .*: unknown key; the files of the other environments say it"
    ):
        load(config, "prod")


def test_mistakes_of_another_environment_count_for_nothing(apart):
    staging = (apart / "staging.toml").read_text()
    (apart / "staging.toml").write_text(staging.replace('degradation_in = ["prod"]', "degradation_in = []"))
    with (apart / "prod.toml").open("a") as file:
        file.write('\n[models.loan_approval.release]\ntakes_from = 3\n[models.loan_approval.serving]\nx = "y"\n')
    neighbours = load(apart, "staging").neighbours
    assert not any("loan_approval" in (*each.gives, *each.degrades) for each in neighbours)
