"""Records as CloudTrail writes them (user guide: record contents), of a week in an environment called mlops-local."""

from typing import Any

ACCOUNT, REGION = "111122223333", "eu-west-1"
DAY = "2026/11/21"
Record = dict[str, Any]

_SAGEMAKER = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"


def session(role: str, name: str) -> Record:
    """userIdentity of somebody in a role."""
    issuer = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLEEXAMPLE123:{name}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}",
        "accountId": ACCOUNT,
        "accessKeyId": "ASIAEXAMPLEEXAMPLE12",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROAEXAMPLEEXAMPLE123",
                "arn": issuer,
                "accountId": ACCOUNT,
                "userName": role,
            },
            "attributes": {"creationDate": "2026-11-21T08:00:00Z", "mfaAuthenticated": "false"},
        },
    }


ANN, BEN, EVE = (
    session("AWSReservedSSO_Approver_0123456789abcdef", "ann@example.com"),
    session("AWSReservedSSO_Operator_0123456789abcdef", "ben@example.com"),
    session("AWSReservedSSO_DataScientist_0123456789abcdef", "eve@example.com"),
)
ANN_OPERATES = session("AWSReservedSSO_Operator_0123456789abcdef", "ann@example.com")
CONTROLLER = session("mlops-local-loan-approval-release-ControllerRole", "mlops-local-loan-approval-release")
KEEPER = session("mlops-local-loan-approval-governance-KeeperRole", "keeper")
SERVICE = {"type": "AWSService", "invokedBy": "sagemaker.amazonaws.com"}


def call(source: str, name: str, who: Record, at: str = "09:00:00", **more: Any) -> Record:
    """A record of a call that changed something; `more` overrides what is usual."""
    identifier = f"{name}-{at}".replace(":", "").lower()
    return {
        "eventVersion": "1.11",
        "userIdentity": who,
        "eventTime": f"2026-11-21T{at}Z",
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "203.0.113.7",
        "userAgent": "Boto3/1.44.5",
        "requestParameters": None,
        "responseElements": None,
        "requestID": f"request-{identifier}",
        "eventID": identifier,
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": f"{source}.{REGION}.amazonaws.com",
        },
    } | more


def denied(record: Record, message: str) -> Record:
    """The same call, refused: a service that refuses often leaves out what was asked."""
    return record | {"errorCode": "AccessDenied", "errorMessage": message, "requestParameters": None}


def decision(
    who: Record, version: int, status: str | None, at: str, group: str = "mlops-local-loan-approval"
) -> Record:
    asked: Record = {"modelPackageArn": f"{_SAGEMAKER}:model-package/{group}/{version}"}
    if status:
        asked |= {"modelApprovalStatus": status, "approvalDescription": "reviewed with the risk office"}
    else:
        asked |= {"customerMetadataProperties": {"manifest": "s3://evidence/loan_approval/version-3/"}}
    return call(
        "sagemaker",
        "UpdateModelPackage",
        who,
        at,
        requestParameters=asked,
        responseElements={"modelPackageArn": asked["modelPackageArn"]},
    )


def parameter(who: Record, name: str, number: int, at: str) -> Record:
    return call(
        "ssm",
        "PutParameter",
        who,
        at,
        requestParameters={
            "name": f"/mlops/local/loan-approval/release/{name}",
            "type": "String",
            "overwrite": True,
            "value": "HIDDEN_DUE_TO_SECURITY_REASONS",
        },
        responseElements={"version": number, "tier": "Standard"},
    )


def on_object(who: Record, name: str, bucket: str, key: str, at: str, **more: Any) -> Record:
    """A data event of S3."""
    reads = name.startswith(("Get", "Head"))
    return call(
        "s3",
        name,
        who,
        at,
        requestParameters={"bucketName": bucket, "Host": f"{bucket}.s3.amazonaws.com", "key": key},
        responseElements=None if reads else {"x-amz-version-id": "3sL4kqtJlcpXroDTDmJ"},
        additionalEventData={"SignatureVersion": "SigV4", "bytesTransferredOut": 1024},
        readOnly=reads,
        resources=[
            {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{bucket}/{key}"},
            {"accountId": ACCOUNT, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}"},
        ],
        managementEvent=False,
        eventCategory="Data",
        **more,
    )


def record_put(who: Record, group: str, at: str) -> Record:
    """A data event of the feature store."""
    return call(
        "sagemaker",
        "PutRecord",
        who,
        at,
        requestParameters={"featureGroupName": group, "record": "HIDDEN_DUE_TO_SECURITY_REASONS"},
        resources=[
            {
                "accountId": ACCOUNT,
                "type": "AWS::SageMaker::FeatureGroup",
                "ARN": f"{_SAGEMAKER}:feature-group/{group}",
            }
        ],
        managementEvent=False,
        eventCategory="Data",
    )


def started(who: Record, pipeline: str, at: str) -> Record:
    return call(
        "sagemaker",
        "StartPipelineExecution",
        who,
        at,
        requestParameters={"pipelineName": pipeline, "clientRequestToken": "0f1e2d3c"},
        responseElements={"pipelineExecutionArn": f"{_SAGEMAKER}:pipeline/{pipeline}/execution/abc123def456"},
    )


def stopped(who: Record, pipeline: str, at: str) -> Record:
    execution = f"{_SAGEMAKER}:pipeline/{pipeline}/execution/abc123def456"
    return call("sagemaker", "StopPipelineExecution", who, at, requestParameters={"pipelineExecutionArn": execution})
