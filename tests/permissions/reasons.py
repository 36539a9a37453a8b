"""Why roles may do what no recorded call did.

What AWS does in a role's name where the local AWS does not, what only a failure brings about, and what needs more time
or another shape of environment than the tests have. A reason that nothing needs any more fails the tests.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """role, actions, resource: with `*` for anything."""

    role: str
    actions: tuple[str, ...]
    why: str
    resource: str = "*"


_NOT_EMULATED = (
    Reason(
        "*",
        ("xray:PutTraceSegments", "xray:PutTelemetryRecords"),
        "Lambda sends the traces of a function with its role; the local AWS has no X-Ray.",
    ),
    Reason(
        "*",
        ("ec2:*NetworkInterface*", "ec2:Describe*", "ec2:*PrivateIpAddresses"),
        "Lambda and SageMaker make network interfaces with the role of what runs in a VPC (Lambda developer guide, "
        "configuration-vpc; SageMaker developer guide, sagemaker-roles); processes here have none.",
    ),
    Reason(
        "foundation/NetworkWatchClosing*",
        ("ec2:RevokeSecurityGroupIngress",),
        "The group that comes with a VPC lets its members in on AWS; here it has no such rule.",
    ),
    Reason(
        "foundation/NetworkWatchFlowLogs*",
        ("logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogGroups"),
        "The network writes its flow logs with it; the local AWS has no traffic.",
    ),
    Reason(
        "*",
        ("codeartifact:*", "sts:GetServiceBearerToken"),
        "Jobs without internet install packages from CodeArtifact, which the local AWS has not.",
    ),
    Reason(
        "*/*Function*",
        ("kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"),
        "DynamoDB asks for them in the name of who uses a table (developer guide, encryption at rest, usage notes); "
        "which of them, and when, depends on its cache of keys.",
        resource="*:key/{{environment}-foundation/*",
    ),
    Reason(
        "governance/*",
        ("kms:CreateGrant",),
        "SageMaker encrypts a model card in the name of who makes it (developer guide, model cards, encryption).",
    ),
    Reason(
        "*/*Role*",
        ("kms:CreateGrant", "kms:DescribeKey", "kms:Encrypt"),
        "SageMaker makes grants for the volumes of endpoints and jobs, and encrypts outputs, with their role "
        "(developer guide, sagemaker-roles); processes here have no volumes.",
        resource="*:key/{{environment}-foundation/*",
    ),
    Reason(
        "*/*Role*",
        ("logs:DescribeLogStreams",),
        "Part of what the developer guide asks for containers (sagemaker-roles); here a stream is made without a look.",
    ),
    Reason(
        "*/*Role*",
        ("cloudwatch:PutMetricData",),
        "SageMaker publishes figures of jobs and containers with their role (developer guide, sagemaker-roles).",
    ),
    Reason(
        "*",
        ("s3:GetBucketLocation",),
        "SageMaker's and Athena's clients look for the region of a bucket before they use it; it tells nothing else.",
    ),
    Reason(
        "*",
        ("s3:AbortMultipartUpload",),
        "An upload in parts that fails is given up by who began it; files of the tests are too small for parts.",
    ),
    Reason(
        "*",
        ("s3:ListBucket",),
        "Without it S3 answers 403 for an object that is not there, where 404 is wanted.",
    ),
    Reason(
        "features/Groups*role*",
        ("glue:GetTable", "glue:UpdateTable", "kms:Decrypt", "s3:GetBucketAcl", "s3:GetObject", "s3:PutObjectAcl"),
        "Feature Store does it with the group's role (developer guide, feature store, offline store); the local one "
        "writes files only.",
    ),
    Reason(
        "*",
        ("sagemaker:GetRecord",),
        "AWS does not say whether BatchGetRecord, which is called, asks for it as well.",
        resource="*:feature-group/*",
    ),
    Reason(
        "foundation/LedgerBackupRole*",
        ("backup:DescribeBackupVault", "dynamodb:*", "kms:*"),
        "AWS Backup copies the ledger with it (ledger_backup.py has the source); the local AWS only records the plan.",
    ),
    Reason(
        "access/TrailWatchRole*",
        ("logs:CreateLogStream", "logs:PutLogEvents"),
        "CloudTrail writes its events with it; the local AWS records the trail and writes none.",
    ),
    Reason(
        "training/TrainingRole*",
        ("sagemaker:DescribeModelPackageGroup", "sagemaker:AddTags"),
        "SageMaker Pipelines looks for the group before it registers, and hands its tags on to the version.",
        resource="*:model-package*",
    ),
    Reason(
        "governance/*",
        (
            *("sagemaker:DescribeModelPackage*", "sagemaker:*Pipeline*", "s3:GetObject", "s3:ListBucketVersions"),
            "kms:Decrypt",
        ),
        "Versions of another environment of the same account: the tests have the second environment in another one.",
        resource="*{*elsewhere*",
    ),
    Reason(
        "*",
        ("s3:GetObject", "kms:Decrypt", "ssm:GetParameters", "cloudwatch:DescribeAlarms", "sagemaker:Describe*"),
        "What belongs to another environment is read by the ones that take versions from it.",
        resource="*{*elsewhere*",
    ),
)

_ONLY_WHEN_IT_FAILS = (
    Reason(
        "*", ("sqs:SendMessage",), "An event that failed three times; the tests let it come so far for one function."
    ),
    Reason("*", ("athena:StopQueryExecution",), "A query that takes longer than its function has time."),
    Reason("*", ("sagemaker:Stop*",), "A person stops an execution, and it stops its jobs."),
    Reason(
        "release/BatchFunction*",
        ("sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"),
        "A transform job that failed, or could not be started, is told in a message.",
    ),
    Reason(
        "monitoring/RetrainingFunction*",
        ("sagemaker:DescribePipelineExecution", "sagemaker:ListPipelineExecutionSteps"),
        "An execution that it started and that is no longer among the newest ones, and the steps of one that failed.",
    ),
)

_ONLY_IN_OTHER_SHAPES = (
    Reason(
        "*",
        ("sagemaker:*HyperParameterTuningJob", "sagemaker:AddTags"),
        "With the parameter Tune = true, which costs minutes.",
        resource="*:hyper-parameter-tuning-job/*",
    ),
    Reason(
        "governance/*", ("sagemaker:CreateContext",), "The first version of a model that is recorded after experiments."
    ),
    Reason("*", ("dynamodb:GetItem",), "Ledger.grant_append: an entry that is there already is read again."),
    Reason(
        "monitoring/MonitoringRole*",
        ("sagemaker:DescribeModelPackage", "s3:GetObject", "kms:Decrypt"),
        "Versions that come from another environment: the tests that have one let its monitors judge no traffic.",
    ),
    Reason(
        "monitoring/ScheduleRole*",
        ("sagemaker:StartPipelineExecution", "kms:Decrypt", "kms:GenerateDataKey"),
        "Scheduler starts the monitors at a time of the day that no test waits for, with the key for what fails.",
    ),
    Reason(
        "release/TestsFunction*",
        ("cloudformation:DescribeStacks",),
        "Asked when another version answers than the one that is tested: it was released meanwhile.",
    ),
    Reason(
        "release/Controller*",
        ("s3:GetObject", "s3:PutObject", "sagemaker:DeleteModelPackage"),
        "Versions are retired after release.keep_versions of them; tests register fewer.",
    ),
    Reason(
        "serving/StopRole*",
        (
            *("cloudformation:UpdateStack", "ssm:GetParameters", "sqs:SendMessage", "kms:Decrypt"),
            "kms:GenerateDataKey",
        ),
        "Only dev stops its endpoints at night; a test of the schedule sends it itself.",
    ),
    Reason(
        "*/EmptyOnDelete*",
        ("s3:DeleteObject", "s3:DeleteObjectVersion"),
        "Buckets of access logs are emptied with their stack; nothing writes into them here.",
        resource="*AccessLogs*",
    ),
    Reason(
        "access/EmptyOnDelete*",
        ("s3:DeleteObject", "s3:DeleteObjectVersion"),
        "The trail's bucket is emptied with its stack; nothing writes into it here.",
        resource="*TrailFiles*",
    ),
)

NOT_RUN = ("access/TrailWatchRole", "monitoring/ScheduleRole")
"""Roles of the local environment, by how their names start, that no test lets AWS take; each right has a reason."""

REASONS = (*_NOT_EMULATED, *_ONLY_WHEN_IT_FAILS, *_ONLY_IN_OTHER_SHAPES)
