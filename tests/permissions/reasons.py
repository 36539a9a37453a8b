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


_DEMO = (
    "Monitoring judges months of traffic, and retraining follows it: `make demo` runs both, and the local AWS compares "
    "its calls too; no test runs so long."
)
_CODE_ONLY = (
    "tests/integration/test_batch_and_release_tests.py runs the code of the function, which is not deployed there."
)

_NOT_EMULATED = (
    Reason(
        "*",
        ("xray:PutTraceSegments", "xray:PutTelemetryRecords"),
        "Lambda sends the traces of a function with its role; the local AWS has no X-Ray.",
    ),
    Reason(
        "*",
        ("ec2:*",),
        "Lambda and SageMaker make network interfaces with the role of what runs in a VPC (Lambda developer guide, "
        "configuration-vpc; SageMaker developer guide, sagemaker-roles); processes here have none.",
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
        "AWS Backup copies the ledger with it (mlops_constructs/ledger_backup.py has the source); the local AWS records "
        "the plan and copies nothing.",
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
    Reason("serving/*", ("kms:Decrypt", "kms:GenerateDataKey"), "For the encrypted dead-letter queue of a schedule."),
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
        (
            *("sagemaker:AddTags", "sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob"),
            *("sagemaker:DescribeModelPackage", "iam:PassRole", "events:PutEvents", "ssm:GetParameter"),
            *("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "s3:GetObject", "s3:PutObject"),
            *("kms:Decrypt", "kms:GenerateDataKey", "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage"),
            *("ecr:GetAuthorizationToken", "ecr:GetDownloadUrlForLayer"),
        ),
        _DEMO,
    ),
    Reason(
        "monitoring/RetrainingFunction*",
        (
            *("sagemaker:StartPipelineExecution", "sagemaker:DescribePipelineExecution", "s3:GetObject", "sns:Publish"),
            *("sagemaker:ListPipelineExecutionSteps", "dynamodb:PutItem"),
        ),
        _DEMO,
    ),
    Reason(
        "monitoring/ScheduleRole*",
        ("sagemaker:StartPipelineExecution", "kms:Decrypt", "kms:GenerateDataKey"),
        "Scheduler starts the monitors at a time of the day that no test waits for, with the key for what fails.",
    ),
    Reason(
        "release/BatchFunction*",
        (
            *("cloudformation:DescribeStacks", "sagemaker:AddTags", "sagemaker:CreateTransformJob", "sns:Publish"),
            *("kms:Decrypt", "kms:GenerateDataKey", "logs:CreateLogStream", "logs:PutLogEvents"),
        ),
        _CODE_ONLY,
    ),
    Reason(
        "release/TestsFunction*",
        (
            *("cloudformation:DescribeStacks", "sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage"),
            *("sagemaker:InvokeEndpoint", "s3:GetObject", "sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"),
            *("logs:CreateLogStream", "logs:PutLogEvents"),
        ),
        _CODE_ONLY,
    ),
    Reason("release/Controller*", ("lambda:InvokeFunction",), "Only an environment with release tests asks for them."),
    Reason(
        "release/Controller*",
        ("s3:GetObject", "s3:PutObject", "sagemaker:DeleteModelPackage"),
        "Versions are retired after release.keep_versions of them; tests register fewer.",
    ),
    Reason(
        "serving/Role*",
        ("s3:GetObject", "s3:PutObject", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
        "Transform jobs with the model's own role: batch scoring is not deployed in the tests.",
    ),
    Reason(
        "serving/StopRole*", ("*",), "Only dev stops its endpoints at night; a test of the schedule sends it itself."
    ),
    Reason(
        "foundation/NetworkWatch*",
        ("logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogGroups"),
        "The network's own function and its flow logs are where there is a network.",
    ),
    Reason(
        "*/EmptyOnDelete*",
        (
            *("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ListBucketVersions"),
            *("sagemaker:DeleteModelPackage", "sagemaker:ListModelPackages"),
        ),
        "What a bucket or a registry holds is deleted with its stack: tests destroy one of the environments.",
    ),
    Reason("features/GroupsGuard*", ("cloudformation:DescribeStacks",), "Asked when a group changes."),
)

NOT_RUN = (
    "access/TrailWatchRole",
    "monitoring/MonitoringRole",
    "monitoring/ScheduleRole",
    "release/BatchFunctionRole",
)
"""Roles of the local environment, by how their names start, that no test lets AWS take; each right has a reason."""

REASONS = (*_NOT_EMULATED, *_ONLY_WHEN_IT_FAILS, *_ONLY_IN_OTHER_SHAPES)
