"""The version that is watched, and what it is compared with."""

import boto3
import pytest
from moto import mock_aws

from monitoring import champion, store
from monitoring.champion import BASELINES, Champion, MissingBaseline, understood
from monitoring.steps.job import StepError

ARN = "arn:aws:sagemaker:eu-west-1:111122223333:model-package/loans/12"


@pytest.fixture
def ssm():
    with mock_aws():
        yield boto3.client("ssm", region_name="eu-west-1")


class Registry:
    def describe_model_package(self, ModelPackageName):  # noqa: N803
        assert ModelPackageName == ARN
        return {"InferenceSpecification": {"Containers": [{}]}}


def test_the_parameter_names_the_version(ssm):
    ssm.put_parameter(Name="/champion", Value=ARN, Type="String")
    found = champion.find(ssm, Registry(), "/champion")
    assert found
    assert found.version == "12"
    assert found.model_uri is None


def test_none_is_no_version_yet(ssm):
    ssm.put_parameter(Name="/champion", Value="none", Type="String")
    assert champion.find(ssm, Registry(), "/champion") is None


def test_a_missing_parameter_says_what_to_deploy(ssm):
    with pytest.raises(StepError, match="parameter /champion: does not exist; deploy the model's release stack first"):
        champion.find(ssm, Registry(), "/champion")


@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize("package", [{}, {"DriftCheckBaselines": {"Bias": {}}, "CustomerMetadataProperties": {}}])
def test_a_version_may_lack_any_baseline(package, baseline):
    assert Champion(ARN, package).uri(baseline) is None


@pytest.mark.parametrize(("uri", "parts"), [("s3://b/a/c/", ("b", "a/c")), ("s3://b", ("b", ""))])
def test_places_in_s3(uri, parts):
    assert store.split(uri) == parts


@pytest.mark.parametrize("uri", ["b/a", "https://b/a", "s3://", ""])
def test_what_is_no_place_in_s3_is_refused(uri):
    with pytest.raises(ValueError, match="expected s3://bucket/prefix"):
        store.split(uri)


@pytest.mark.parametrize("document", [{}, {"bins": None}, {"bins": 5}, {"bins": "x"}, {"bins": []}, {"bins": {"n": 1}}])
def test_a_document_of_another_form_is_a_missing_baseline(document):
    with (
        pytest.raises(MissingBaseline, match="outcomes: not of the form that is expected here"),
        understood("outcomes"),
    ):
        document["bins"][0].items()


def test_an_archive_that_is_gone_is_none(tmp_path):
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="models")
        container = {"ModelDataUrl": "s3://models/model.tar.gz"}
        gone = Champion(ARN, {"InferenceSpecification": {"Containers": [container]}})
        assert gone.fetch_model(s3, tmp_path) is None
