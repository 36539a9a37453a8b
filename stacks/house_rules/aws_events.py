"""Which events AWS services send to EventBridge by themselves, of the services that this project may listen to.

Source: EventBridge events reference, one page for each service ("… sends the following events directly to
EventBridge"), read on 2026-11-21. A rule on an event that nobody sends deploys without an error and never fires.
"""

_SAGEMAKER = "aws.sagemaker"

SENT: dict[str, frozenset[str]] = {
    # events-ref-sagemaker; pipelines: developer guide, events that SageMaker AI sends to EventBridge
    _SAGEMAKER: frozenset(
        f"SageMaker {each}"
        for each in (
            "Algorithm State Change",
            "Endpoint Config State Change",
            "Endpoint Deployment State Change",
            "Endpoint State Change",
            "Feature Group State Change",
            "HyperParameter Tuning Job State Change",
            "Image State Change",
            "Image Version State Change",
            "Model Building Pipeline Execution Status Change",
            "Model Building Pipeline Execution Step Status Change",
            "Model Card Export Job State Change",
            "Model Card State Change",
            "Model Package State Change",
            "Model State Change",
            "Monitoring Schedule State Change",
            "Notebook Instance State Change",
            "Processing Job State Change",
            "Training Job State Change",
            "Transform Job State Change",
        )
    ),
    # events-ref-backup
    "aws.backup": frozenset(
        f"{each} State Change" for each in ("Backup Job", "Copy Job", "Recovery Point", "Restore Job", "Backup Vault")
    ),
    # events-ref-cloudformation
    "aws.cloudformation": frozenset(
        f"CloudFormation {each} Status Change"
        for each in ("Drift Detection", "Resource", "Stack", "StackSet", "StackSet Operation", "StackSet StackInstance")
    ),
    # events-ref-cloudwatch
    "aws.cloudwatch": frozenset(
        f"CloudWatch Alarm {each} Change" for each in ("Configuration", "Contributor State", "State")
    ),
    # events-ref-codebuild, -codecommit, -codepipeline
    "aws.codebuild": frozenset(("CodeBuild Build Phase Change", "CodeBuild Build State Change")),
    "aws.codecommit": frozenset(("CodeCommit Pull Request State Change", "CodeCommit Repository State Change")),
    "aws.codepipeline": frozenset(
        f"CodePipeline {each} Execution State Change" for each in ("Action", "Pipeline", "Stage")
    ),
    # events-ref-s3
    "aws.s3": frozenset(
        f"Object {each}"
        for each in (
            "ACL Updated",
            "Access Tier Changed",
            "Created",
            "Deleted",
            "Restore Completed",
            "Restore Expired",
            "Restore Initiated",
            "Storage Class Changed",
            "Tags Added",
            "Tags Deleted",
        )
    ),
    # Systems Manager user guide: EventBridge event patterns and types
    "aws.ssm": frozenset(("Parameter Store Change", "Parameter Store Policy Action")),
    "aws.events": frozenset(("Scheduled Event",)),
}
"""Detail types by source."""

BY_CLOUDTRAIL = frozenset(("AWS API Call via CloudTrail", "AWS Service Event via CloudTrail"))
"""What any service can send, where there is a trail."""
