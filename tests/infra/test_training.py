"""The training stack registers versions, and its role reaches the model's own data and nothing else."""

import json
import re
import tarfile

import pytest

from tests.infra.environments import TRAINED
from tests.infra.permissions import Person


def definition(template):
    """The pipeline's definition; values that only the deployment knows show as `<…>`."""
    body = template.only("AWS::SageMaker::Pipeline")["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]
    return json.loads("".join(p if isinstance(p, str) else "<token>" for p in body["Fn::Join"][1]))


@pytest.mark.parametrize("environment", TRAINED)
def test_names_are_those_that_people_and_events_use(environment, templates):
    training = templates(environment)["training"]
    base = f"mlops-{environment}-loan-approval"
    assert training.only("AWS::SageMaker::Pipeline")["Properties"]["PipelineName"] == f"{base}-training"
    group = training.resources("AWS::SageMaker::ModelPackageGroup")
    assert list(group) == ["TrainingPackageGroup07CA4598"]
    assert group["TrainingPackageGroup07CA4598"]["Properties"]["ModelPackageGroupName"] == base


def test_definition_arrives_whole(templates):
    steps = {step["Name"] for step in definition(templates("staging")["training"])["Steps"]}
    assert {"ValidateData", "PrepareFeatures", "ChooseTraining"} <= steps


def test_settings_reach_the_pipeline(templates):
    parameters = {each["Name"]: each for each in definition(templates("staging")["training"])["Parameters"]}
    assert parameters["MinAuc"]["DefaultValue"] == 0.65
    assert parameters["TrainingInstanceType"]["DefaultValue"] == "ml.m5.xlarge"


def test_pipeline_waits_for_its_role_to_be_allowed_everything(templates):
    training = templates("staging")["training"]
    policy = next(name for name in training.resources("AWS::IAM::Policy") if name.startswith("TrainingRole"))
    assert policy in training.only("AWS::SageMaker::Pipeline")["DependsOn"]


@pytest.mark.parametrize("environment", TRAINED)
def test_role_writes_only_below_its_models_prefix(environment, templates):
    training = templates(environment)["training"]
    [written] = [arn for action, arn in training.allowed(training.role("TrainingRole")) if action == "s3:PutObject"]
    assert re.fullmatch(r"<.*GetAttArtifacts.*>/loan_approval/\*", written)


@pytest.mark.parametrize("environment", TRAINED)
def test_role_may_do_exactly_this(environment, templates):
    training = templates(environment)["training"]
    actions = {action for action, _ in training.allowed(training.role("TrainingRole"))}
    assert {action for action in actions if "*" in action} == set()
    assert {action for action in actions if not action.startswith(("s3:", "logs:", "ecr:", "kms:"))} == {
        "athena:GetQueryExecution",
        "athena:GetQueryResults",
        "athena:StartQueryExecution",
        "athena:StopQueryExecution",
        "cloudwatch:PutMetricData",
        "glue:BatchGetPartition",
        "glue:GetDatabase",
        "glue:GetPartition",
        "glue:GetPartitions",
        "glue:GetTable",
        "iam:PassRole",
        "sagemaker:AddTags",
        "sagemaker:BatchGetRecord",
        "sagemaker:CreateHyperParameterTuningJob",
        "sagemaker:CreateModelPackage",
        "sagemaker:CreateProcessingJob",
        "sagemaker:CreateTrainingJob",
        "sagemaker:DescribeFeatureGroup",
        "sagemaker:DescribeHyperParameterTuningJob",
        "sagemaker:DescribeModelPackage",
        "sagemaker:DescribeModelPackageGroup",
        "sagemaker:DescribeProcessingJob",
        "sagemaker:DescribeTrainingJob",
        "sagemaker:GetRecord",
        "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
        "sagemaker:PutRecord",
        "sagemaker:StopHyperParameterTuningJob",
        "sagemaker:StopProcessingJob",
        "sagemaker:StopTrainingJob",
        "ssm:GetParameter",
    }
    assert {action for action in actions if action.startswith(("s3:", "kms:"))} == {
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "s3:AbortMultipartUpload",
        "s3:GetBucketLocation",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
    }


def test_role_starts_tuning_jobs_whose_names_have_no_room_for_the_word_pipelines(templates):
    """A tuning job's name has 32 characters at most: an execution's id, the step's name, a suffix."""
    training = templates("staging")["training"]
    named = {
        action: arn.rpartition("/")[2]
        for action, arn in training.allowed(training.role("TrainingRole"))
        if action in ("sagemaker:CreateHyperParameterTuningJob", "sagemaker:CreateTrainingJob")
    }
    assert named == {"sagemaker:CreateHyperParameterTuningJob": "*", "sagemaker:CreateTrainingJob": "pipelines-*"}


@pytest.mark.parametrize(("stack", "role"), [("training", "TrainingRole"), ("serving", "Role")])
def test_sagemaker_may_make_grants_on_the_key_without_a_condition_that_it_does_not_fulfill(templates, stack, role):
    template = templates("staging")[stack]
    [grant] = [each for each in template.statements(template.role(role)) if "kms:CreateGrant" in each["Action"]]
    assert "Condition" not in grant


@pytest.mark.parametrize(
    ("asked", "registered"),
    [
        ({"sagemaker__ModelApprovalStatus": "PendingManualApproval"}, True),
        ({}, True),
        ({"sagemaker__ModelApprovalStatus": "Approved"}, False),
        ({"sagemaker__ModelApprovalStatus": "Rejected"}, False),
    ],
)
@pytest.mark.parametrize("environment", TRAINED)
def test_role_registers_versions_as_pending_whatever_an_executions_parameter_says(
    environment, asked, registered, templates
):
    training = templates(environment)["training"]
    statements = training.statements(training.role("TrainingRole"))
    pipeline = Person.with_statements(*(each for each in statements if "ModelPackage" in str(each["Action"])))
    for kind, name in (("model-package", "/1"), ("model-package-group", "")):
        arn = f"arn:aws:sagemaker:eu-west-1:111122223333:{kind}/mlops-{environment}-loan-approval{name}"
        assert pipeline.may("sagemaker:CreateModelPackage", arn, **asked) is registered
        assert not pipeline.may("sagemaker:UpdateModelPackage", arn, **asked)
        assert pipeline.may("sagemaker:DescribeModelPackage", arn) is (kind == "model-package")
        assert pipeline.may("sagemaker:DescribeModelPackageGroup", arn) is (kind == "model-package-group")


@pytest.mark.parametrize("environment", TRAINED)
def test_jobs_in_sagemakers_own_image_define_no_metrics_and_tune_what_it_knows(environment, templates):
    """SageMaker refuses other jobs in the image of one of its algorithms, in script mode too."""
    branches = definition(templates(environment)["training"])["Steps"][-1]["Arguments"]
    train, tune = branches["ElseSteps"][0]["Arguments"], branches["IfSteps"][0]["Arguments"]
    for job in (train, tune["TrainingJobDefinition"]):
        assert "/sagemaker-xgboost:" in job["AlgorithmSpecification"]["TrainingImage"]
        assert "MetricDefinitions" not in job["AlgorithmSpecification"]
    search = tune["HyperParameterTuningJobConfig"]
    assert search["HyperParameterTuningJobObjective"]["MetricName"] == "validation:auc"
    tuned = {each["Name"] for kind in search["ParameterRanges"].values() for each in kind}
    assert tuned <= {
        "alpha", "colsample_bylevel", "colsample_bynode", "colsample_bytree", "eta", "gamma", "lambda",
        "max_delta_step", "max_depth", "min_child_weight", "num_round", "subsample",
    }  # fmt: skip


def test_role_passes_itself_to_sagemaker_and_nothing_else_to_nobody_else(templates):
    training = templates("staging")["training"]
    role = training.role("TrainingRole")
    [passing] = [each for each in training.statements(role) if each["Action"] == "iam:PassRole"]
    assert passing["Resource"] == {"Fn::GetAtt": [role, "Arn"]}
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_role_reads_one_object_of_the_bootstrap_bucket(templates):
    training = templates("staging")["training"]
    [code] = [
        arn
        for action, arn in training.allowed(training.role("TrainingRole"))
        if action == "s3:GetObject" and "cdk-hnb659fds-assets" in arn
    ]
    assert re.fullmatch(r".*/[0-9a-f]{64}\.tar\.gz", code)


def test_code_is_an_archive_with_the_entry_points_of_script_mode(assembly):
    bundles = []
    for archive in assembly("staging").glob("asset.*.tar.gz"):
        with tarfile.open(archive) as bundle:
            bundles.append(bundle.getnames())
    [names] = [each for each in bundles if "loan_approval/inference.py" in each]
    assert {"train.py", "inference.py", "loan_approval/steps/train.py"} <= set(names)
    assert "requirements.txt" not in names
