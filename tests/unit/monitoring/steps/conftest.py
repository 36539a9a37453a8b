"""A registered version of the loan model, and an account in memory where it is watched."""

import csv
import gzip
import itertools
import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from loan_approval import inference
from loan_approval.schema import HISTORY_NAMES, INPUTS, SEEN_NAMES, bank_of
from loan_approval.steps import baseline, evaluate, features, train
from monitoring.findings import Judgement, Window
from monitoring.steps import inputs, outcomes, report
from monitoring.steps.options import Clients
from tests.once import once
from tests.unit.lambdas.checked_client import CheckedClient
from tests.unit.pipeline_code import histories

from .buckets import Buckets

LOANS = Path(__file__).parents[4] / "data" / "loans" / "sba_sample.csv.gz"
PERIODS = ["--train-from", "2000-10-01", "--train-to", "2002-09-30", "--test-from", "2002-10-01"]
PERIODS += ["--test-to", "2002-12-31"]
ARN = "arn:aws:sagemaker:eu-west-1:111122223333:model-package/loans/3"
ENDPOINT, SCHEDULE = "loans", "loans-monitoring"
JANUARY = Window.read("2003-01-01T00:00:00Z/2003-02-01T00:00:00Z")


@pytest.fixture(scope="session")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run of the training pipeline leaves: one folder an output, and model.tar.gz, but without its code.

    No monitor reads that, and it is most of the archive's files.
    """
    return once(tmp_path_factory, "monitored-model", _register) / "processing" / "output"


def _register(base: Path) -> None:
    given, made = base / "processing" / "input", base / "processing" / "output"
    (given / "raw").mkdir(parents=True)
    (given / "raw" / LOANS.name).symlink_to(LOANS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAGEMAKER_BASE_DIR", str(base))
        patch.delenv("CHAMPION_PARAMETER", raising=False)
        features.main([*PERIODS, "--validation-months", "3"])
        for name in ("test", "baseline"):
            (given / name).symlink_to(made / name)
        baseline.main([])
        channels = ["--train", str(made / "train"), "--validation", str(made / "validation")]
        train.main([*channels, "--model_dir", str(base / "model"), "--num_round", "60"])
        (given / "model").mkdir()
        with tarfile.open(given / "model" / "model.tar.gz", "w:gz") as archive:
            archive.add(base / "model", arcname=".")
        evaluate.main(["--label-maturity-days", "730"])
    with tarfile.open(made / "model.tar.gz", "w:gz") as archive:
        archive.add(base / "model", arcname=".", filter=lambda each: None if each.name == "./code" else each)


@pytest.fixture(scope="session")
def model(registered: Path) -> inference.Model:
    return inference.model_fn(str(registered.parents[1] / "model"))


@pytest.fixture(scope="session")
def loans() -> dict[str, list[dict[str, str]]]:
    """Rows of the sample by month of approval, every cell a text."""
    with gzip.open(LOANS, "rt", newline="") as lines:
        rows = sorted(csv.DictReader(lines), key=lambda row: row["ApprovalDate"][:7])
    return {month: list(group) for month, group in itertools.groupby(rows, lambda row: row["ApprovalDate"][:7])}


def application(row: dict[str, str]) -> dict[str, Any]:
    """With what was known of the bank on the day, as a request that brings it."""
    inputs = {field.name: field.read_text(row[field.name]) for field in INPUTS}
    known = histories.as_of([("", bank_of(row["bank"]), f"{row['ApprovalDate']}T00:00:00Z")])[""]
    return {**inputs, **{name: known[name] for name in HISTORY_NAMES}}


@dataclass
class Account:
    """Buckets in memory, and stand-ins for the services that moto lacks; what a step does there can be read back."""

    s3: Any
    model: inference.Model
    champion: str = ARN
    package: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ssm = CheckedClient("ssm", {"get_parameter": lambda _: {"Parameter": {"Value": self.champion}}})
        self.sagemaker = CheckedClient("sagemaker", {"describe_model_package": lambda _: self.package})
        self.cloudwatch = CheckedClient("cloudwatch", {"put_metric_data": lambda _: {}})
        self.events = CheckedClient("events", {"put_events": lambda _: {"FailedEntryCount": 0, "Entries": [{}]}})
        self.ssm.exceptions = self.s3.exceptions  # type: ignore[attr-defined]

    def capture(
        self,
        rows: Sequence[dict[str, Any]],
        at: datetime,
        *,
        version: str = "3",
        name: str = "a",
        more: Sequence[str] = (),
    ) -> list[str]:
        """Capture a request for each application, a second apart; the ids that they were given."""
        columns = {name: [row[name] for row in rows] for name in SEEN_NAMES}
        answers = inference.predict_fn(columns, self.model)
        lines, ids = list(more), []
        for place, (row, answer) in enumerate(zip(rows, answers, strict=True)):
            ids.append(f"{name}-{place}")
            prediction = {**vars(answer), "model_version": version}
            line = captured(row, prediction, at + timedelta(seconds=place), ids[-1])
            lines.append(line)
        self.put(f"loans/{ENDPOINT}/champion/{at:%Y/%m/%d/%H}/{name}.jsonl", "\n".join(lines) + "\n", "capture")
        return ids

    def tell(self, outcomes_of: dict[str, str], at: datetime, name: str = "truth") -> None:
        """Put outcomes where ground truth arrives."""
        lines = [
            json.dumps(
                {
                    "groundTruthData": {"data": outcome, "encoding": "CSV"},
                    "eventMetadata": {"eventId": record, "receivedAt": f"{at:%Y-%m-%dT%H:%M:%S}.000Z"},
                    "eventVersion": "0",
                }
            )
            for record, outcome in outcomes_of.items()
        ]
        self.put(f"loans/ground-truth/{at:%Y/%m/%d/%H}/{name}.jsonl", "\n".join(lines), "capture")

    def put(self, key: str, text: str, bucket: str = "artifacts") -> None:
        self.s3.put_object(Bucket=bucket, Key=key, Body=text.encode())

    def written(self, prefix: str = "loans/monitoring/") -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket="artifacts", Prefix=prefix)
        return [each["Key"].removeprefix(prefix) for page in pages for each in page.get("Contents", [])]

    def read(self, key: str) -> Any:
        body = self.s3.get_object(Bucket="artifacts", Key=f"loans/monitoring/{key}")["Body"].read()
        return json.loads(body) if key.endswith(".json") else body.decode()

    def read_artifact(self, place: str) -> Any:
        """A document of the registered version."""
        return json.load(self.s3.get_object(Bucket="artifacts", Key=f"loans/runs/1/{place}")["Body"])

    def judgement(self, window: Window, monitor: str, version: str = "3") -> Judgement:
        return Judgement.read(self.read(f"version-{version}/{window.key}/{monitor}/judgement.json"))

    @property
    def clients(self) -> Clients:
        return Clients(self.s3, self.ssm, self.sagemaker)

    def watch_inputs(self, *more: str, execution: str = "run1", min_rows: int = 100) -> None:
        given = inputs.options().parse_args([*common(execution, min_rows), *WINDOWS, *more])
        inputs.run(given, self.clients)

    def watch_outcomes(self, *more: str, execution: str = "run1", min_rows: int = 100) -> None:
        matured = ["--matures-after-days", "30", "--scheduled", "2003-04-01T00:00:00Z"]
        given = outcomes.options().parse_args([*common(execution, min_rows), *WINDOWS, *matured, *more])
        outcomes.run(given, self.clients)

    def report(self, execution: str = "run1", breaches: int = 3, of: int = 4) -> None:
        told = ["--breaches", str(breaches), "--of", str(of), "--schedule-name", SCHEDULE]
        told += ["--environment", "local", "--public-model", "loan-approval"]
        given = report.options().parse_args([*common(execution, 100), *told])
        report.run(given, self.clients, self.cloudwatch, self.events)

    @property
    def metrics(self) -> dict[str, float]:
        """Those of the last run, by name."""
        data = [each for _, call in self.cloudwatch.calls for each in call["MetricData"]]
        return {each["MetricName"]: each["Value"] for each in data}

    @property
    def last_event(self) -> dict[str, Any]:
        (entry,) = self.events.calls[-1][1]["Entries"]
        detail: dict[str, Any] = json.loads(entry["Detail"])
        return detail


WINDOWS = ["--window-hours", "24", "--delay-minutes", "60"]


def common(execution: str, min_rows: int) -> list[str]:
    given = ["--model", "loan_approval", "--endpoint", ENDPOINT, "--champion-parameter", "/champion"]
    given += ["--capture", "s3://capture/loans", "--results", "s3://artifacts/loans/monitoring"]
    return [*given, "--min-rows", str(min_rows), "--execution", execution]


def captured(row: dict[str, Any], prediction: dict[str, Any], at: datetime, record: str) -> str:
    """A line of data capture (developer guide: "Capture data from real-time endpoint")."""

    def part(mode: str, document: dict[str, Any]) -> dict[str, Any]:
        kind = "application/json"
        return {"observedContentType": kind, "mode": mode, "data": json.dumps(document), "encoding": "JSON"}

    return json.dumps(
        {
            "captureData": {
                "endpointInput": part("INPUT", {"instances": [row]}),
                "endpointOutput": part("OUTPUT", {"predictions": [prediction]}),
            },
            "eventMetadata": {
                "eventId": f"event-{record}",
                "inferenceId": record,
                "inferenceTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            },
            "eventVersion": "0",
        }
    )


@pytest.fixture(scope="session")
def artifacts(registered: Path) -> dict[str, bytes]:
    """Documents and archive of the registered version, by key."""
    files = (path for path in registered.rglob("*") if path.suffix in (".json", ".gz"))
    return {f"loans/runs/1/{path.relative_to(registered)}": path.read_bytes() for path in files}


@pytest.fixture
def account(artifacts: dict[str, bytes], model: inference.Model) -> Account:
    return Account(Buckets({"capture": {}, "artifacts": dict(artifacts)}), model, package=package())


@pytest.fixture
def account_of_boto3(registered: Path, artifacts: dict[str, bytes], model: inference.Model) -> Iterator[Account]:
    """The same where clients of boto3 find it, and with the whole archive."""
    whole = registered.parent / "input" / "model" / "model.tar.gz"
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        for bucket in ("capture", "artifacts"):
            s3.create_bucket(Bucket=bucket)
        for key, body in artifacts.items():
            s3.put_object(Bucket="artifacts", Key=key, Body=whole.read_bytes() if key.endswith(whole.name) else body)
        yield Account(s3, model, package=package())


def package() -> dict[str, Any]:
    """DescribeModelPackage's answer, as far as the monitors read it."""

    def document(place: str) -> dict[str, str]:
        return {"ContentType": "application/json", "S3Uri": f"s3://artifacts/loans/runs/1/{place}"}

    def documents(folder: str, prefix: str = "") -> dict[str, Any]:
        return {name.title(): document(f"{folder}/{prefix}{name}.json") for name in ("statistics", "constraints")}

    return {
        "DriftCheckBaselines": {
            "ModelDataQuality": documents("data-quality"),
            "ModelQuality": documents("model-quality", "outcome_"),
            "Bias": {"PostTrainingConstraints": document("bias/constraints.json")},
            "Explainability": {"Constraints": document("explainability/analysis.json")},
        },
        "CustomerMetadataProperties": {
            "drift_calibration": "s3://artifacts/loans/runs/1/data-quality/calibration.json",
            "outcome_baseline": "s3://artifacts/loans/runs/1/model-quality/outcomes.json",
        },
        "InferenceSpecification": {
            "Containers": [{"ModelDataUrl": "s3://artifacts/loans/runs/1/model.tar.gz"}],
        },
    }
