"""What all models of an environment share, as one object to hand to the constructs of a model."""

from dataclasses import dataclass

from aws_cdk import aws_sns as sns

from mlops_constructs.data_protection import DataProtection
from mlops_constructs.encrypted_bucket import EncryptedBucket
from mlops_constructs.ledger import Ledger


@dataclass(frozen=True)
class Foundation:
    """Buckets for what comes in, what pipelines make, what endpoints saw and what explains it; the ledger; a topic."""

    data: EncryptedBucket
    artifacts: EncryptedBucket
    capture: EncryptedBucket
    evidence: EncryptedBucket
    ledger: Ledger
    topic: sns.ITopic
    protection: DataProtection
