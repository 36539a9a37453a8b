"""The translator runs against an AWS that lives in this file: buckets, a registry, a stack, schedules."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.lambdas.checked_client import CheckedClient, refusal
from tests.unit.lambdas.conftest import LAMBDAS, load_folder
from tests.unit.lambdas.release_controller.fakes.table import Table
from tests.unit.lambdas.release_controller.names import TABLE

BASE = "mlops-prod-loan-approval"
FINDINGS = "loan_approval/monitoring"
REGION = "eu-west-1:111122223333"
NOW = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)
SCRIPT = (LAMBDAS.parent / "pipeline_code" / "monitoring" / "record_preprocessor.py").read_text()
KINDS = ("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability")
LOOK = {"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}
PAYLOAD = {
    "problem_type": "BinaryClassification",
    "features": ["amount", "state"],
    "instances": "instances",
    "predictions": "predictions",
    "fields": ["probability", "decision", "model_version"],
    "probability": "probability",
    "decision": "decision",
    "version": "model_version",
    "favourable": "approve",
    "positive": "1",
    "threshold": 0.25,
}
ENVIRON = {
    "ENVIRONMENT": "prod",
    "MODEL": "loan-approval",
    "ENDPOINT": BASE,
    "CHAMPION_PARAMETER": "/mlops/prod/loan-approval/release/champion",
    "STACK": f"{BASE}-monitoring",
    "SERVING_STACK": f"{BASE}-serving",
    "ARTIFACTS_BUCKET": "artifacts",
    "FINDINGS": FINDINGS,
    "DIMENSION": f"{BASE}-monitoring",
    "SCRIPT_BUCKET": "assets",
    "SCRIPT_KEY": "script.py",
    "INSTANCE_TYPE": "ml.m5.large",
    "ENDPOINT_PREFIX": "clarify-mlops-prod-loan-approval",
    "DEAD_LETTER_QUEUE_URL": "https://sqs/dead",
    "LEDGER_TABLE": TABLE,
    "SCHEDULES": json.dumps(
        {kind: {"name": f"{BASE}-{kind.lower()}", "start_hours": 25, "end_hours": 1} for kind in KINDS}
    ),
    "PAYLOAD": json.dumps(PAYLOAD),
    "POLICY": '{"min_rows": 200, "breaches": 2, "of": 3}',
}
BIAS = {
    "version": "1.0",
    "post_training_bias_metrics": {
        "label": "decision",
        "facets": {"state": [{"value_or_threshold": "NY,CA", "metrics": []}]},
    },
}
SHAP = {"explanations": {"kernel_shap": {"label0": {"global_shap_values": {"amount": 2.0, "state": 1, "derived": 3}}}}}


def package(version: int) -> str:
    return f"arn:aws:sagemaker:{REGION}:model-package/{BASE}/{version}"


class World:
    """AWS, as far as the translator asks: change an attribute, then run."""

    def __init__(self, modules: SimpleNamespace) -> None:
        self.now = NOW
        self.champion = package(3)
        self.stack = {"StackStatus": "UPDATE_COMPLETE", "CreationTime": NOW - timedelta(days=9)}
        self.deployed = package(3)
        self.model = "serving-champion-abc"
        self.metadata = {"decision_threshold": "0.25"}
        self.objects: dict[tuple[str, str], bytes] = {("assets", "script.py"): SCRIPT.encode()}
        self.baselines: dict[str, Any] = {}
        self.register("ModelDataQuality", Statistics={"features": []}, Constraints={"features": []})
        self.register("ModelQuality", Constraints={"binary_classification_constraints": {}})
        self.register("Bias", PostTrainingConstraints=BIAS)
        self.register("Explainability", Constraints=SHAP)
        self.executions: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.metrics: list[dict[str, float]] = []
        self.events: list[dict[str, Any]] = []
        self.buried: list[dict[str, Any]] = []
        self.updates: list[dict[str, Any]] = []
        self.refused: dict[str, Exception] = {}
        self.table = Table()
        self._modules = modules
        settings = modules.settings.Settings.read(ENVIRON)
        clients = modules.settings.Clients(**self._clients())
        gateway = modules.gateway.Gateway(settings, clients, lambda: self.now)
        modules.handler.settings = lambda: settings
        modules.handler.gateway = lambda: gateway

    def run(self, event: object = LOOK) -> dict[str, str]:
        result: dict[str, str] = self._modules.handler.handler(event, None)
        return result

    def register(self, group: str, **members: Any) -> None:
        """Baselines of the version, as the training pipeline leaves them."""
        entry = self.baselines.setdefault(group, {})
        for name, document in members.items():
            key = f"loan_approval/runs/{group}/{name}.json"
            self.objects["artifacts", key] = json.dumps(document).encode()
            entry[name] = {"ContentType": "application/json", "S3Uri": f"s3://artifacts/{key}"}

    def execute(
        self, kind: str, day: int, violations: Any = None, *, status: str = "", version: int = 3, **more: Any
    ) -> str:
        """One daily execution of a schedule, with the documents that it left; returns its job's name.

        violations: entries, bytes for another document, None for none. statistics: of the window; rows: of them.
        days: how long its window is.
        """
        end = datetime(2026, 11, day, tzinfo=UTC)
        name = f"{kind.lower()}-monitoring-{end:%Y%m%d%H}00-abc"
        if not status:
            status = "CompletedWithViolations" if violations else "Completed"
        folder = f"{FINDINGS}/model-monitor/{kind}/{BASE}/{kind}/{end:%Y/%m/%d/%H}"
        summary = {
            "MonitoringScheduleName": f"{BASE}-{kind.lower()}",
            "ScheduledTime": end + timedelta(hours=1, minutes=7),
            "CreationTime": end,
            "LastModifiedTime": end,
            "MonitoringExecutionStatus": status,
            "MonitoringJobDefinitionName": f"{BASE}-{kind.lower()}-0123abcd-v{version}",
            "MonitoringType": kind,
            **({"FailureReason": more["reason"]} if "reason" in more else {}),
        }
        self.executions[kind].append(summary)
        if more.get("job", True):
            summary["ProcessingJobArn"] = f"arn:aws:sagemaker:{REGION}:processing-job/{name}"
            self.jobs[name] = {
                "Environment": {
                    "start_time": f"{end - timedelta(days=more.get('days', 1)):%Y-%m-%dT%H:%M:%SZ}",
                    "end_time": f"{end:%Y-%m-%dT%H:%M:%SZ}",
                },
                "ProcessingOutputConfig": {"Outputs": [{"S3Output": {"S3Uri": f"s3://artifacts/{folder}"}}]},
            }
            if kind in ("DataQuality", "ModelQuality"):
                statistics = {"dataset": {"item_count": more.get("rows", 1000)}, **more.get("statistics", {})}
                self.objects["artifacts", f"{folder}/statistics.json"] = json.dumps(statistics).encode()
            if violations is not None:
                text = violations if isinstance(violations, bytes) else json.dumps({"violations": violations}).encode()
                self.objects["artifacts", f"{folder}/constraint_violations.json"] = text
        return name

    def document(self, key: str) -> Any:
        """Below the findings."""
        return json.loads(self.objects["artifacts", f"{FINDINGS}/{key}"])

    def written(self, beginning: str) -> list[str]:
        start = f"{FINDINGS}/{beginning}"
        return sorted(key.removeprefix(start) for bucket, key in self.objects if key.startswith(start))

    def _clients(self) -> dict[str, Any]:
        answers: dict[str, dict[str, Callable[[dict[str, Any]], Any]]] = {
            "ssm": {"get_parameter": lambda _: {"Parameter": {"Value": self.champion}}},
            "sagemaker": {
                "describe_model_package": lambda _: {
                    "DriftCheckBaselines": self.baselines,
                    "CustomerMetadataProperties": self.metadata,
                },
                "list_monitoring_executions": self._list,
                "describe_processing_job": lambda given: self.jobs[given["ProcessingJobName"]],
            },
            "cloudformation": {"describe_stacks": self._describe, "update_stack": self._update},
            "s3": {"get_object": self._get, "put_object": self._put},
            "cloudwatch": {"put_metric_data": self._put_metrics},
            "events": {"put_events": self._put_events},
            "sqs": {"send_message": lambda given: self.buried.append(json.loads(given["MessageBody"]))},
        }
        clients: dict[str, Any] = {name: CheckedClient(name, each) for name, each in answers.items()}
        return {**clients, "dynamodb": self.table}

    def _list(self, given: dict[str, Any]) -> Any:
        assert (given["SortBy"], given["SortOrder"]) == ("ScheduledTime", "Descending")
        found = [
            each
            for executions in self.executions.values()
            for each in executions
            if each["MonitoringScheduleName"] == given["MonitoringScheduleName"]
        ]
        ordered = sorted(found, key=lambda each: each["ScheduledTime"], reverse=True)
        return {"MonitoringExecutionSummaries": ordered[: given["MaxResults"]]}

    def _describe(self, given: dict[str, Any]) -> Any:
        outputs = {"MonitoredPackage": self.deployed} if given["StackName"] == ENVIRON["STACK"] else {}
        if given["StackName"] == ENVIRON["SERVING_STACK"] and self.model:
            outputs = {"ModelName": self.model}
        told = [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()]
        return {"Stacks": [{**self.stack, "Outputs": told, "Parameters": [{"ParameterKey": "MonitoredPackage"}]}]}

    def _update(self, given: dict[str, Any]) -> Any:
        self._refuse("update_stack")
        self.updates.append(given)
        self.deployed = self.champion
        return {}

    def _get(self, given: dict[str, Any]) -> Any:
        try:
            return {"Body": io.BytesIO(self.objects[given["Bucket"], given["Key"]])}
        except KeyError:
            raise refusal("NoSuchKey", "The specified key does not exist.", 404) from None

    def _put(self, given: dict[str, Any]) -> Any:
        assert given["Bucket"] == "artifacts" and given["Key"].startswith(f"{FINDINGS}/")
        self.objects[given["Bucket"], given["Key"]] = given["Body"]
        return {}

    def _put_metrics(self, given: dict[str, Any]) -> Any:
        self._refuse("put_metric_data")
        assert given["Namespace"] == "aws/sagemaker/Endpoints/data-metrics"
        expected = [{"Name": "Endpoint", "Value": BASE}, {"Name": "MonitoringSchedule", "Value": f"{BASE}-monitoring"}]
        assert all(each["Dimensions"] == expected for each in given["MetricData"])
        self.metrics.append({each["MetricName"]: each["Value"] for each in given["MetricData"]})

    def _put_events(self, given: dict[str, Any]) -> Any:
        self._refuse("put_events")
        [entry] = given["Entries"]
        assert (entry["Source"], entry["DetailType"]) == ("mlops.monitoring", "Model Monitoring Run Completed")
        self.events.append(json.loads(entry["Detail"]))
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}

    def _refuse(self, method: str) -> None:
        if error := self.refused.pop(method, None):
            raise error


@pytest.fixture(scope="session")
def monitor_translator() -> SimpleNamespace:
    """The modules of lambdas/monitor_translator by name."""
    return load_folder(LAMBDAS / "monitor_translator", "monitor_translator")


@pytest.fixture
def world(monitor_translator: SimpleNamespace) -> World:
    """Version 3 serves, its job definitions are deployed, and nothing was executed yet."""
    return World(monitor_translator)
