"""Whether the account can be reached, and is prepared for deployments of the environment."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from mlops import aws
from mlops.bootstrap import toolkit_stack
from mlops.doctor.finding import Finding, Patient, bad, ok, warn
from stacks.settings import load_delivery
from stacks.settings.delivery import DELIVERY

OLDEST_BOOTSTRAP = 6
"""What the templates ask for (their rule CheckBootstrapVersion)."""

_RESTING = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def identity(patient: Patient) -> Iterator[Finding]:
    """Whose credentials, which account and region; reaching the environment has compared the account already."""
    found = patient.clients("sts").get_caller_identity()
    region = patient.clients("cloudformation").meta.region_name
    yield ok(f"credentials: {found['Arn']}, account {found['Account']}, region {region}")
    if not patient.is_local and not patient.settings.account:
        yield warn(
            f"config/{patient.environment}.toml: names no account: whatever credentials are at hand are deployed with",
            f'set account = "{found["Account"]}" and region = "{region}" there',
        )


def bootstrap(patient: Patient) -> Iterator[Finding]:
    """CDK's bootstrap: its version, and the stack that makes it."""
    qualifier = patient.settings.deployment.qualifier
    remedy = f"mlops bootstrap{patient.option}"
    try:
        answer = patient.clients("ssm").get_parameter(Name=f"/cdk-bootstrap/{qualifier}/version")
    except ClientError as error:
        if not aws.is_missing(error, "ParameterNotFound"):
            raise
        if patient.is_local:
            yield ok("bootstrap: not needed, the local AWS does not ask for it")
        else:
            yield bad(f"bootstrap: the account has none with the qualifier {qualifier}", remedy)
        return
    version = int(answer["Parameter"]["Value"])
    if version < OLDEST_BOOTSTRAP:
        yield bad(f"bootstrap: version {version}, templates ask for {OLDEST_BOOTSTRAP}", remedy)
        return
    yield ok(f"bootstrap: version {version}, qualifier {qualifier}")
    stack = toolkit_stack(qualifier)
    try:
        [found] = patient.clients("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if not aws.is_missing(error):
            raise
        return  # somebody may have given its stack another name
    if found["StackStatus"] not in _RESTING:
        yield warn(f"stack {stack}: is {found['StackStatus']}", remedy)


def connection(patient: Patient) -> Iterator[Finding]:
    """The way from the repository to the pipeline: somebody has to confirm it once, in a browser."""
    if patient.settings.delivery is None or not (patient.config / f"{DELIVERY}.toml").exists():
        return
    source = load_delivery(patient.config).settings.source
    if source.kind != "connection":
        return
    account = source.connection.split(":")[4]
    if account != patient.clients("sts").get_caller_identity()["Account"]:
        return  # the pipeline is in another account, whose credentials are not at hand
    try:
        answer = patient.clients("codeconnections").get_connection(ConnectionArn=source.connection)
    except ClientError as error:
        if not aws.is_missing(error, "ResourceNotFoundException"):
            raise
        yield bad(f"connection {source.connection}: does not exist", f"name one that does in config/{DELIVERY}.toml")
        return
    name, status = answer["Connection"]["ConnectionName"], answer["Connection"]["ConnectionStatus"]
    if status == "AVAILABLE":
        yield ok(f"connection {name}: is confirmed")
    else:
        remedy = "confirm it in the console: Developer Tools, Settings, Connections, Update pending connection"
        yield bad(f"connection {name}: is {status}, so the pipeline gets no commits", remedy)


def quotas(patient: Patient) -> Iterator[Finding]:
    """Instances that SageMaker may run in the account, against those that the configuration asks for."""
    if patient.is_local:
        return
    wanted = needed(patient)
    allowed = _allowed(patient.clients("service-quotas"), set(wanted))
    for name, count in sorted(wanted.items()):
        if name not in allowed:
            yield warn(f"quota {name}: is not told here", "look at it in the console: Service Quotas, Amazon SageMaker")
        elif allowed[name] < count:
            remedy = "ask for more in the console: Service Quotas, Amazon SageMaker; small raises take minutes to days"
            yield bad(f"quota {name}: {allowed[name]:g}, {count} are needed", remedy)
        else:
            yield ok(f"quota {name}: {allowed[name]:g}, {count} are needed")


def needed(patient: Patient) -> Counter[str]:
    """Instances by the quota's name: of endpoints all models' together, of jobs the most that one run has."""
    serving: Counter[str] = Counter()
    jobs: Counter[str] = Counter()
    for model in patient.settings.models.values():
        if not model.enabled:
            continue
        training, scoring = model.training, model.serving
        # While a version is replaced, its successor's instances run beside it (developer guide: blue/green).
        both = scoring.instance_count + max(scoring.instance_count, scoring.challenger.instance_count)
        serving[f"{scoring.instance_type} for endpoint usage"] += both
        kind = "spot training job" if training.spot else "training job"
        for name in (
            f"{training.processing_instance_type} for processing job usage",
            f"{training.training_instance_type} for {kind} usage",
        ):
            jobs[name] = max(jobs[name], 1)
        if model.monitoring.enabled:
            name = f"{model.monitoring.processing_instance_type} for processing job usage"
            jobs[name] = max(jobs[name], model.monitoring.instance_count)
    return serving + jobs


def _allowed(quotas: Any, names: set[str]) -> Mapping[str, float]:
    """What applies to the account; a quota that was never changed is told by its default only."""
    found: dict[str, float] = {}
    for operation in ("list_service_quotas", "list_aws_default_service_quotas"):
        if names <= set(found):
            break
        for page in quotas.get_paginator(operation).paginate(ServiceCode="sagemaker"):
            for each in page["Quotas"]:
                if each["QuotaName"] in names:
                    found.setdefault(each["QuotaName"], each["Value"])
    return found
