"""The tests of lambdas/release_tests run against an endpoint and a registry that live in this file."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.lambdas.checked_client import CheckedClient

SAMPLES = Path(__file__).parents[4] / "pipeline_code" / "loan_approval" / "samples"
GROUP = "mlops-staging-loan-approval"
PACKAGE = f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/{GROUP}/3"
APPROVER = "arn:aws:sts::111122223333:assumed-role/Approvers/ada@example.com"
EVENT = {"package": PACKAGE, "endpoint": GROUP}
PLENTY = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
ENVIRON = {
    "ENVIRONMENT": "staging",
    "MODEL_PACKAGE_GROUP": GROUP,
    "ENDPOINT_NAME": GROUP,
    "SERVING_STACK": f"{GROUP}-serving",
    "EVIDENCE_KEY": "staging-tests",
    "TOPIC_ARN": "arn:aws:sns:eu-west-1:111122223333:topic",
    "SAMPLES_BUCKET": "assets",
    "SAMPLES_KEY": "samples.zip",
    "LIMITS": '{"requests":60,"concurrency":3,"max_error_percent":2.0,"max_p95_ms":500}',
    "AWS_LAMBDA_FUNCTION_NAME": "release-tests",
}


def packed(files: dict[str, str]) -> bytes:
    """A zip archive as CDK makes one of a folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


class World:
    """AWS, as far as the tests ask: change an attribute, then run."""

    def __init__(self, modules: SimpleNamespace, environ: dict[str, str]) -> None:
        self.version = "3"
        self.champion = PACKAGE
        self.package: dict[str, Any] = {
            "ModelApprovalStatus": "Approved",
            "LastModifiedBy": {"IamIdentity": {"Arn": APPROVER}},
        }
        self.files = {path.name: path.read_text() for path in SAMPLES.iterdir()}
        self.answer: Callable[[int, dict[str, Any]], Any] = lambda number, request: self.predictions(request)
        self.asked = 0
        self.busy = self.most_busy = 0
        self._lock = threading.Lock()
        self._modules = modules
        settings = modules.gateway.Settings.read(environ)
        self.clients = {
            "sagemaker": CheckedClient(
                "sagemaker", {"describe_model_package": lambda _: self.package, "update_model_package": self._update}
            ),
            "runtime": CheckedClient("sagemaker-runtime", {"invoke_endpoint": self._invoke}),
            "s3": CheckedClient("s3", {"get_object": lambda _: {"Body": io.BytesIO(packed(self.files))}}),
            "cloudformation": CheckedClient("cloudformation", {"describe_stacks": self._describe_stack}),
            "sns": CheckedClient("sns", {"publish": lambda _: {}}),
        }
        modules.handler.settings = lambda: settings
        gateway = modules.gateway.Gateway(settings, modules.gateway.Clients(**self.clients))
        modules.handler.gateway = lambda: gateway

    def run(self, event: object = EVENT, context: object = PLENTY) -> dict[str, str]:
        result: dict[str, str] = self._modules.handler.handler(event, context)
        return result

    def predictions(self, request: dict[str, Any], **changed: Any) -> bytes:
        """What the model answers to the request."""
        one = {"probability": 0.1, "decision": "approve", "model_version": self.version, **changed}
        return json.dumps({"predictions": [one] * len(json.loads(request["Body"])["instances"])}).encode()

    @property
    def metadata(self) -> dict[str, str]:
        noted: dict[str, str] = self.package.get("CustomerMetadataProperties", {})
        return noted

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [parameters for _, parameters in self.clients["runtime"].calls]

    @property
    def told(self) -> list[dict[str, Any]]:
        return [parameters for _, parameters in self.clients["sns"].calls]

    def _update(self, parameters: dict[str, Any]) -> dict[str, Any]:
        assert parameters["ModelPackageArn"] == PACKAGE
        self.package["CustomerMetadataProperties"] = self.metadata | parameters["CustomerMetadataProperties"]
        self.package["LastModifiedBy"] = {"IamIdentity": {"Arn": "arn:aws:sts::111122223333:assumed-role/Tests/x"}}
        return {}

    def _invoke(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            number, self.asked = self.asked, self.asked + 1
            self.busy += 1
            self.most_busy = max(self.most_busy, self.busy)
        try:
            time.sleep(0.001)
            body = self.answer(number, request)
        finally:
            with self._lock:
                self.busy -= 1
        return {"ResponseMetadata": {"HTTPStatusCode": 200}, "Body": io.BytesIO(body)}

    def _describe_stack(self, _parameters: dict[str, Any]) -> dict[str, Any]:
        return {"Stacks": [{"Outputs": [{"OutputKey": "ChampionPackage", "OutputValue": self.champion}]}]}


@pytest.fixture
def world(release_tests: SimpleNamespace) -> World:
    return World(release_tests, ENVIRON)
