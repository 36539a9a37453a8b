"""Jobs in the image of SageMaker's XGBoost algorithm: its metrics, its tunable hyperparameters, no others."""

import re

import pytest

from local_aws.core.api import Context, ValidationException
from local_aws.sagemaker import built_in

CONTEXT = Context(account="111122223333", region="eu-west-1")
OURS = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5"
AWS = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5"
DEFINED = [{"Name": "auc", "Regex": "auc=(.*)"}]


def request(image, **members):
    return {"AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File", **members}}


def pattern_of(metric):
    definitions = built_in.with_metrics(CONTEXT, request(AWS))["AlgorithmSpecification"]["MetricDefinitions"]
    return next(each["Regex"] for each in definitions if each["Name"] == metric)


def test_the_algorithm_brings_its_own_metrics():
    assert re.search(pattern_of("validation:auc"), "[199]\tvalidation-auc:0.65917")[1] == "0.65917"
    assert re.search(pattern_of("train:logloss"), "[0]\ttrain-logloss:1e-3\tvalidation-logloss:2")[1] == "1e-3"


@pytest.mark.parametrize("line", ["validation-auc:0.65917", "[199] auc:0.65917", "[x]\tvalidation-auc:0.6"])
def test_other_lines_are_no_metric_of_the_algorithm(line):
    assert re.search(pattern_of("validation:auc"), line) is None


def test_metrics_of_ones_own_are_refused():
    with pytest.raises(ValidationException, match="can't override the metric definitions"):
        built_in.with_metrics(CONTEXT, request(AWS, MetricDefinitions=DEFINED))


def test_an_image_of_ones_own_is_no_algorithm_of_sagemakers():
    own = request(OURS, MetricDefinitions=DEFINED)
    assert built_in.with_metrics(CONTEXT, own) == own
    built_in.check_tunable(CONTEXT, own["AlgorithmSpecification"], ["reg_lambda"])


def test_what_the_algorithm_does_not_tune_is_refused_by_name():
    algorithm = request(AWS)["AlgorithmSpecification"]
    built_in.check_tunable(CONTEXT, algorithm, ["lambda", "eta"])
    with pytest.raises(ValidationException, match=r"reg_lambda cannot be tuned .* lambda,"):
        built_in.check_tunable(CONTEXT, algorithm, ["eta", "reg_lambda"])


def test_training_and_tuning_in_the_image_are_held_to_it(call):
    job = {
        "RoleArn": "arn:aws:iam::111122223333:role/r",
        **request(AWS, MetricDefinitions=DEFINED),
        "OutputDataConfig": {"S3OutputPath": "s3://b/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    script = {"sagemaker_program": "train.py", "sagemaker_submit_directory": "s3://b/code.tar.gz"}
    with pytest.raises(ValidationException, match="can't override"):
        call("CreateTrainingJob", TrainingJobName="train", HyperParameters=script, **job)
    search = {
        "Strategy": "Random",
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
        "ParameterRanges": {
            "ContinuousParameterRanges": [{"Name": "reg_lambda", "MinValue": "1", "MaxValue": "2"}],
        },
    }
    with pytest.raises(ValidationException, match="reg_lambda cannot be tuned"):
        call(
            "CreateHyperParameterTuningJob",
            HyperParameterTuningJobName="tune",
            HyperParameterTuningJobConfig=search,
            TrainingJobDefinition={**job, **request(AWS), "StaticHyperParameters": script},
        )
