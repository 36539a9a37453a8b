"""boto3 clients: of a real account with the credentials at hand, or of the local AWS that runs on this machine."""

import os
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError

from local_aws.env import client_environment
from local_aws.errors import LocalAwsError
from local_aws.state import Home
from mlops.errors import CommandError

Clients = Callable[[str], Any]
"""From a service's name to its client; each is made once."""

ROLE = "MLOPS_ROLE_ARN"
"""Variable with the ARN of a role that commands take before they call anything else; a delivery sets it."""

_RETRIES: Any = {"mode": "standard", "max_attempts": 4}
_PROFILES = {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId"}


def local_variables() -> dict[str, str]:
    """The environment of a process that is to reach the local AWS; raises CommandError if none runs."""
    home = Home.chosen()
    try:
        reaching = client_environment(home.running(), home)
    except LocalAwsError as error:
        raise CommandError(f"{error}, or `mlops demo --keep`") from error
    # A profile of the shell would win over the keys, and its file is not looked at.
    return {name: value for name, value in os.environ.items() if name not in _PROFILES} | reaching


def local_clients() -> Clients:
    """Clients of the local AWS on the chosen state directory; raises CommandError if none runs there."""
    home = Home.chosen()
    try:
        return clients_of(client_environment(home.running(), home), role=os.environ.get(ROLE))
    except LocalAwsError as error:
        raise CommandError(f"{error}, or `mlops demo --keep`") from error


def clients_of(environment: Mapping[str, str], *, attempts: int = 5, role: str | None = None) -> Clients:
    """Clients of the local AWS whose variables `environment` holds; nothing else of the process's counts.

    attempts: how often a call is made before its failure is raised. role: the ARN of one to take first.
    """
    # Without the variables that name a profile: the shell's need not even be there.
    core = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
    session = boto3.Session(
        botocore_session=core,
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=environment.get("AWS_SESSION_TOKEN"),
        region_name=environment["AWS_REGION"],
    )
    # A proxy of the shell has no business on the way to this machine.
    retries: Any = {"mode": "standard", "total_max_attempts": attempts}
    config = Config(max_pool_connections=16, retries=retries, proxies={})
    where: dict[str, Any] = {"endpoint_url": environment["AWS_ENDPOINT_URL"], "config": config}
    if role:
        session = _taking(session, role, where)
    return cache(lambda service: session.client(service, **where))


def account_clients(region: str | None) -> Clients:
    """Clients with the credentials at hand, as the AWS command line finds them; `region` wins over theirs."""
    session = boto3.Session(region_name=region)
    config = Config(max_pool_connections=16, retries=_RETRIES)
    if role := os.environ.get(ROLE):
        session = _taking(session, role, {"config": config})
    return cache(lambda service: session.client(service, config=config))


def _taking(session: boto3.Session, role: str, where: Mapping[str, Any]) -> boto3.Session:
    """A session of `role`, taken anew as often as needed: one that was taken with another role's session lasts an hour
    (IAM user guide: role chaining), a training may take longer."""
    source = session.get_credentials()
    if source is None:
        raise NoCredentialsError()
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=partial(session.client, **where),
        source_credentials=source,
        role_arn=role,
        extra_args={"RoleSessionName": "mlops"},
    )
    core = botocore.session.get_session()
    # As botocore does it itself for a profile with role_arn; it has no public way without a file.
    core._credentials = DeferredRefreshableCredentials(refresh_using=fetcher.fetch_credentials, method="assume-role")
    return boto3.Session(botocore_session=core, region_name=session.region_name)


def alarms(cloudwatch: Any, prefix: str) -> list[dict[str, Any]]:
    """The alarms whose names begin so, as DescribeAlarms gives them, by name."""
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    found = [each for page in pages for kind in ("MetricAlarms", "CompositeAlarms") for each in page.get(kind, [])]
    return sorted(found, key=lambda each: str(each["AlarmName"]))


def explain(error: ClientError | BotoCoreError) -> str:
    """One line of what AWS, or the way to it, refused; with the fix where it is always the same."""
    if isinstance(error, NoCredentialsError):
        return "AWS credentials: none found; log in (aws sso login) or set AWS_PROFILE"
    if isinstance(error, NoRegionError):
        return "AWS region: not set; set region in the environment's file of config/, or AWS_REGION"
    if isinstance(error, EndpointConnectionError):
        return f"{error}; check the network, or whether the local AWS still runs: python -m local_aws status"
    if not isinstance(error, ClientError):
        return " ".join(str(error).split())
    code = str(error.response["Error"].get("Code", "Unknown"))
    text = f"{error.operation_name}: {code}: {' '.join(str(error.response['Error'].get('Message', '')).split())}"
    return f"{text}; log in again (aws sso login)" if code in _EXPIRED else text


def is_missing(error: ClientError, *codes: str) -> bool:
    """Whether AWS says that the thing is not there; CloudFormation and SageMaker say it by a message only."""
    answer = error.response["Error"]
    message = str(answer.get("Message", "")).lower()
    return answer.get("Code") in codes or "does not exist" in message or "could not find" in message
