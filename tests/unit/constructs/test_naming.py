"""Names that people, events and permissions need, within AWS's limits."""

import pytest

from mlops_constructs.errors import ConstructError
from mlops_constructs.naming import EnvironmentNames, ReleaseParameter, SharedParameter, ssm_parameter


def test_names_of_a_model():
    names = EnvironmentNames("mlops", "local").model("loan_approval")
    assert names.public == "loan-approval"
    assert names.package_group == names.endpoint == names.base == "mlops-local-loan-approval"
    assert names.pipeline == "mlops-local-loan-approval-training"
    assert names.training_stack == "mlops-local-loan-approval-training"
    assert names.serving_stack == "mlops-local-loan-approval-serving"
    assert names.release_stack == "mlops-local-loan-approval-release"
    assert names.monitoring_stack == names.monitoring_pipeline == "mlops-local-loan-approval-monitoring"
    assert names.monitoring_schedule == "mlops-local-loan-approval-monitoring"
    assert names.degradation_alarm == "mlops-local-loan-approval-monitoring-degradation"
    assert names.findings == "loan_approval/monitoring"
    assert (names.dashboard, EnvironmentNames("mlops", "local").dashboard) == (names.base, "mlops-local")
    assert names.governance_stack == "mlops-local-loan-approval-governance"
    assert (names.feature_rows_table, names.feature_rows) == ("loan_approval_rows", "loan_approval/feature-rows")
    assert names.feature_results == "loan_approval/feature-queries"
    assert EnvironmentNames("mlops", "local").foundation_stack == "mlops-local-foundation"


def test_names_of_an_environments_features_and_roles():
    names = EnvironmentNames("my-project", "local")
    assert (names.features_stack, names.access_stack) == ("my-project-local-features", "my-project-local-access")
    assert (names.features_database, names.features_workgroup) == ("my_project_local_features", names.features_stack)
    assert names.feature_group("bank_history") == "my-project-local-bank-history"


def test_a_feature_group_has_a_name_that_aws_takes():
    names = EnvironmentNames("mlops", "local")
    assert len(names.feature_group("b" * 52)) == 64
    with pytest.raises(ConstructError, match=r"'mlops-local-b+' has 65 characters, AWS allows 64: shorten it by 1$"):
        names.feature_group("b" * 53)
    with pytest.raises(ConstructError, match="feature group 'bank-history' cannot be named on AWS"):
        names.feature_group("bank-history")


def test_the_card_of_a_version_fits_and_tells_models_apart():
    names = EnvironmentNames("mlops", "local")
    assert names.model("loan_approval").card(3) == "mlops-local-loan-approval-v3"
    cards = [names.model("a" * 49 + end).card(123_456) for end in ("_b", "_c")]
    assert max(map(len, cards)) <= 63
    assert cards[0] != cards[1]
    assert all(card.endswith("-v123456") for card in cards)


def test_release_parameters_have_a_path():
    names = EnvironmentNames("mlops", "prod").model("loan_approval")
    assert [names.release_parameter(each) for each in ReleaseParameter] == [
        "/mlops/prod/loan-approval/release/champion",
        "/mlops/prod/loan-approval/release/challenger",
        "/mlops/prod/loan-approval/release/challenger-weight",
        "/mlops/prod/loan-approval/release/shadow",
        "/mlops/prod/loan-approval/release/failed",
        "/mlops/prod/loan-approval/release/previous",
        "/mlops/prod/loan-approval/release/candidate",
        "/mlops/prod/loan-approval/release/command",
        "/mlops/prod/loan-approval/release/allowed",
    ]
    assert names.release_prefix == "/mlops/prod/loan-approval/release/"


def test_names_in_sql_have_no_hyphens():
    assert EnvironmentNames("my-project", "prod").model("loan_approval").database == "my_project_prod_loan_approval"


def test_a_models_workgroup_is_told_from_the_environments_others_by_its_end():
    names = EnvironmentNames("my-project", "prod")
    assert names.model("loan_approval").workgroup == "my-project-prod-loan-approval-predictions"
    assert not names.features_workgroup.endswith("-predictions")


def test_versions_come_from_here_or_from_another_environment():
    names = EnvironmentNames("mlops", "prod").model("loan_approval")
    assert names.registry("") == names
    assert names.registry("staging").package_group == "mlops-staging-loan-approval"


@pytest.mark.parametrize("model", ["loan_approval", "loan_approval_eu", "a" * 50, "a" * 49 + "_b", "a" * 49 + "_c"])
def test_transform_jobs_have_room_for_a_time_and_belong_to_one_model(model):
    names = EnvironmentNames("mlops", "local")
    prefix = names.model(model).transform_job_prefix
    assert len(f"{prefix}20261121-0300") <= 63
    others = {"loan_approval", "loan_approval_eu", "a" * 50, "a" * 49 + "_b", "a" * 49 + "_c"} - {model}
    assert not any(names.model(other).transform_job_prefix.startswith(prefix) for other in others)


def test_a_schedule_has_a_name_that_scheduler_and_model_monitor_take_and_no_other_model_has():
    names = EnvironmentNames("mlops", "local")
    models = ["loan_approval", "a" * 45, "a" * 50, "a" * 49 + "_b", "a" * 51]
    schedules = [names.model(each).monitoring_schedule for each in models]
    assert len(set(schedules)) == len(schedules)
    for each in schedules:
        assert len(each) <= 63
        assert each.endswith("-monitoring")


def test_what_others_are_told_has_a_path_too():
    names = EnvironmentNames("mlops", "staging")
    assert [names.shared_parameter(each) for each in SharedParameter] == [
        "/mlops/staging/foundation/artifacts-bucket",
        "/mlops/staging/foundation/key",
    ]


def test_a_parameter_has_no_more_levels_and_characters_than_aws_takes():
    """Counted with the ARN that the name becomes a part of."""
    arn = "arn:aws-iso-b:ssm:ap-southeast-99:111122223333:parameter"
    deepest, longest = "/level" * 15, "/" + "n" * (1011 - len(arn) - 1)
    assert ssm_parameter(deepest) == deepest
    assert ssm_parameter(longest) == longest
    with pytest.raises(ConstructError, match="has 16 levels, AWS allows 15: remove 1"):
        ssm_parameter(f"{deepest}/level")
    with pytest.raises(ConstructError, match=r"SSM parameter name .* by 1$"):
        ssm_parameter(f"{longest}n")


@pytest.mark.parametrize("project", ["aws-loans", "ssmith"])
def test_a_project_whose_parameters_aws_would_refuse_is_refused(project):
    with pytest.raises(ConstructError, match="give the project a name that does not start with aws or ssm"):
        EnvironmentNames(project, "dev").model("loan_approval")


@pytest.mark.parametrize("folder", ["Loan", "loan-approval", "loan__approval", "_loan", "loan_", "1loan", ""])
def test_a_folder_that_gives_no_aws_name_is_refused(folder):
    with pytest.raises(ConstructError, match="cannot be named on AWS"):
        EnvironmentNames("mlops", "local").model(folder)


def test_the_longest_name_that_fits_is_taken_and_one_more_character_is_not():
    names = EnvironmentNames("mlops", "local")
    room = 63 - len("mlops-local-")
    assert len(names.model("m" * room).endpoint) == 63
    with pytest.raises(ConstructError, match=r"has 64 characters, AWS allows 63: .* by 1"):
        names.model("m" * (room + 1))


@pytest.mark.parametrize(("project", "environment"), [("ML", "dev"), ("ml", "de v"), ("ml-", "dev"), ("", "dev")])
def test_a_project_or_environment_that_gives_no_aws_name_is_refused(project, environment):
    with pytest.raises(ConstructError, match="cannot be part of AWS names"):
        EnvironmentNames(project, environment)
