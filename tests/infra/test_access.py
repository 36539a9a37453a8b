"""Each role does what its commands need and no more; what is recorded of everybody cannot be turned off by them."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mlops.commands.card import EXPORTS
from tests.infra.environments import ROOT, Template, flat, new_app
from tests.infra.permissions import ACCOUNT, REGION, Person, resolved

HERE = f"{REGION}:{ACCOUNT}"
DATA_SCIENTIST, APPROVER, OPERATOR, AUDITOR = "PeopleDataScientist", "PeopleApprover", "PeopleOperator", "PeopleAuditor"
EVERYBODY = (DATA_SCIENTIST, APPROVER, OPERATOR, AUDITOR)

VERSION = f"arn:aws:sagemaker:{HERE}:model-package/mlops-local-loan-approval/3"
GROUP = f"arn:aws:sagemaker:{HERE}:model-package-group/mlops-local-loan-approval"
ENDPOINT = f"arn:aws:sagemaker:{HERE}:endpoint/mlops-local-loan-approval"
TRAINING = f"arn:aws:sagemaker:{HERE}:pipeline/mlops-local-loan-approval-training"
MONITORING = f"arn:aws:sagemaker:{HERE}:pipeline/mlops-local-loan-approval-monitoring"
FEATURES = f"arn:aws:sagemaker:{HERE}:feature-group/mlops-local-bank-history"
JOB = f"arn:aws:sagemaker:{HERE}:training-job/pipelines-abc-TrainModel-def"
RELEASE = f"arn:aws:ssm:{HERE}:parameter/mlops/local/loan-approval/release"
LEDGER = f"arn:aws:dynamodb:{HERE}:table/ledger"
KEY = f"arn:aws:kms:{HERE}:key/key"
LOGS = f"arn:aws:logs:{HERE}:log-group"
TRAIL = f"arn:aws:cloudtrail:{HERE}:trail/mlops-local-audit"
CARD = f"arn:aws:sagemaker:{HERE}:model-card/mlops-local-loan-approval-v3"
PREDICTIONS = f"arn:aws:athena:{HERE}:workgroup/mlops-local-loan-approval-predictions"
ANSWERS = "arn:aws:s3:::capture/loan_approval/queries"
BUNDLES = f"arn:aws:s3:::cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
WORKGROUP = f"arn:aws:athena:{HERE}:workgroup/mlops-local-audit"

STATUS = "sagemaker__ModelApprovalStatus"
METADATA = "sagemaker__CustomerMetadataProperties__"
REMOVED = "sagemaker__CustomerMetadataPropertiesToRemove"
PARTITIONS = "dynamodb__LeadingKeys"
BY_ATHENA = {"aws__CalledVia": ["athena.amazonaws.com"]}


@pytest.fixture(scope="module")
def access(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Any, Template]]:
    """`access("prod")`: the stack beside its foundation, and its template; `[access]` and `[audit]` may be added to."""

    @cache
    def synthesize(environment: str, addition: str = "") -> tuple[Any, Template]:
        from mlops_constructs.naming import EnvironmentNames
        from stacks.access import AccessStack
        from stacks.foundation import FoundationStack
        from stacks.settings import load

        folder = tmp_path_factory.mktemp(environment)
        for file in (ROOT / "config").glob("*.toml"):
            text = file.read_text() + (f"\n{addition}\n" if file.stem == environment else "")
            (folder / file.name).write_text(text)
        settings = load(folder, environment)
        names = EnvironmentNames(settings.project, environment)
        app = new_app(folder / "cdk.out")
        shared = FoundationStack(app, names.foundation_stack, names=names, settings=settings)
        stack = AccessStack(app, names.access_stack, names=names, settings=settings, foundation=shared.foundation)
        app.synth()
        text = Path(app.outdir, f"{names.access_stack}.template.json").read_text()
        return stack, Template(json.loads(text))

    return synthesize


@pytest.fixture
def person(access: Callable[..., tuple[Any, Template]]) -> Callable[..., Person]:
    """Somebody in a role of the local environment; statements may be added to the role."""
    return lambda role, *added, environment="local": Person.of(access(environment)[1], role, *added)


@pytest.mark.parametrize(
    ("who", "action", "resource", "context", "allowed"),
    [
        # Training: one may, the others may not.
        (DATA_SCIENTIST, "sagemaker:StartPipelineExecution", TRAINING, {}, True),
        (DATA_SCIENTIST, "sagemaker:StopPipelineExecution", f"{TRAINING}/execution/abc", {}, True),
        (DATA_SCIENTIST, "sagemaker:StartPipelineExecution", MONITORING, {}, True),
        (APPROVER, "sagemaker:StartPipelineExecution", TRAINING, {}, False),
        (OPERATOR, "sagemaker:StartPipelineExecution", TRAINING, {}, False),
        (OPERATOR, "sagemaker:StartPipelineExecution", MONITORING, {}, True),
        (AUDITOR, "sagemaker:StartPipelineExecution", MONITORING, {}, False),
        # Code of one's own with the pipeline's role: nobody.
        (DATA_SCIENTIST, "sagemaker:CreatePipeline", TRAINING, {}, False),
        (DATA_SCIENTIST, "sagemaker:UpdatePipeline", TRAINING, {}, False),
        (DATA_SCIENTIST, "sagemaker:CreateTrainingJob", JOB, {}, False),
        (DATA_SCIENTIST, "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/mlops-local-loan-approval-training", {}, False),
        # Approving: only a decision, and only about versions of this environment.
        (APPROVER, "sagemaker:UpdateModelPackage", VERSION, {STATUS: "Approved"}, True),
        (APPROVER, "sagemaker:UpdateModelPackage", VERSION, {STATUS: "Rejected"}, True),
        (APPROVER, "sagemaker:UpdateModelPackage", VERSION, {STATUS: "PendingManualApproval"}, False),
        (APPROVER, "sagemaker:UpdateModelPackage", VERSION, {}, False),
        (APPROVER, "sagemaker:UpdateModelPackage", VERSION.replace("local", "prod"), {STATUS: "Approved"}, False),
        (APPROVER, "sagemaker:DeleteModelPackage", VERSION, {}, False),
        (DATA_SCIENTIST, "sagemaker:UpdateModelPackage", VERSION, {STATUS: "Approved"}, False),
        (OPERATOR, "sagemaker:UpdateModelPackage", VERSION, {STATUS: "Approved"}, False),
        (AUDITOR, "sagemaker:UpdateModelPackage", VERSION, {STATUS: "Rejected"}, False),
        # What an approval may bring along: who and how, not what others vouch for.
        (
            APPROVER,
            "sagemaker:UpdateModelPackage",
            VERSION,
            {STATUS: "Approved", f"{METADATA}approved_by": "ann", f"{METADATA}release_strategy": "replace"},
            True,
        ),
        (APPROVER, "sagemaker:UpdateModelPackage", VERSION, {STATUS: "Approved", REMOVED: ["release_strategy"]}, True),
        (APPROVER, "sagemaker:UpdateModelPackage", VERSION, {STATUS: "Approved", REMOVED: ["local-tests"]}, False),
        (
            APPROVER,
            "sagemaker:UpdateModelPackage",
            VERSION,
            {STATUS: "Approved", REMOVED: ["release_strategy", "manifest"]},
            False,
        ),
        (APPROVER, "sagemaker:UpdateModelPackage", VERSION, {STATUS: "Approved", f"{METADATA}manifest": "s3"}, False),
        (
            APPROVER,
            "sagemaker:UpdateModelPackage",
            VERSION,
            {STATUS: "Approved", f"{METADATA}local-tests": "passed"},
            False,
        ),
        # Releasing: people ask by two parameters, and only operators do.
        (OPERATOR, "ssm:PutParameter", f"{RELEASE}/command", {}, True),
        (OPERATOR, "ssm:PutParameter", f"{RELEASE}/allowed", {}, True),
        (OPERATOR, "ssm:PutParameter", f"{RELEASE}/champion", {}, False),
        (OPERATOR, "ssm:PutParameter", f"{RELEASE}/allowed".replace("local", "prod"), {}, False),
        (APPROVER, "ssm:PutParameter", f"{RELEASE}/allowed", {}, False),
        (DATA_SCIENTIST, "ssm:PutParameter", f"{RELEASE}/command", {}, False),
        (AUDITOR, "ssm:PutParameter", f"{RELEASE}/command", {}, False),
        (OPERATOR, "sagemaker:UpdateEndpointWeightsAndCapacities", ENDPOINT, {}, False),
        (OPERATOR, "cloudformation:UpdateStack", f"arn:aws:cloudformation:{HERE}:stack/mlops-local-x/1", {}, False),
        # Data: who learns from them reads them, nobody changes them by hand.
        (DATA_SCIENTIST, "s3:GetObjectVersion", "arn:aws:s3:::data/loan_approval/loans.csv.gz", {}, True),
        (DATA_SCIENTIST, "s3:PutObject", "arn:aws:s3:::data/loan_approval/loans.csv.gz", {}, False),
        (DATA_SCIENTIST, "sagemaker:BatchGetRecord", FEATURES, {}, True),
        (DATA_SCIENTIST, "sagemaker:PutRecord", FEATURES, {}, False),
        (OPERATOR, "sagemaker:PutRecord", FEATURES, {}, False),  # its model's pipeline does that here
        (APPROVER, "s3:GetObject", "arn:aws:s3:::data/loan_approval/loans.csv.gz", {}, False),
        (OPERATOR, "s3:GetObject", "arn:aws:s3:::data/loan_approval/loans.csv.gz", {}, False),
        # Whether the data of a version are still there: S3 tells it to who may read them.
        (AUDITOR, "s3:GetObjectVersion", "arn:aws:s3:::data/loan_approval/loans.csv.gz", {}, True),
        (AUDITOR, "s3:GetObjectVersion", f"{BUNDLES}/0123.tar.gz", {}, True),
        (DATA_SCIENTIST, "s3:GetObjectVersion", f"{BUNDLES}/0123.tar.gz", {}, True),
        (AUDITOR, "s3:GetObject", f"{BUNDLES}/0123.zip", {}, False),
        (APPROVER, "s3:GetObject", f"{BUNDLES}/0123.tar.gz", {}, False),
        (OPERATOR, "s3:GetObject", "arn:aws:s3:::capture/loan_approval/x.jsonl", {}, True),
        (DATA_SCIENTIST, "s3:GetObject", "arn:aws:s3:::capture/loan_approval/x.jsonl", {}, False),
        # What a version answered: Athena reads it, and writes the answers, for who asks.
        (AUDITOR, "athena:StartQueryExecution", PREDICTIONS, {}, True),
        (OPERATOR, "athena:StartQueryExecution", PREDICTIONS, {}, True),
        (APPROVER, "athena:StartQueryExecution", PREDICTIONS, {}, False),
        (DATA_SCIENTIST, "athena:StartQueryExecution", PREDICTIONS, {}, False),
        (AUDITOR, "glue:GetTable", f"arn:aws:glue:{HERE}:table/mlops_local_loan_approval/captured", {}, True),
        (AUDITOR, "glue:GetDatabase", f"arn:aws:glue:{HERE}:database/default", {}, True),
        (AUDITOR, "glue:GetTable", f"arn:aws:glue:{HERE}:table/mlops_prod_loan_approval/captured", {}, False),
        (AUDITOR, "s3:GetObject", "arn:aws:s3:::capture/loan_approval/x.jsonl", {}, True),
        (AUDITOR, "s3:PutObject", f"{ANSWERS}/x.csv", BY_ATHENA, True),
        (AUDITOR, "s3:PutObject", f"{ANSWERS}/x.csv", {}, False),
        (OPERATOR, "s3:PutObject", f"{ANSWERS}/x.csv", BY_ATHENA, True),
        (OPERATOR, "s3:PutObject", f"{ANSWERS}/x.csv", {}, False),
        (OPERATOR, "s3:PutObject", "arn:aws:s3:::capture/loan_approval/ground-truth/x.jsonl", BY_ATHENA, False),
        # Cards: shown to all, exported by auditors into one folder of the model.
        (AUDITOR, "sagemaker:CreateModelCardExportJob", CARD, {}, True),
        (AUDITOR, "sagemaker:DescribeModelCardExportJob", f"{CARD}/export-job/x", {}, True),
        (AUDITOR, "s3:PutObject", f"arn:aws:s3:::artifacts/loan_approval/{EXPORTS}/version-3/x.pdf", {}, True),
        (AUDITOR, "s3:PutObject", "arn:aws:s3:::artifacts/loan_approval/monitoring/x.json", {}, False),
        (AUDITOR, "sagemaker:UpdateModelCard", CARD, {}, False),
        (APPROVER, "sagemaker:CreateModelCardExportJob", CARD, {}, False),
        # Logs: of jobs for who trains, of functions too for who operates.
        (DATA_SCIENTIST, "logs:GetLogEvents", f"{LOGS}:/aws/sagemaker/TrainingJobs:log-stream:x", {}, True),
        (DATA_SCIENTIST, "logs:GetLogEvents", f"{LOGS}:mlops-local-loan-approval-release-x:log-stream:y", {}, False),
        (OPERATOR, "logs:GetLogEvents", f"{LOGS}:mlops-local-loan-approval-release-x:log-stream:y", {}, True),
        (OPERATOR, "logs:GetLogEvents", f"{LOGS}:/aws/lambda/other:log-stream:y", {}, False),
        # The ledger: read by all, reviews noted by approvers, decisions by the controller alone.
        (APPROVER, "dynamodb:PutItem", LEDGER, {PARTITIONS: ["loan-approval#reviews"]}, True),
        (APPROVER, "dynamodb:PutItem", LEDGER, {PARTITIONS: ["loan-approval"]}, False),
        (OPERATOR, "dynamodb:PutItem", LEDGER, {PARTITIONS: ["loan-approval#reviews"]}, True),
        (OPERATOR, "dynamodb:PutItem", LEDGER, {PARTITIONS: ["loan-approval#evidence"]}, False),
        (DATA_SCIENTIST, "dynamodb:PutItem", LEDGER, {PARTITIONS: ["loan-approval#reviews"]}, False),
        (AUDITOR, "dynamodb:PutItem", LEDGER, {PARTITIONS: ["loan-approval#reviews"]}, False),
        (AUDITOR, "dynamodb:Query", LEDGER, {PARTITIONS: ["loan-approval"]}, True),
        # The trail: auditors ask it, and write answers in one place.
        (AUDITOR, "athena:StartQueryExecution", WORKGROUP, {}, True),
        (AUDITOR, "s3:GetObject", f"arn:aws:s3:::trail/AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/x.json.gz", {}, True),
        (AUDITOR, "s3:PutObject", "arn:aws:s3:::artifacts/audit-queries/x.csv", {}, True),
        (AUDITOR, "s3:PutObject", "arn:aws:s3:::artifacts/loan_approval/model.tar.gz", {}, False),
        (AUDITOR, "cloudtrail:ListPublicKeys", "*", {}, True),
        (AUDITOR, "cloudtrail:GetTrailStatus", TRAIL, {}, True),
        (OPERATOR, "athena:StartQueryExecution", WORKGROUP, {}, False),
        (OPERATOR, "s3:GetObject", f"arn:aws:s3:::trail/AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/x.json.gz", {}, False),
        (AUDITOR, "iam:GetRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/mlops-local-access-PeopleApproverRole", {}, True),
    ],
)
def test_role_may_do_what_it_is_for(
    who: str, action: str, resource: str, context: dict[str, Any], allowed: bool, person: Callable[..., Person]
) -> None:
    assert person(who).may(action, resource, **context) is allowed


@pytest.mark.parametrize("who", EVERYBODY)
@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("sagemaker:ListModelPackages", "*"),
        ("sagemaker:DescribeModelPackageGroup", GROUP),
        ("sagemaker:DescribeModelPackage", VERSION),
        ("sagemaker:DescribeEndpoint", ENDPOINT),
        ("sagemaker:ListPipelineExecutions", TRAINING),
        ("sagemaker:DescribePipelineExecution", f"{TRAINING}/execution/abc"),
        ("sagemaker:DescribePipelineDefinitionForExecution", f"{TRAINING}/execution/abc"),
        ("sagemaker:ListPipelineExecutionSteps", f"{MONITORING}/execution/abc"),
        ("sagemaker:DescribeTrainingJob", JOB),
        ("sagemaker:QueryLineage", "*"),
        ("sagemaker:DescribeModelCard", CARD),
        *((f"sagemaker:List{kind}", "*") for kind in ("Actions", "Artifacts", "Contexts", "ModelCards")),
        ("ssm:GetParametersByPath", f"arn:aws:ssm:{HERE}:parameter/mlops/local/loan-approval/release"),
        ("ssm:GetParameterHistory", f"{RELEASE}/allowed"),
        ("ssm:DescribeParameters", "*"),
        ("cloudformation:DescribeStacks", f"arn:aws:cloudformation:{HERE}:stack/mlops-local-foundation/1"),
        ("cloudwatch:DescribeAlarms", "*"),
        ("scheduler:GetSchedule", f"arn:aws:scheduler:{HERE}:schedule/default/mlops-local-loan-approval-monitoring"),
        ("dynamodb:Query", LEDGER),
        ("kms:Decrypt", KEY),
        ("s3:GetObject", "arn:aws:s3:::evidence/loan_approval/version-3/revision-0001.json"),
        ("s3:GetObjectVersion", "arn:aws:s3:::evidence/loan_approval/version-3/revision-0001.json"),
        ("s3:ListBucketVersions", "arn:aws:s3:::evidence"),
        ("s3:GetObjectVersion", "arn:aws:s3:::artifacts/loan_approval/models/x/output/model.tar.gz"),
        ("s3:GetObject", "arn:aws:s3:::artifacts/loan_approval/monitoring/latest.json"),
    ],
)
def test_everybody_may_ask_what_goes_on(who: str, action: str, resource: str, person: Callable[..., Person]) -> None:
    """What `status`, `history`, `monitor`, `lineage`, `audit` and `card` read."""
    assert person(who).may(action, resource)


ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
"""What an administrator in a hurry attaches."""


@pytest.mark.parametrize(
    ("who", "action", "resource", "context"),
    [
        (DATA_SCIENTIST, "sagemaker:UpdateModelPackage", VERSION, {STATUS: "Approved"}),
        (DATA_SCIENTIST, "sagemaker:CreateModelPackage", VERSION, {STATUS: "Approved"}),
        (DATA_SCIENTIST, "ssm:PutParameter", f"{RELEASE}/allowed", {}),
        (APPROVER, "sagemaker:StartPipelineExecution", TRAINING, {}),
        (APPROVER, "sagemaker:CreateTrainingJob", JOB, {}),
        (APPROVER, "sagemaker:CreateModelPackage", VERSION, {STATUS: "PendingManualApproval"}),
        (APPROVER, "sagemaker:PutRecord", FEATURES, {}),
        (APPROVER, "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/any", {}),
        (APPROVER, "s3:PutObject", "arn:aws:s3:::data/loan_approval/loans.csv.gz", {}),
        (APPROVER, "s3:PutObject", "arn:aws:s3:::artifacts/loan_approval/model.tar.gz", {}),
        (APPROVER, "ssm:PutParameter", f"{RELEASE}/allowed", {}),
        (OPERATOR, "sagemaker:UpdateModelPackage", VERSION, {STATUS: "Approved"}),
        (OPERATOR, "sagemaker:UpdateModelPackage", VERSION, {}),
        (OPERATOR, "sagemaker:StartPipelineExecution", TRAINING, {}),
        (OPERATOR, "sagemaker:RetryPipelineExecution", f"{TRAINING}/execution/abc", {}),
        (OPERATOR, "sagemaker:CreateTrainingJob", JOB, {}),
        (OPERATOR, "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/any", {}),
        (AUDITOR, "sagemaker:StartPipelineExecution", MONITORING, {}),
        (AUDITOR, "s3:PutObject", "arn:aws:s3:::data/loan_approval/loans.csv.gz", {}),
        (AUDITOR, "dynamodb:PutItem", LEDGER, {PARTITIONS: ["loan-approval#reviews"]}),
        (AUDITOR, "lambda:InvokeFunction", f"arn:aws:lambda:{HERE}:function:any", {}),
        (AUDITOR, "iam:AttachRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/any", {}),
    ],
)
def test_what_separates_people_survives_a_right_that_somebody_adds(
    who: str, action: str, resource: str, context: dict[str, Any], person: Callable[..., Person]
) -> None:
    assert not person(who, ALL).may(action, resource, **context)
    assert person(who, ALL).may("sagemaker:DescribeModelPackage", VERSION)


@pytest.mark.parametrize("who", EVERYBODY)
@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:PutObject", "arn:aws:s3:::evidence/loan_approval/version-3/revision-0002.json"),
        ("s3:DeleteObjectVersion", "arn:aws:s3:::evidence/loan_approval/version-3/revision-0001.json"),
        ("s3:PutObjectRetention", "arn:aws:s3:::evidence/loan_approval/version-3/revision-0001.json"),
        ("s3:BypassGovernanceRetention", "arn:aws:s3:::trail/x"),
        ("s3:PutBucketPolicy", "arn:aws:s3:::evidence"),
        ("s3:PutBucketVersioning", "arn:aws:s3:::evidence"),
        ("cloudtrail:StopLogging", TRAIL),
        ("cloudtrail:PutEventSelectors", TRAIL),
        ("kms:ScheduleKeyDeletion", KEY),
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/mlops-local-access-PeopleApproverRole796CBDE4-x"),
    ],
)
def test_nobody_of_them_loosens_what_protects_the_evidence(
    who: str, action: str, resource: str, person: Callable[..., Person]
) -> None:
    assert not person(who).may(action, resource)
    assert not person(who, ALL).may(action, resource)


def test_production_decides_about_the_versions_of_staging_and_lets_them_in_by_another_role(
    person: Callable[..., Person],
) -> None:
    version = VERSION.replace("local", "staging")
    allowed = f"{RELEASE}/allowed".replace("local", "prod")
    approver, operator = (person(role, environment="prod") for role in (APPROVER, OPERATOR))
    assert approver.may("sagemaker:UpdateModelPackage", version, **{STATUS: "Approved"})
    assert not approver.may("ssm:PutParameter", allowed)
    assert operator.may("ssm:PutParameter", allowed)
    assert not operator.may("sagemaker:UpdateModelPackage", version, **{STATUS: "Approved"})
    for proof in ("staging-tests", "prod-tests"):
        context = {STATUS: "Approved", f"{METADATA}{proof}": "passed"}
        assert not approver.may("sagemaker:UpdateModelPackage", version, **context)


@pytest.mark.parametrize("who", EVERYBODY)
def test_production_sees_how_the_versions_of_staging_were_made(who: str, person: Callable[..., Person]) -> None:
    somebody = person(who, environment="prod")
    execution = f"{TRAINING}/execution/abc".replace("local", "staging")
    for action in ("DescribePipelineExecution", "DescribePipelineDefinitionForExecution"):
        assert somebody.may(f"sagemaker:{action}", execution)
        assert not person(who).may(f"sagemaker:{action}", execution)
    assert not somebody.may("sagemaker:StartPipelineExecution", TRAINING.replace("local", "staging"))
    made = "arn:aws:s3:::elsewhere-artifacts/loan_approval/models/x/output/model.tar.gz"
    assert somebody.may("s3:GetObjectVersion", made) is (who in (DATA_SCIENTIST, AUDITOR))
    assert not somebody.may("s3:PutObject", made)


def test_an_operator_ingests_into_feature_groups_that_no_pipeline_fills(
    access: Callable[..., tuple[Any, Template]],
) -> None:
    ingest = ("PutRecord", "GetRecord", "BatchGetRecord", "DescribeFeatureGroup")
    operator = Person.of(access("prod")[1], OPERATOR)  # which trains nothing
    assert all(operator.may(f"sagemaker:{each}", FEATURES.replace("local", "prod")) for each in ingest)
    assert not operator.may("sagemaker:DeleteRecord", FEATURES.replace("local", "prod"))
    assert not operator.may("sagemaker:PutRecord", FEATURES.replace("local", "staging"))
    beside = (
        "[feature_groups.beside]\ndescription = 'x'\nrecord_identifier = 'a'\nevent_time = 'b'\n"
        "event_time_type = 'Fractional'\nonline = true\noffline = true\nttl_days = 0\nfeatures = {c = 'String'}"
    )
    template = access("staging", beside)[1]
    mine = FEATURES.replace("local-bank-history", "staging-beside")
    assert Person.of(template, OPERATOR).may("sagemaker:PutRecord", mine)
    assert not Person.of(template, OPERATOR).may("sagemaker:PutRecord", FEATURES.replace("local", "staging"))
    assert not Person.of(template, DATA_SCIENTIST).may("sagemaker:PutRecord", mine)


SSO = f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Risk_0123456789abcdef/ann"
USER = f"arn:aws:iam::{ACCOUNT}:user/ann"


@pytest.mark.parametrize(
    ("caller", "kind", "context", "trusted"),
    [
        (SSO, "AssumedRole", {}, True),
        (SSO, "AssumedRole", {"aws__MultiFactorAuthPresent": "false"}, True),
        (USER, "User", {"aws__MultiFactorAuthPresent": "true"}, True),
        (USER, "User", {"aws__MultiFactorAuthPresent": "false"}, False),
        (USER, "User", {}, False),
        (SSO.replace(ACCOUNT, "444455556666"), "AssumedRole", {}, False),
    ],
)
def test_sessions_of_single_sign_on_and_users_with_a_second_factor_take_a_role(
    caller: str, kind: str, context: dict[str, Any], trusted: bool, person: Callable[..., Person]
) -> None:
    assert person(APPROVER).trusts(caller, kind, **context) is trusted


def test_configuration_names_who_takes_a_role(access: Callable[..., tuple[Any, Template]]) -> None:
    risk, other = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("risk", "other"))
    _, template = access("dev", f'[access]\napprovers = ["{risk}"]')
    approver = Person.of(template, APPROVER)
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{{}}/ann"
    assert approver.trusts(session.format(risk.rpartition("/")[2]), "AssumedRole")
    assert not approver.trusts(session.format(other.rpartition("/")[2]), "AssumedRole")
    assert Person.of(template, OPERATOR).trusts(session.format(other.rpartition("/")[2]), "AssumedRole")


@pytest.mark.parametrize("environment", ["local", "dev", "prod"])
def test_policies_have_names_for_permission_sets_and_fit(
    environment: str, access: Callable[..., tuple[Any, Template]]
) -> None:
    policies = {
        each["Properties"]["ManagedPolicyName"]: each["Properties"]["PolicyDocument"]
        for each in access(environment)[1].resources("AWS::IAM::ManagedPolicy").values()
    }
    kinds = ("viewer", "predictions", "data-scientist", "approver", "operator", "auditor")
    assert set(policies) == {f"mlops-{environment}-{kind}" for kind in kinds}
    for name, document in policies.items():
        text = json.dumps(resolved(document), separators=(",", ":"))
        # IAM and STS quotas: 6,144 characters; real names of buckets are up to 50 longer than those of this test.
        assert len(text) + 50 * text.count(":::") < 6144, name


def selectors(template: Template) -> dict[str, dict[str, Any]]:
    trail = template.only("AWS::CloudTrail::Trail")["Properties"]
    return {
        each["Name"]: {
            field["Field"]: resolved(field.get("Equals") or field.get("StartsWith")) for field in each["FieldSelectors"]
        }
        for each in trail["AdvancedEventSelectors"]
    }


def test_trail_records_changes_and_what_is_done_with_data_models_evidence_and_features(
    access: Callable[..., tuple[Any, Template]],
) -> None:
    found = selectors(access("local")[1])
    assert found["Changes of the account"] == {"eventCategory": ["Management"], "readOnly": ["false"]}
    assert found["Data, models and evidence"] == {
        "eventCategory": ["Data"],
        "resources.type": ["AWS::S3::Object"],
        "resources.ARN": ["arn:aws:s3:::data/", "arn:aws:s3:::artifacts/", "arn:aws:s3:::evidence/"],
    }
    assert found["Features"] == {
        "eventCategory": ["Data"],
        "resources.type": ["AWS::SageMaker::FeatureGroup"],
        "resources.ARN": [f"arn:aws:sagemaker:{HERE}:feature-group/mlops-local-"],
        "readOnly": ["false"],
    }


def test_trail_does_not_record_its_own_files_but_their_removal(access: Callable[..., tuple[Any, Template]]) -> None:
    own = selectors(access("local")[1])["Files of this trail"]
    assert own["resources.ARN"] == ["arn:aws:s3:::trail/"]
    assert "PutObject" not in own["eventName"]
    assert {"DeleteObject", "DeleteObjects", "PutObjectRetention"} <= set(own["eventName"])


@pytest.mark.parametrize("environment", ["local", "prod"])
def test_files_of_the_trail_are_signed_encrypted_and_only_its_own(
    environment: str, access: Callable[..., tuple[Any, Template]]
) -> None:
    template = access(environment)[1]
    trail = template.only("AWS::CloudTrail::Trail")
    properties = trail["Properties"]
    assert (properties["EnableLogFileValidation"], properties["IsLogging"]) == (True, True)
    assert (properties["IsMultiRegionTrail"], properties["IncludeGlobalServiceEvents"]) == (True, True)
    assert resolved(properties["KMSKeyId"]) == KEY
    [policy] = [name for name in template.resources("AWS::S3::BucketPolicy") if name in trail["DependsOn"]]
    statements = resolved(template.body["Resources"][policy]["Properties"]["PolicyDocument"]["Statement"])
    arn = f"arn:aws:cloudtrail:{HERE}:trail/mlops-{environment}-audit"
    service = [each for each in statements if each.get("Principal") == {"Service": "cloudtrail.amazonaws.com"}]
    assert [(each["Action"], each["Resource"], each["Condition"]) for each in service] == [
        ("s3:GetBucketAcl", "arn:aws:s3:::trail", {"StringEquals": {"aws:SourceArn": arn}}),
        (
            "s3:PutObject",
            f"arn:aws:s3:::trail/AWSLogs/{ACCOUNT}/*",
            {"StringEquals": {"aws:SourceArn": arn, "s3:x-amz-acl": "bucket-owner-full-control"}},
        ),
    ]


def test_key_lets_trails_of_this_account_alone_encrypt(access: Callable[..., tuple[Any, Template]]) -> None:
    stack, _ = access("local")
    outdir = Path(stack.node.root.outdir)
    foundation = Template(json.loads((outdir / "mlops-local-foundation.template.json").read_text()))
    statements = resolved(foundation.only("AWS::KMS::Key")["Properties"]["KeyPolicy"]["Statement"])
    [trails] = [each for each in statements if each.get("Sid") == "TrailsOfThisAccount"]
    assert trails["Principal"] == {"Service": "cloudtrail.amazonaws.com"}
    assert set(trails["Action"]) == {"kms:GenerateDataKey*", "kms:Decrypt", "kms:DescribeKey"}
    assert trails["Condition"] == {"ArnLike": {"aws:SourceArn": f"arn:aws:cloudtrail:{HERE}:trail/*"}}


def files(template: Template) -> dict[str, Any]:
    [bucket] = [each for name, each in template.resources("AWS::S3::Bucket").items() if name.startswith("TrailFiles")]
    return dict(bucket)


def test_files_are_locked_where_data_are_retained_and_vanish_where_not(
    access: Callable[..., tuple[Any, Template]],
) -> None:
    kept, passing = access("prod")[1], access("local")[1]
    lock = files(kept)["Properties"]["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert lock == {"Mode": "GOVERNANCE", "Days": 731}
    assert files(kept)["DeletionPolicy"] == "Retain"
    assert not kept.resources("Custom::EmptyOnDelete")
    assert "ObjectLockConfiguration" not in files(passing)["Properties"]
    # The trail goes, then nobody may write any more, then the bucket is emptied.
    [emptied] = [name for name in passing.resources("Custom::EmptyOnDelete") if "Files" in name]
    [policy] = [name for name in passing.resources("AWS::S3::BucketPolicy") if name.startswith("TrailFiles")]
    assert policy in passing.only("AWS::CloudTrail::Trail")["DependsOn"]
    assert emptied in passing.body["Resources"][policy]["DependsOn"]


def test_without_a_trail_the_roles_are_there_and_the_auditor_reads_evidence(
    access: Callable[..., tuple[Any, Template]],
) -> None:
    _, template = access("dev")
    for kind in ("AWS::CloudTrail::Trail", "AWS::Athena::NamedQuery", "AWS::Athena::WorkGroup", "AWS::Glue::Table"):
        assert not template.resources(kind)
    auditor = Person.of(template, AUDITOR)
    assert auditor.may("s3:GetObject", "arn:aws:s3:::evidence/loan_approval/version-1/revision-0001.json")
    assert not auditor.may("athena:StartQueryExecution", WORKGROUP.replace("local", "dev"))


def test_table_finds_the_files_of_its_region_and_of_global_services_by_day(
    access: Callable[..., tuple[Any, Template]],
) -> None:
    template = access("local")[1]
    table = template.only("AWS::Glue::Table")["Properties"]["TableInput"]
    parameters = table["Parameters"]
    assert flat(parameters["storage.location.template"]).endswith(">/CloudTrail/${region}/${day}/")
    assert "/AWSLogs/<AWS::AccountId>/" in flat(parameters["storage.location.template"])
    assert parameters["projection.day.format"] == "yyyy/MM/dd"
    assert [each["Name"] for each in table["PartitionKeys"]] == ["region", "day"]
    # Named once, or every record would count twice.
    [condition, alone, both] = parameters["projection.region.values"]["Fn::If"]
    assert (alone, flat(both)) == ("us-east-1", "<AWS::Region>,us-east-1")
    assert template.body["Conditions"][condition] == {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}


@pytest.mark.parametrize("environment", ["local", "staging", "prod"])
def test_queries_are_named_after_their_questions_and_leave_nothing_open(
    environment: str, access: Callable[..., tuple[Any, Template]]
) -> None:
    queries = [each["Properties"] for each in access(environment)[1].resources("AWS::Athena::NamedQuery").values()]
    assert len(queries) == 8
    for query in queries:
        text = flat(query["QueryString"])
        assert "{" not in text
        assert text.count("?") == 2  # the first day and the last
        assert query["WorkGroup"] == f"mlops-{environment}-audit"
        assert query["Database"] == f"mlops_{environment}_audit"
        assert query["Description"].endswith(".")
    registry = environment.replace("prod", "staging")
    [approvals] = [flat(each["QueryString"]) for each in queries if each["Name"].endswith("approvals")]
    assert f"'mlops-{registry}-loan-approval'" in approvals.rpartition("IN (")[2].partition(")")[0]


@pytest.mark.parametrize("environment", ["local", "dev", "prod"])
def test_cdk_nag_finds_nothing_unexplained(environment: str, access: Callable[..., tuple[Any, Template]]) -> None:
    from cdk_nag import AwsSolutionsChecks

    stack, _ = access(environment)
    report = AwsSolutionsChecks(stack).validate_scope(stack)
    assert {each.rule_name: [x.construct_path for x in each.violating_resources] for each in report.violations} == {}
