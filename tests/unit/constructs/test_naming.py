"""Names that people, events and permissions need, within AWS's limits."""

import pytest

from mlops_constructs.errors import ConstructError
from mlops_constructs.naming import EnvironmentNames, ReleaseParameter


def test_names_of_a_model():
    names = EnvironmentNames("mlops", "local").model("loan_approval")
    assert names.public == "loan-approval"
    assert names.package_group == names.endpoint == names.base == "mlops-local-loan-approval"
    assert names.pipeline == "mlops-local-loan-approval-training"
    assert names.training_stack == "mlops-local-loan-approval-training"
    assert names.serving_stack == "mlops-local-loan-approval-serving"
    assert names.release_stack == "mlops-local-loan-approval-release"
    assert EnvironmentNames("mlops", "local").foundation_stack == "mlops-local-foundation"


def test_release_parameters_have_a_path():
    names = EnvironmentNames("mlops", "prod").model("loan_approval")
    assert [names.release_parameter(each) for each in ReleaseParameter] == [
        "/mlops/prod/loan-approval/release/champion",
        "/mlops/prod/loan-approval/release/challenger",
        "/mlops/prod/loan-approval/release/challenger-weight",
        "/mlops/prod/loan-approval/release/shadow",
        "/mlops/prod/loan-approval/release/failed",
    ]


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
