"""The names of the model that the retraining controller's tests train, and the function's environment for it."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.lambdas.release_controller.names import GROUP, MODEL, TABLE, arn, number, refused

__all__ = ["GROUP", "MODEL", "TABLE", "arn", "number", "refused"]

PIPELINE = f"{GROUP}-training"
PIPELINE_ARN = f"arn:aws:sagemaker:eu-west-1:111122223333:pipeline/{PIPELINE}"
PARTITION = f"{MODEL}#retraining"
ALARM, ELSEWHERE = "mlops-test-loan-approval-monitoring-degradation", "mlops-prod-loan-approval-monitoring-degradation"
HERE, THERE = "/mlops/test/loan-approval/release/", "/mlops/prod/loan-approval/release/"
DATA, PREFIX = "data", "loan_approval"
LATEST = "loan_approval/monitoring/latest.json"
POLICY: dict[str, Any] = {
    "on_degradation": True,
    "on_new_data": False,
    "cooldown_hours": 168,
    "max_per_month": 2,
    "train_months": 21,
    "test_months": 3,
    "label_maturity_months": 24,
    "parameters": {
        "data": "InputDataUri",
        "train_from": "TrainFrom",
        "train_to": "TrainTo",
        "test_from": "TestFrom",
        "test_to": "TestTo",
    },
}
ENVIRON = {
    "ENVIRONMENT": "test",
    "MODEL": MODEL,
    "PIPELINE": PIPELINE,
    "MODEL_PACKAGE_GROUP": GROUP,
    "PLACES": json.dumps([
        {"environment": "test", "alarm": ALARM, "parameters": HERE},
        {"environment": "prod", "alarm": ELSEWHERE, "parameters": THERE},
    ]),
    "DATA_BUCKET": DATA,
    "DATA_PREFIX": PREFIX,
    "ARTIFACTS_BUCKET": "artifacts",
    "FINDINGS_KEY": LATEST,
    "TOPIC_ARN": "arn:aws:sns:eu-west-1:111122223333:mlops-test",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/111122223333/dead-letters",
    "LEDGER_TABLE": TABLE,
    "POLICY": json.dumps(POLICY),
}  # fmt: skip
LOOK = {"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}


def environ(**policy: Any) -> dict[str, str]:
    """The function's environment with these settings of its policy."""
    return ENVIRON | {"POLICY": json.dumps(POLICY | policy)}


def uri(until: str, folder: str = "export") -> str:
    return f"s3://{DATA}/{PREFIX}/until={until}/{folder}/"
