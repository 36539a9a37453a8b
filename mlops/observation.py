"""What `mlops status` shows, put together from what AWS says about a model's release."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from mlops import aws, ledger, people, registry, release_state
from mlops.ledger import Entry
from mlops.registry import Version
from mlops.release_state import NONE, ReleaseState, version_of
from mlops.situation.facts import Endpoint, Variant
from mlops.target import Target
from mlops_constructs.naming import ReleaseParameter
from mlops_constructs.release_policy import evidence_key
from mlops_constructs.switch_names import NOW, OFF

MISSING = "MISSING"
"""The status of a stack or an endpoint that does not exist."""

RECENT = 120
"""How many entries of the ledger are looked through for an experiment's looks and the last words."""

_VARIANTS = ("champion", "challenger", "shadow")


@dataclass(frozen=True)
class Observation:
    """All that is known of one model's release. approvers: identities known to have approved the champion.

    released_by, commanded_by: who wrote the parameters `allowed` and `command` last. missing: for the newest
    version that could be next, environments whose tests it has not passed.
    """

    at: datetime
    state: ReleaseState
    endpoint: Endpoint
    versions: tuple[Version, ...]
    entries: tuple[Entry, ...]
    approvers: tuple[str, ...]
    released_by: str
    commanded_by: str
    missing: tuple[str, ...]

    @property
    def next_version(self) -> Version | None:
        """The newest approved version past champion, candidate and failed: the one that would come next."""
        candidate = self.state.candidate
        past = max(
            self.state.version(ReleaseParameter.CHAMPION),
            self.state.version(ReleaseParameter.FAILED),
            version_of(candidate.package) if candidate else 0,
        )
        return _next(self.versions, past)


def observe(target: Target, now: datetime) -> Observation:
    """Look at everything once; raises CommandError where the environment is not deployed."""
    ssm, sagemaker = target.clients("ssm"), target.clients("sagemaker")
    state = release_state.read(ssm, target.names)
    versions = tuple(registry.newest(sagemaker, target.package_group))
    writers = release_state.writers(ssm, target.names, ReleaseParameter.ALLOWED, ReleaseParameter.COMMAND)
    entries = ledger.newest(target.clients("dynamodb"), target.ledger, target.names.public, RECENT)
    seen = Observation(
        at=now,
        state=state,
        endpoint=_endpoint(target, state),
        versions=versions,
        entries=tuple(entries),
        approvers=tuple(_approvers(sagemaker, state)),
        released_by=writers.get(ReleaseParameter.ALLOWED, ""),
        commanded_by=writers.get(ReleaseParameter.COMMAND, ""),
        missing=(),
    )
    return seen if seen.next_version is None else _with_evidence(seen, target, seen.next_version)


def _endpoint(target: Target, state: ReleaseState) -> Endpoint:
    stack_status, outputs = _stack(target)
    try:
        found = target.clients("sagemaker").describe_endpoint(EndpointName=target.names.endpoint)
    except ClientError as error:
        if not aws.is_missing(error):
            raise
        found = {"EndpointStatus": MISSING}
    return Endpoint(
        name=target.names.endpoint,
        status=found["EndpointStatus"],
        stack=target.names.serving_stack,
        stack_status=stack_status,
        variants=tuple(_variants(found, state)),
        alarming=tuple(_alarming(target, outputs)),
        stopped=outputs.get(NOW) == OFF,
        config=found.get("EndpointConfigName", ""),
        reason=found.get("FailureReason", ""),
    )


def _stack(target: Target) -> tuple[str, Mapping[str, str]]:
    try:
        answer = target.clients("cloudformation").describe_stacks(StackName=target.names.serving_stack)
    except ClientError as error:
        if aws.is_missing(error):
            return MISSING, {}
        raise
    found = answer["Stacks"][0]
    return found["StackStatus"], {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}


def _variants(endpoint: Mapping[str, Any], state: ReleaseState) -> list[Variant]:
    """Shares by weights; what a shadow's weight is a share of are the champion's requests."""
    production = endpoint.get("ProductionVariants", [])
    both = (*production, *endpoint.get("ShadowProductionVariants", []))
    now, then = _total(production, "CurrentWeight"), _total(production, "DesiredWeight")
    return [_variant(each, now, then, state) for each in both]


def _total(variants: Sequence[Mapping[str, Any]], weight: str) -> float:
    return sum(float(each.get(weight, 0.0)) for each in variants)


def _variant(found: Mapping[str, Any], now: float, then: float, state: ReleaseState) -> Variant:
    """The version is what the controller asked for: an endpoint that is being updated may not have come there yet."""
    name, percent = found["VariantName"], round(_share(found.get("CurrentWeight", 0.0), now), 1)
    instances = found.get("CurrentInstanceCount", 0)
    return Variant(
        name=name,
        percent=percent,
        instances=instances,
        desired_percent=round(_share(found["DesiredWeight"], then), 1) if "DesiredWeight" in found else percent,
        desired_instances=found.get("DesiredInstanceCount", instances),
        version=state.version(ReleaseParameter(name)) if name in _VARIANTS else 0,
    )


def _share(weight: float, total: float) -> float:
    return 100 * weight / total if total else 0.0


def _alarming(target: Target, outputs: Mapping[str, str]) -> list[str]:
    watched = [name for variant in _VARIANTS for name in outputs.get(f"{variant.title()}Alarms", "").split(",") if name]
    if not watched:
        return []
    answer = target.clients("cloudwatch").describe_alarms(AlarmNames=watched, StateValue="ALARM")
    return [each["AlarmName"] for each in answer["MetricAlarms"]]


def _approvers(sagemaker: Any, state: ReleaseState) -> list[str]:
    if state.champion == NONE:
        return []
    try:
        return people.approvers(sagemaker.describe_model_package(ModelPackageName=state.champion))
    except ClientError as error:
        if aws.is_missing(error):
            return []
        raise


def _next(versions: tuple[Version, ...], past: int) -> Version | None:
    able = (each for each in versions if each.approval == "Approved" and each.status == "Completed")
    return next((each for each in sorted(able, key=lambda each: -each.number) if each.number > past), None)


def _with_evidence(seen: Observation, target: Target, version: Version) -> Observation:
    required = target.settings.release.requires
    if not required:
        return seen
    found = target.clients("sagemaker").describe_model_package(ModelPackageName=version.package)
    metadata = found.get("CustomerMetadataProperties", {})
    missing = tuple(each for each in required if metadata.get(evidence_key(each)) != "passed")
    return replace(seen, missing=missing)
