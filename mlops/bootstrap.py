"""Prepares an account for deployments: CDK's bootstrap, with policies of our own instead of an administrator's."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from mlops import aws
from mlops.errors import CommandError, UsageError
from mlops.target import CONFIG, check_account
from mlops_constructs.deployment_policy import boundary_policy, execution_policy
from stacks.settings import DELIVERY, EnvironmentSettings, SettingsError, load, load_delivery

POLICY_LIMIT = 6_144
"""Characters of a managed policy (IAM quotas: white space does not count)."""

_NEVER_MADE = ("CREATE_FAILED", "REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE")
_POLL_SECONDS = 5.0
_TRIES = 120


@dataclass(frozen=True)
class Plan:
    """What is to be prepared, where, and for whom.

    trusted: accounts besides the own one whose pipeline may deploy. boundary: name of the permissions boundary, "" for
    none.
    """

    project: str
    what: str
    account: str
    region: str
    qualifier: str
    trusted: tuple[str, ...] = ()
    boundary: str = ""

    @property
    def policy_stack(self) -> str:
        """Of the region: what an account has once would be in the way of its second region."""
        return f"{self.project}-deployment"

    @property
    def policy_name(self) -> str:
        return f"{self.project}-deployment-{self.region}"

    @property
    def boundary_here(self) -> str:
        """The boundary that this plan makes; one whose name is not the project's is somebody else's to make."""
        return self.boundary if self.boundary.startswith(f"{self.project}-") else ""

    @property
    def policy_arn(self) -> str:
        return f"arn:{_partition(self.region)}:iam::{self.account}:policy/{self.policy_name}"

    @property
    def toolkit_stack(self) -> str:
        return toolkit_stack(self.qualifier)

    def template(self) -> dict[str, Any]:
        """Of the stack that holds the policies."""
        documents = {
            "Deployment": (
                self.policy_name,
                f"What CloudFormation may do for {self.project}",
                execution_policy(self.project, qualifier=self.qualifier, boundary=self.boundary),
            )
        }
        if self.boundary_here:
            documents["Boundary"] = (
                self.boundary_here,
                f"The most that a role of {self.project} can do",
                boundary_policy(),
            )
        return {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": f"Policies with which {self.project} is deployed (mlops bootstrap)",
            "Resources": {
                key: {
                    "Type": "AWS::IAM::ManagedPolicy",
                    "Properties": {"ManagedPolicyName": name, "Description": description, "PolicyDocument": document},
                }
                for key, (name, description, document) in documents.items()
            },
        }

    def cdk_arguments(self) -> list[str]:
        """Of `cdk`: idempotent, as CDK's bootstrap is."""
        arguments = [
            "bootstrap",
            f"aws://{self.account}/{self.region}",
            "--qualifier",
            self.qualifier,
            "--toolkit-stack-name",
            self.toolkit_stack,
            "--cloudformation-execution-policies",
            self.policy_arn,
            "--bootstrap-customer-key",
            "--termination-protection",
        ]
        for account in self.trusted:
            arguments += ["--trust", account]
        return arguments

    def lines(self) -> list[str]:
        """What will be done, before it is."""
        trusted = f"account {' and '.join(self.trusted)}, besides its own" if self.trusted else "this account only"
        told = [
            f"account {self.account}, region {self.region}: prepare for {self.what}",
            f"stack {self.policy_stack}: policy {self.policy_name}: what CloudFormation may do, in place of everything",
        ]
        if self.boundary_here:
            told.append(f"stack {self.policy_stack}: policy {self.boundary}: the most that any role of it can do")
        elif self.boundary:
            told.append(f"policy {self.boundary}: has to be there; its name does not begin with {self.project}-")
        return [
            *told,
            f"stack {self.toolkit_stack} (CDK's bootstrap, qualifier {self.qualifier}): a bucket with its own key, "
            "a repository, roles for deploying; protected from deletion",
            f"who may take those roles: {trusted}",
            "costs: the key, at the list price of a KMS key, and what the bucket holds",
        ]


def toolkit_stack(qualifier: str) -> str:
    """CDK's own name for the usual qualifier, so that an account which has it is updated and not prepared twice."""
    return "CDKToolkit" if qualifier == "hnb659fds" else f"CDKToolkit-{qualifier}"


def configured(environment: str) -> tuple[str | None, str | None]:
    """Account and region of an environment, or of the pipeline; raises UsageError where the configuration is wrong."""
    try:
        settings = load_delivery(CONFIG).settings if environment == DELIVERY else load(CONFIG, environment)
    except SettingsError as error:
        raise UsageError(str(error)) from error
    return settings.account, settings.region


def planned(environment: str, clients: aws.Clients) -> Plan:
    """What an environment, or the pipeline, asks for; raises CommandError for credentials of another account."""
    named, region = configured(environment)
    account = check_account(clients, named, environment)
    region = region or str(clients("cloudformation").meta.region_name)
    if environment == DELIVERY:
        delivery = load_delivery(CONFIG)
        # The pipeline lives in its own account and is trusted by the others, not the other way round.
        return Plan(
            delivery.project,
            "the pipeline",
            account,
            region,
            delivery.settings.qualifier,
            boundary=delivery.settings.permissions_boundary,
        )
    settings = load(CONFIG, environment)
    return Plan(
        settings.project,
        f"the environment {environment}",
        account,
        region,
        settings.deployment.qualifier,
        trusted=_trusted(settings, account),
        boundary=settings.deployment.permissions_boundary,
    )


def _trusted(settings: EnvironmentSettings, account: str) -> tuple[str, ...]:
    pipeline = settings.delivery.account if settings.delivery else None
    return (pipeline,) if pipeline and pipeline != account else ()


def prepare(
    plan: Plan,
    cloudformation: Any,
    run_cdk: Callable[[list[str]], None],
    say: Callable[[str], None],
    wait: Callable[[float], None],
) -> None:
    """Make or update the policies, then bootstrap. Raises CommandError when a stack does not come to rest as it should.

    Doing it again changes nothing; a run that ended half-way is completed by the next one.
    """
    say(f"stack {plan.policy_stack}: {_deploy(plan, cloudformation, wait)}")
    run_cdk(plan.cdk_arguments())


def _deploy(plan: Plan, cloudformation: Any, wait: Callable[[float], None]) -> str:
    body = json.dumps(plan.template(), indent=1)
    request = {"StackName": plan.policy_stack, "TemplateBody": body, "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    status = _rest(cloudformation, plan.policy_stack, wait)
    if status in _NEVER_MADE:
        # CloudFormation updates none that was never made, and it holds nothing (user guide: stack status codes).
        cloudformation.update_termination_protection(StackName=plan.policy_stack, EnableTerminationProtection=False)
        cloudformation.delete_stack(StackName=plan.policy_stack)
        status = _rest(cloudformation, plan.policy_stack, wait)
    if status and not status.endswith("_COMPLETE"):
        raise CommandError(f"stack {plan.policy_stack}: {status}; mend or delete it in CloudFormation, try again")
    if status is None:
        cloudformation.create_stack(**request, EnableTerminationProtection=True)
        return _settle(cloudformation, plan.policy_stack, wait)
    try:
        cloudformation.update_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" in str(error):
            return "unchanged"
        raise
    return _settle(cloudformation, plan.policy_stack, wait)


def _settle(cloudformation: Any, stack: str, wait: Callable[[float], None]) -> str:
    status = _rest(cloudformation, stack, wait) or "gone"
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise CommandError(f"stack {stack}: {status}; look at its events in CloudFormation, mend the cause, try again")
    return status


def _rest(cloudformation: Any, stack: str, wait: Callable[[float], None]) -> str | None:
    """Its status when nothing goes on any more, such as what an interrupted run had begun; None where there is none."""
    for _ in range(_TRIES):
        status = _status(cloudformation, stack)
        if status is None or not status.endswith("IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
            return status
        wait(_POLL_SECONDS)
    seconds = _POLL_SECONDS * _TRIES
    raise CommandError(f"stack {stack}: still {status} after {seconds:.0f} s; try again when it has ended")


def _status(cloudformation: Any, stack: str) -> str | None:
    try:
        answer: Mapping[str, Any] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if aws.is_missing(error):
            return None
        raise
    return str(answer["StackStatus"])


def _partition(region: str) -> str:
    """As the names of regions tell it (general reference: ARNs)."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
