"""The build that makes a model: `mlops new-model` in a clone of the repository, tested, on a branch of its own."""

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.acknowledge import acknowledge_in_standards
from mlops_constructs.build_machine import Builds, machine
from mlops_constructs.data_protection import DataProtection
from mlops_constructs.encrypted_bucket import EncryptedBucket
from mlops_constructs.project_source import BRANCHES, ProjectSource

TOLD = "builds"
"""Below it in the bucket a build says what it came to; the controller's gateway has the same."""
TIMEOUT = cdk.Duration.minutes(45)
"""Well before CloudFormation gives up waiting."""

_OWN = "A build writes below its own id, which is known when it runs; the bucket holds nothing else there."
_NO_REPOSITORY = "The build clones by itself, with credentials of its role; no token is kept."

COMMANDS = (
    "set -euo pipefail",
    "said=/tmp/said.txt",  # outside of the clone, which is committed as a whole
    'told="s3://$BUCKET/' + TOLD + '/${CODEBUILD_BUILD_ID##*:}"',
    # The last line of what failed is the reason that the project shows.
    'step() { "$@" > $said 2>&1 && cat $said || '
    '{ cat $said; tail -n 1 $said | aws s3 cp --quiet - "$told/reason.txt"; exit 1; }; }',
    "git config --global credential.helper '!aws codecommit credential-helper $@'",
    "git config --global credential.UseHttpPath true",
    'git config --global user.name "$PROJECT_NAME" && git config --global user.email "$OWNER"',
    'folder="${MODEL//-/_}" branch="' + BRANCHES + '/${MODEL//_/-}"',
    'step git clone --quiet --depth 1 --branch "$BRANCH" "$REPOSITORY" repository',
    "cd repository",
    "step make install",
    'step .venv/bin/python -m mlops new-model "$MODEL" --owner "$OWNER" --project-id "$PROJECT_ID" '
    '--project-name "$PROJECT_NAME"',
    "step make snapshots",
    'step make test ARGS="tests/unit/$folder tests/infra"',
    "step make lint",
    'git checkout --quiet -b "$branch" && git add --all',
    'git commit --quiet -m "A new model: $MODEL, of the project $PROJECT_NAME ($PROJECT_ID)"',
    'step git push origin "$branch"',
    'review="$branch"',
    'if [ -n "$PULL_REQUESTS_IN" ]; then step aws codecommit create-pull-request --title "New model: $MODEL" --targets '
    '"repositoryName=$PULL_REQUESTS_IN,sourceReference=$branch,destinationReference=$BRANCH" '
    "--query pullRequest.pullRequestId --output text; "
    'review="pull request $(tail -n 1 $said) of $PULL_REQUESTS_IN"; fi',
    'printf \'{"Branch": "%s", "Review": "%s"}\' "$branch" "$review" | aws s3 cp --quiet - "$told/result.json"',
)

# One command: CodeBuild runs each in a shell of its own, and hands on variables, but no functions.
SCRIPT = "\n".join(COMMANDS)


class ProjectBuild(codebuild.Project):
    """Unprivileged; pushes to branches of new models, and to no other repository."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        source: ProjectSource,
        bucket: EncryptedBucket,
        protection: DataProtection,
    ) -> None:
        role = iam.Role(scope, f"{construct_id}Role", assumed_by=iam.ServicePrincipal("codebuild.amazonaws.com"))
        variables = {
            "BUCKET": bucket.bucket_name,
            "REPOSITORY": source.url,
            "BRANCH": source.settings.branch,
            "PULL_REQUESTS_IN": source.pull_requests_in,
        }
        builds = Builds([SCRIPT], timeout=TIMEOUT, compute="medium", variables=variables)
        waits = cdk.Duration.minutes(10)
        settings = machine(scope, construct_id, builds=builds, role=role, protection=protection, waits=waits)
        description = f"Makes models for {cdk.Stack.of(scope).stack_name}"
        super().__init__(scope, construct_id, description=description, **settings)
        allow(role, ["s3:PutObject"], [bucket.arn_for_objects(f"{TOLD}/*")], why=_OWN)
        allow(role, ["kms:GenerateDataKey"], [protection.key.key_arn])
        source.grant(role)
        acknowledge_in_standards(self, {"CodeBuildProjectSourceRepoUrl": _NO_REPOSITORY})
