"""What is: the stack, the parameters, and on request whatever else a decision needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError
from experiment import Experiments
from ledger import Ledger
from settings import Clients, Settings
from shared.environment import ConfigurationError
from shared.versions import version_of
from state import (
    MISSING,
    NONE,
    Attempt,
    Endpoint,
    Look,
    Observed,
    Package,
    Parameter,
    Parameters,
    Stack,
    candidate_of,
    command_of,
)

RELEASED = "released"
"""The label of the champion parameter's version whose release was confirmed and told."""

NAMES = (
    "champion", "challenger", "challenger-weight", "shadow", "failed", "previous", "candidate", "command", "allowed",
)  # fmt: skip
TOKEN = "release-{}-{}-{}-{}"  # noqa: S105 - not a password: the client request token of a state of the parameters
CLOCK_SKEW = timedelta(minutes=1)
PAGE = 100

OFF = "off"
"""The serving stack's output RunningNow while its endpoint is stopped."""

_SCALED = {"true": True, "false": False}


class Observer:
    """Reads; changes nothing.

    Errors of AWS that are no answer in themselves (throttling, faults, refused permission) are raised.
    """

    def __init__(
        self,
        settings: Settings,
        clients: Clients,
        ledger: Ledger,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        self._settings, self._aws, self._ledger, self._clock = settings, clients, ledger, clock
        self._experiments = Experiments(settings, clients.athena, ledger, sleep)

    def observe(self) -> Observed:
        """The stack, then the parameters: two calls.

        In this order, since whoever writes at the same time writes the parameters first: an old stack with new
        parameters is a release under way, while a new stack with old ones would look like a release to undo.
        """
        now, stack = self._clock(), self._stack()
        return Observed(now, self._settings.policy, stack, self._parameters())

    def look(self, observed: Observed, look: Look) -> Observed:
        """The same observation with what was asked for filled in."""
        match look.at:
            case "attempt":
                return replace(observed, attempt=self._attempt(observed.parameters))
            case "endpoint":
                return replace(observed, endpoint=self._endpoint())
            case "packages":
                return replace(observed, packages=self._packages(observed))
            case "metadata":
                return replace(observed, metadata={**observed.metadata, look.of: self._metadata(look.of)})
            case "alarming":
                return replace(observed, alarming=self._alarming(observed))
            case "noted":
                known = self._ledger.has(observed.parameters.generation, look.of)
                return replace(observed, noted={**observed.noted, look.of: known})
            case "told":
                known = self._ledger.had(observed.parameters.generation, look.of)
                return replace(observed, noted={**observed.noted, look.of: known})
            case "counts":
                return self._experiments.count(observed)

    def _parameters(self) -> Parameters:
        prefix = self._settings.parameter_prefix
        labelled = f"{prefix}champion:{RELEASED}"
        answer = self._aws.ssm.get_parameters(Names=[*(prefix + name for name in NAMES), labelled])
        if missing := set(answer.get("InvalidParameters", [])) - {labelled}:
            raise ConfigurationError(f"SSM parameter {', '.join(sorted(missing))}: does not exist, deploy it")
        # The champion may be there twice: now, and as it was when its release was confirmed.
        oldest_first = sorted(answer["Parameters"], key=lambda entry: int(entry["Version"]))
        found = {
            entry["Name"].removeprefix(prefix).replace("-", "_"): Parameter(
                entry["Value"], int(entry["Version"]), entry["LastModifiedDate"]
            )
            for entry in oldest_first
        }
        labels = [entry["Value"] for entry in oldest_first if entry["Name"] == f"{prefix}champion"]
        released = NONE if labelled in answer.get("InvalidParameters", []) else labels[0]
        return Parameters(**found, released=released)

    def _stack(self) -> Stack:
        try:
            answer = self._aws.cloudformation.describe_stacks(StackName=self._settings.serving_stack)
        except ClientError as error:
            if "does not exist" in message_of(error):
                return Stack(MISSING)
            raise
        found = answer["Stacks"][0]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
        return Stack(
            status=found["StackStatus"],
            champion=outputs.get("ChampionPackage", NONE),
            challenger=outputs.get("ChallengerPackage", NONE),
            shadow=outputs.get("ShadowPackage", NONE),
            challenger_scaled=_SCALED.get(outputs.get("ChallengerScaled", "")),
            endpoint_config=outputs.get("EndpointConfigName", ""),
            alarms={
                variant: tuple(name for name in outputs.get(f"{variant.title()}Alarms", "").split(",") if name)
                for variant in ("champion", "challenger", "shadow")
            },
            parameters=tuple(parameter["ParameterKey"] for parameter in found.get("Parameters", [])),
            running=outputs.get("RunningNow") != OFF,
            # Only where the endpoint may stop does it matter.
            updated=found.get("LastUpdatedTime") if "RunningNow" in outputs else None,
        )

    def _attempt(self, parameters: Parameters) -> Attempt:
        """What became of the newest stack operation under the token of these parameters."""
        token, mine = token_of(parameters), []
        for event in self._stack_events(since=max(p.modified for p in _deployed(parameters)) - CLOCK_SKEW):
            if event.get("ClientRequestToken") == token:
                mine.append(event)
                if event.get("ResourceStatusReason") == "User Initiated":
                    break  # the operation's first event: all of it has been read
        return _outcome(mine)

    def _stack_events(self, since: datetime) -> Iterator[Mapping[str, Any]]:
        """Newest first, as DescribeStackEvents gives them."""
        pages = self._aws.cloudformation.get_paginator("describe_stack_events")
        for page in pages.paginate(StackName=self._settings.serving_stack):
            for event in page["StackEvents"]:
                if event["Timestamp"] < since:
                    return
                yield event

    def _endpoint(self) -> Endpoint:
        try:
            found = self._aws.sagemaker.describe_endpoint(EndpointName=self._settings.endpoint_name)
        except ClientError as error:
            if "Could not find" in message_of(error):
                return Endpoint(MISSING)
            raise
        # An endpoint whose creation failed has neither a configuration nor variants.
        weights = {
            variant["VariantName"]: float(variant["CurrentWeight"])
            for variant in found.get("ProductionVariants", [])
            if "CurrentWeight" in variant
        }
        return Endpoint(
            found["EndpointStatus"], found.get("EndpointConfigName", ""), found.get("FailureReason", ""), weights
        )

    def _packages(self, observed: Observed) -> tuple[Package, ...]:
        """Newest first, whatever their approval, down to the oldest that a decision may name.

        Versions are numbered as they are created. A page may be empty and not the last one.
        """
        keep = observed.policy.keep_versions
        oldest = min((version_of(package) for package in _named(observed.parameters)), default=0)
        pages = self._aws.sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=self._settings.model_package_group,
            SortBy="CreationTime",
            SortOrder="Descending",
            PaginationConfig={"PageSize": PAGE},
        )
        found: list[Package] = []
        for page in pages:
            found += [
                Package(summary["ModelPackageArn"], summary["ModelApprovalStatus"], summary["ModelPackageStatus"])
                for summary in page["ModelPackageSummaryList"]
            ]
            # Past what is kept, a page more is enough: what is too old goes one by one, and then the rest is seen.
            if found and min(package.version for package in found) <= oldest and len(found) > keep:
                break
        completed = (package for package in found if package.status == "Completed")
        return tuple(sorted(completed, key=lambda package: -package.version))

    def _metadata(self, package: str) -> Mapping[str, str]:
        answer = self._aws.sagemaker.describe_model_package(ModelPackageName=package)
        return dict(answer.get("CustomerMetadataProperties", {}))

    def _alarming(self, observed: Observed) -> tuple[str, ...]:
        """Those of the candidate's variant. One that was replaced or removed is not there any more."""
        now = candidate_of(observed.parameters.candidate)
        variant = now.stage if now and now.stage in ("shadow", "challenger") else "champion"
        names = observed.stack.alarms.get(variant, ())
        if not names:
            return ()
        # Metric alarms only: composite ones would take a right on all alarms of the account.
        found = self._aws.cloudwatch.describe_alarms(AlarmNames=list(names))["MetricAlarms"]
        return tuple(sorted(alarm["AlarmName"] for alarm in found if alarm["StateValue"] == "ALARM"))


def token_of(parameters: Parameters) -> str:
    """The client request token that ties a stack operation to the parameters as they are."""
    return TOKEN.format(*(parameter.version for parameter in _deployed(parameters)))


def message_of(error: ClientError) -> str:
    return str(error.response["Error"].get("Message", ""))


def _deployed(parameters: Parameters) -> tuple[Parameter, ...]:
    """Those that the serving stack reads."""
    return parameters.champion, parameters.challenger, parameters.challenger_weight, parameters.shadow


def _named(parameters: Parameters) -> set[str]:
    """The versions whose approval a decision may depend on."""
    now = candidate_of(parameters.candidate)
    named = {
        parameters.champion.value,
        parameters.previous.value,
        now.package if now else NONE,
        command_of(parameters.command).package,
    }
    return named - {NONE}


def _outcome(events: list[Mapping[str, Any]]) -> Attempt:
    """Of one operation's events, newest first: its status, and the failure that came first."""
    of_stack = [event for event in events if event["LogicalResourceId"] == event["StackName"]]
    reasons = [
        f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
        for event in events
        if event not in of_stack
        and event["ResourceStatus"].endswith("_FAILED")
        and "cancelled" not in event.get("ResourceStatusReason", "cancelled")
    ]
    return Attempt(of_stack[0]["ResourceStatus"] if of_stack else "", reasons[-1] if reasons else "")
