"""What a request needs of the key of what it reads or writes.

Amazon S3, SNS, SQS and DynamoDB ask KMS in the name of who calls them. Source: user guide of S3 (bucket keys, "the
KMS key policy"), developer guides of SNS and SQS (key management) and of DynamoDB (encryption at rest, usage notes).
"""

from __future__ import annotations

from local_aws import seam
from local_aws.core.api import Context
from local_aws.permissions.deployed import Deployed

_READ, _WRITE, _BOTH = ("Decrypt",), ("GenerateDataKey",), ("GenerateDataKey", "Decrypt")
_ACTIONS = {
    "s3:GetObject": ("AWS::S3::Bucket", _READ),
    "s3:GetObjectVersion": ("AWS::S3::Bucket", _READ),
    "s3:PutObject": ("AWS::S3::Bucket", _WRITE),
    "sns:Publish": ("AWS::SNS::Topic", _BOTH),
    "sqs:SendMessage": ("AWS::SQS::Queue", _BOTH),
    "sqs:ReceiveMessage": ("AWS::SQS::Queue", _READ),
}
_TABLE = "AWS::DynamoDB::Table"


def needs(ctx: Context, need: seam.Needed, deployed: Deployed) -> list[seam.Needed]:
    """The rights on a key that come with a need; none where nothing is encrypted with a key of the account's own."""
    action, resource, _ = need
    kind, actions = _ACTIONS.get(action, (_TABLE, _READ) if action.startswith("dynamodb:") else ("", ()))
    if not kind:
        return []
    service = action.partition(":")[0]
    name = resource.rpartition(":")[2]
    name = name.partition("/")[0] if service == "s3" else name.rpartition("/")[2]
    key = deployed.keys.get((kind, name))
    if not key:
        return []
    arn = key if key.startswith("arn:") else f"arn:aws:kms:{ctx.region}:{ctx.account}:key/{key}"
    context = {"kms:ViaService": f"{service}.{ctx.region}.amazonaws.com", "kms:ResourceAliases": seam.key_aliases(arn)}
    return [(f"kms:{each}", arn, context) for each in actions]
