"""What a function may carry in its environment."""

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms

from mlops_constructs.data_protection import DataProtection
from mlops_constructs.errors import ConstructError
from mlops_constructs.function import PythonFunction


@pytest.fixture
def build(tmp_path):
    def built(**environment):
        stack = cdk.Stack(cdk.App(outdir=str(tmp_path)), "Stack")
        key = kms.Key(stack, "Key")
        variables = {"KEY": key.key_arn, **environment}
        protection = DataProtection(key=key, retain=False, log_retention_days=7)
        return PythonFunction(
            stack, "F", name="release_controller", description="x", protection=protection, environment=variables
        )

    return built


def test_variables_that_fit_are_taken(build):
    assert build(POLICY="x" * 3000).function_name


def test_variables_that_lambda_would_refuse_stop_synthesis(build):
    """256 bytes are assumed for what only the deployment knows; quotes and names count too."""
    beside = len('{"KEY":"","POLICY":""}') + 256
    assert build(POLICY="x" * (4096 - beside))
    with pytest.raises(ConstructError, match=r"take up to 4097 bytes, Lambda allows 4096: shorten POLICY by 1,"):
        build(POLICY="x" * (4097 - beside))


def test_quotes_inside_a_variable_count_twice(build):
    with pytest.raises(ConstructError, match="shorten POLICY"):
        build(POLICY='"' * 2048)
