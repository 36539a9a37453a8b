"""The names of the model whose versions the record keeper's tests explain, and the function's environment for it."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.lambdas.release_controller.names import GROUP, MODEL, TABLE, arn, number, refused

__all__ = ["GROUP", "MODEL", "TABLE", "arn", "number", "refused"]

ACCOUNT = "arn:aws:sagemaker:eu-west-1:111122223333"
FOLDER = "loan_approval"
PIPELINE = f"{GROUP}-training"
PIPELINE_ARN = f"{ACCOUNT}:pipeline/{PIPELINE}"
ENDPOINT = f"{ACCOUNT}:endpoint/{GROUP}"
CHAMPION = "/mlops/test/loan-approval/release/champion"
PARTITION, REVIEWS = f"{MODEL}#evidence", f"{MODEL}#reviews"
EVIDENCE, ARTIFACTS, DATA, ASSETS = "evidence", "artifacts", "data", "assets"
IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/xgboost:3.2-0"
DIGEST = "sha256:" + "5" * 64
CODE = f"s3://{ASSETS}/{'c' * 64}.tar.gz"
SNAPSHOT = f"s3://{DATA}/{FOLDER}/until=2026-10-31/export/"
STORE = "mlops-test-bank-history"
KEEPER = "mlops-test-loan-approval-governance-RecordsFunction-X"
SOMEBODY = "arn:aws:sts::111122223333:assumed-role/Approver/ada"
GOVERNANCE: dict[str, Any] = {"owner": "Credit risk", "risk_rating": "High", "review_days": 365}
ENVIRON = {
    "ENVIRONMENT": "test",
    "MODEL": MODEL,
    "FOLDER": FOLDER,
    "BASE": GROUP,
    "TAKES_FROM": "",
    "MODEL_PACKAGE_GROUP": GROUP,
    "PIPELINE": PIPELINE,
    "ENDPOINT_ARN": ENDPOINT,
    "CHAMPION_PARAMETER": CHAMPION,
    "EVIDENCE_BUCKET": EVIDENCE,
    "ARTIFACTS_BUCKET": ARTIFACTS,
    "ARCHIVE_PREFIX": f"{FOLDER}/archive",
    "LEDGER_TABLE": TABLE,
    "DEAD_LETTER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/111122223333/dead-letters",
    "KEY_ARN": "arn:aws:kms:eu-west-1:111122223333:key/1",
    "GOVERNANCE": json.dumps(GOVERNANCE),
    "FEATURE_GROUPS": json.dumps({"bank_history": STORE}),
    "TRACKING": "",
    "AWS_LAMBDA_FUNCTION_NAME": KEEPER,
}
TRACKING = f"{ACCOUNT}:mlflow-tracking-server/experiments"
LOOK = {"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}
TOML = """
[overview]
description = "Probability that a loan will be charged off"
problem_type = "binary classification"
creator = "Credit models"
[intended_uses]
purpose = "Decide on small business loans"
uses = "Requests of up to 5 million"
out_of_scope = "Consumer loans"
efficiency = "Little is known of new businesses"
[risk]
explanation = "It decides on somebody's business"
[ethics]
considerations = "Location may stand for origin"
caveats = "An officer looks at every refusal"
[data]
description = "Loans guaranteed by the SBA"
limits = "Ends in 2014"
"""


def runs(version: int, path: str = "") -> str:
    """Where the pipeline's run for this version wrote."""
    return f"s3://{ARTIFACTS}/{FOLDER}/runs/run{version}/{path}"
