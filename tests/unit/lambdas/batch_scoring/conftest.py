"""Batch scoring runs against a stack, a bucket and jobs that live in this file."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.lambdas.checked_client import CheckedClient, refusal

BASE = "mlops-prod-loan-approval"
PACKAGE = f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/{BASE}/3"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234"
INPUT, OUTPUT = "s3://data/loan_approval/batch/input/", "s3://data/loan_approval/batch/output/"
CONTEXT = SimpleNamespace(aws_request_id="0f8fad5b-d9cb-469f-a165-70867728950e")
ENVIRON = {
    "PROJECT": "mlops",
    "ENVIRONMENT": "prod",
    "MODEL": "loan-approval",
    "SERVING_STACK": f"{BASE}-serving",
    "JOB_PREFIX": f"{BASE}--",
    "INPUT_URI": INPUT,
    "OUTPUT_URI": OUTPUT,
    "TOPIC_ARN": "arn:aws:sns:eu-west-1:111122223333:topic",
    "RESOURCES": '{"instance_type":"ml.m5.large","instance_count":2,"max_concurrent":4,"max_payload_mb":6,'
    f'"output_key":"{KEY}","volume_key":"{KEY}"}}',
}


class World:
    """AWS, as far as batch scoring asks: change an attribute, then run."""

    def __init__(self, modules: SimpleNamespace, environ: dict[str, str]) -> None:
        self.outputs = {"ModelName": "serving-champion-abc", "ChampionPackage": PACKAGE}
        self.deployed = True
        self.keys = ["loan_approval/batch/input/2026-11.csv"]
        self.jobs: dict[str, dict[str, Any]] = {}
        self._modules = modules
        settings = modules.gateway.Settings.read(environ)
        self.clients = {
            "sagemaker": CheckedClient("sagemaker", {"create_transform_job": self._create}),
            "s3": CheckedClient("s3", {"list_objects_v2": self._list}),
            "cloudformation": CheckedClient("cloudformation", {"describe_stacks": self._describe_stack}),
            "sns": CheckedClient("sns", {"publish": lambda _: {}}),
        }
        modules.handler.settings = lambda: settings
        gateway = modules.gateway.Gateway(settings, modules.gateway.Clients(**self.clients))
        modules.handler.gateway = lambda: gateway

    def run(self, event: object, context: object = CONTEXT) -> dict[str, str]:
        result: dict[str, str] = self._modules.handler.handler(event, context)
        return result

    @property
    def told(self) -> list[dict[str, Any]]:
        return [parameters for _, parameters in self.clients["sns"].calls]

    def _create(self, job: dict[str, Any]) -> dict[str, str]:
        name = job["TransformJobName"]
        if name in self.jobs:
            raise refusal("ResourceInUse", f"Job name must be unique within an AWS account and region: {name}")
        self.jobs[name] = job
        return {"TransformJobArn": f"arn:aws:sagemaker:eu-west-1:111122223333:transform-job/{name}"}

    def _list(self, parameters: dict[str, Any]) -> dict[str, Any]:
        assert parameters["Bucket"] == "data"
        return {"Contents": [{"Key": key} for key in sorted(self.keys) if key.startswith(parameters["Prefix"])]}

    def _describe_stack(self, parameters: dict[str, Any]) -> dict[str, Any]:
        if not self.deployed:
            raise refusal("ValidationError", f"Stack with id {parameters['StackName']} does not exist")
        return {"Stacks": [{"Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in self.outputs.items()]}]}


@pytest.fixture
def world(batch_scoring: SimpleNamespace) -> World:
    return World(batch_scoring, ENVIRON)
