"""The names of the model that the release controller's tests release, and the function's environment for it."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

GROUP = "mlops-test-loan-approval"
STACK = "mlops-test-loan-approval-serving"
STACK_ID = f"arn:aws:cloudformation:eu-west-1:111122223333:stack/{STACK}/5f2c"
MODEL = "loan-approval"
TABLE = "mlops-test-ledger"
P = "/mlops/test/loan-approval/release/"
PARAMETERS = (
    "champion", "challenger", "challenger-weight", "shadow", "failed", "previous", "candidate", "command", "allowed",
)  # fmt: skip
MINUTE = 60
EXPERIMENT: dict[str, Any] = {
    "rule": "planned",
    "allocation": "fixed",
    "error_rate": 0.05,
    "power": 0.8,
    "baseline": 0.5,
    "effect": 0.2,
    "discordance": 0.4,
    "share_percent": 50,
    "step_percent": 25,
    "step_seconds": 10 * MINUTE,
    "look_seconds": 10 * MINUTE,
    "settle_seconds": 0,
    "max_hours": 3,
    "block_size": 20,
    "inconclusive": "keep",
    "max_positive_change": 0.2,
}
POLICY: dict[str, Any] = {
    "enabled": True,
    "stages": [],
    "experiment": EXPERIMENT,
    "metric": {
        "fields": ["decision", "probability"],
        "success": "(decision = 'approve') = (outcome = '0')",
        "positive": "decision = 'approve'",
    },
    "evidence": [],
    "second_person": False,
    "tests": False,
    "evidence_key": "tests_test",
    "keep_versions": 0,
}
ENVIRON = {
    "ENVIRONMENT": "test",
    "MODEL": MODEL,
    "MODEL_PACKAGE_GROUP": GROUP,
    "SERVING_STACK": STACK,
    "ENDPOINT_NAME": GROUP,
    "PARAMETER_PREFIX": P,
    "TOPIC_ARN": "arn:aws:sns:eu-west-1:111122223333:mlops-test",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/111122223333/dead-letters",
    "LEDGER_TABLE": TABLE,
    "DATABASE": "mlops_test_loan_approval",
    "WORKGROUP": GROUP,
    "ARTIFACTS_BUCKET": "artifacts",
    "ARCHIVE_PREFIX": "loan_approval/archive",
    "TESTS_FUNCTION": "release-tests",
    "POLICY": json.dumps(POLICY),
}
SCHEDULE = {"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}


def environ(**policy: Any) -> dict[str, str]:
    """The function's environment with these settings of its policy."""
    return ENVIRON | {"POLICY": json.dumps(POLICY | policy)}


def arn(version: int, group: str = GROUP) -> str:
    return f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/{group}/{version}"


def number(package: str) -> int:
    """The version of a package ARN, 0 for "none"."""
    return 0 if package == "none" else int(package.rsplit("/", 1)[1])


def refused(code: str, message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)
