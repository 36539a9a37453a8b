"""Manifests as the record keeper writes them, with made-up figures, and a bucket that holds them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

ACCOUNT, REGION = "111122223333", "eu-west-1"
BASE = "mlops-local-loan-approval"
ARTIFACTS = f"s3://mlops-local-artifacts-{ACCOUNT}/loan_approval"
RUN = "k2jd8f0s1a"
ALICE = f"arn:aws:sts::{ACCOUNT}:assumed-role/Approver/alice@example.com"
CAROL = f"arn:aws:sts::{ACCOUNT}:assumed-role/Reviewer/carol@example.com"
EVIDENCE = "evidence"
STEPS = (
    ("ValidateData", "Processing", True),
    ("IngestFeatures", "Processing", False),
    ("PrepareFeatures", "Processing", False),
    ("BuildBaseline", "Processing", False),
    ("ChooseTraining", "Condition", False),
    ("TrainModel", "Training", False),
    ("EvaluateModel", "Processing", False),
    ("GateModel", "Processing", False),
    ("RegisterModel", "RegisterModel", False),
)
NEEDS = {
    "ValidateData": frozenset[str](),
    "IngestFeatures": frozenset({"ValidateData"}),
    "PrepareFeatures": frozenset({"IngestFeatures", "ValidateData"}),
    "BuildBaseline": frozenset({"PrepareFeatures"}),
    "ChooseTraining": frozenset({"PrepareFeatures"}),
    "TrainModel": frozenset({"ChooseTraining", "PrepareFeatures"}),
    "EvaluateModel": frozenset({"TrainModel", "PrepareFeatures", "ChooseTraining"}),
    "GateModel": frozenset({"EvaluateModel"}),
    "RegisterModel": frozenset({"GateModel", "BuildBaseline", "EvaluateModel"}),
}


def package(version: int) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{BASE}/{version}"


def manifest(version: int = 3, **more: Any) -> dict[str, Any]:
    """The manifest of a version that was made, approved and released without a flaw."""
    raw = f"s3://mlops-local-data-{ACCOUNT}/loan_approval/snapshots/until=2002-12-31/"

    def made(step: str, file: str) -> dict[str, str]:
        return {"uri": f"{ARTIFACTS}/training/{RUN}/{step}/output/{file}", "version_id": f"v-{file[:5]}"}

    return {
        "schema": 1,
        "revision": 1,
        "previous_sha256": None,
        "written_at": "2026-11-21T09:10:00Z",
        "reason": "registered",
        "model": "loan-approval",
        "environment": "local",
        "version": version,
        "package": package(version),
        "registered_at": "2026-11-14T08:01:12Z",
        "origin": None,
        "data": {
            "inputs": [
                {
                    "name": "raw",
                    "uri": raw,
                    "step": step,
                    "objects": [
                        {
                            "key": f"{raw.split('/', 3)[3]}{file}",
                            "version_id": f"ver{place}",
                            "etag": f"e{place}",
                            "size": size,
                        }
                        for place, (file, size) in enumerate(
                            [("loans.csv.gz", 8_412_331), ("bank_months.csv.gz", 1_204_018)]
                        )
                    ],
                }
                for step in ("ValidateData", "IngestFeatures", "PrepareFeatures")
            ],
            "sha256": "9f" * 32,
            "periods": {"train_from": "2000-10-01", "train_to": "2002-09-30"},
            "features": [
                {
                    "group": "bank_history",
                    "feature_group": "mlops-local-bank-history",
                    "as_of": "2026-11-14T07:55:00Z",
                    "run": RUN,
                }
            ],
        },
        "code": {
            "bundle": {
                "uri": f"s3://cdk-assets-{ACCOUNT}/{'c0' * 20}.tar.gz",
                "sha256": "c0" * 32,
                "version_id": "cv1",
            },
            "commit": "5c810f1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6a7b",
            "definition_sha256": "de" * 32,
        },
        "images": [
            {
                "uri": f"141502667606.dkr.ecr.{REGION}.amazonaws.com/sagemaker-xgboost:3.0-5",
                "digest": "sha256:" + "ab" * 32,
                "used_by": [name for name, kind, _ in STEPS if kind in ("Processing", "Training")],
            }
        ],
        "pipeline": {
            "name": f"{BASE}-training",
            "execution": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/{BASE}-training/execution/{RUN}",
            "started_at": "2026-11-14T07:55:02Z",
            "ended_at": "2026-11-14T08:01:10Z",
            "parameters": {"InputDataUri": raw, "MinAuc": "0.65"},
            "steps": [
                {
                    "name": name,
                    "type": kind,
                    "status": "Succeeded",
                    "job": f"pipelines-{RUN}-{name}-x",
                    "cached": cached,
                }
                for name, kind, cached in STEPS
            ],
        },
        "training": {
            "job": f"pipelines-{RUN}-TrainModel-x",
            "hyperparameters": {"eta": "0.05"},
            "instance_type": "ml.m5.xlarge",
            "instance_count": 1,
            "seconds": 84,
            "metrics": {"validation:auc": 0.71},
        },
        "artifact": {
            "uri": f"{ARTIFACTS}/training/{RUN}/model/output/model.tar.gz",
            "version_id": "mv1",
            "etag": "me",
            "size": 214_112,
        },
        "metrics": {"auc": 0.6922, "accuracy": 0.8131, "rows": 20412},
        "baselines": {
            "data_quality": made("BuildBaseline", "data-quality/statistics.json"),
            "model_quality": made("EvaluateModel", "model-quality/statistics.json"),
            "outcomes": made("EvaluateModel", "model-quality/outcomes.json"),
        },
        "bias": {**made("EvaluateModel", "bias/analysis.json"), "facets": ["NewExist", "UrbanRural"]},
        "explanations": {
            **made("EvaluateModel", "explainability/analysis.json"),
            "shares": {"Term": 0.41, "GrAppv": 0.2, "bank_charge_off_share": 0.12},
        },
        "card": {
            "name": f"{BASE}-v{version}",
            "version": 3,
            "status": "Approved",
            "arn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-card/{BASE}-v{version}",
        },
        "experiment": None,
        "lineage": {"package_artifact": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:artifact/{version:032x}"},
        "governance": {"owner": "credit-risk@example.com", "risk_rating": "High", "review_days": 180},
        "approvals": [
            {"status": "Approved", "by": ALICE, "at": "2026-11-14T08:30:00Z", "why": "better than version 2"}
        ],
        "releases": [
            {"stage": "shadow", "outcome": "begin", "at": "2026-11-14T08:31:00Z", "reason": "it is the newest"},
            {"stage": "promote", "outcome": "begin", "at": "2026-11-16T10:00:00Z", "reason": "better"},
            {
                "stage": "promote",
                "outcome": "done",
                "at": "2026-11-16T10:12:00Z",
                "reason": "the endpoint is InService",
            },
        ],
        "reviews": [],
        "retired": None,
        "missing": [],
    } | more


def stored(s3: Any, *revisions: Mapping[str, Any], bucket: str = EVIDENCE) -> list[str]:
    """Put these, chained as they should be, into the evidence bucket; returns their keys."""
    before, keys = None, []
    for number, each in enumerate(revisions, 1):
        body = json.dumps({**each, "revision": number, "previous_sha256": before}).encode()
        key = f"loan_approval/version-{each['version']}/revision-{number:04d}.json"
        s3.put_object(Bucket=bucket, Key=key, Body=body)
        before = hashlib.sha256(body).hexdigest()
        keys.append(key)
    return keys
