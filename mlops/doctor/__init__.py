"""`mlops doctor`: what is wrong with this machine, the configuration or the account, and how it is mended.

A check is a function that yields findings. What AWS does not let somebody look at is said and is no reason to stop.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from local_aws.state import Home
from mlops import aws, target
from mlops.doctor import account, configuration, deployment, machine
from mlops.doctor.finding import Check, Finding, Level, Patient, bad, ok, warn
from mlops.errors import CommandError

__all__ = ["Check", "Finding", "Level", "Patient", "Section", "bad", "examine", "ok", "warn"]

MACHINE, CONFIGURATION, ACCOUNT, DEPLOYMENT = "machine", "configuration", "account", "deployment"

_ACCOUNT: Sequence[Check] = (account.identity, account.bootstrap, account.connection, account.quotas)
_DEPLOYMENT: Sequence[Check] = (
    deployment.stacks,
    deployment.endpoints,
    deployment.alarms,
    deployment.dead_letters,
    deployment.subscriptions,
    deployment.trail,
    deployment.assembly,
)
_SERVICES = (
    "sts", "ssm", "cloudformation", "cloudwatch", "sqs", "sns", "cloudtrail", "sagemaker", "dynamodb",
    "service-quotas", "codeconnections",
)  # fmt: skip
_REFUSED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError")


@dataclass(frozen=True)
class Section:
    """Findings on one thing, in the order of its checks."""

    about: str
    findings: tuple[Finding, ...]


def examine(environment: str) -> Iterator[Section]:
    """All checks, section by section; what lies behind something broken is left out."""
    yield Section(MACHINE, tuple(_machine(environment)))
    yield Section(CONFIGURATION, tuple(configuration.files(target.CONFIG)))
    try:
        patient = _patient(environment)
    except (CommandError, ClientError, BotoCoreError) as error:
        yield Section(ACCOUNT, (_unreached(error),))
        return
    with ThreadPoolExecutor(len(_DEPLOYMENT)) as checking:
        for about, checks in ((ACCOUNT, _ACCOUNT), (DEPLOYMENT, _DEPLOYMENT)):
            found = checking.map(lambda check: _checked(check, patient), checks)
            yield Section(about, tuple(finding for findings in found for finding in findings))


def _machine(environment: str) -> Iterator[Finding]:
    checks: list[Callable[[], Iterable[Finding]]] = [machine.python, machine.node, machine.cdk, machine.packages]
    if environment == target.LOCAL:
        home = Home.chosen()
        checks += [partial(machine.disk, home.path), machine.memory, partial(machine.local_server, home)]
    for check in checks:
        try:
            yield from check()
        except OSError as error:
            yield bad(str(error), "mend the permissions of that file, or make install")


def _patient(environment: str) -> Patient:
    settings, clients = target.reach(environment)
    for service in _SERVICES:
        clients(service)  # made here: threads may share clients, and not make them (boto3: clients)
    return Patient(settings, tuple(target.find_all(environment, None)), clients, target.CONFIG)


def _checked(check: Check, patient: Patient) -> list[Finding]:
    """What a check found until AWS refused it something, and that it did."""
    found: list[Finding] = []
    try:
        found += check(patient)
    except ClientError as error:
        what = f"{check.__name__.replace('_', ' ')}: {aws.explain(error)}"
        if error.response["Error"].get("Code") in _REFUSED:
            found.append(warn(what, f"ask for the right to {error.operation_name}, or look with another role"))
        else:
            found.append(bad(what, "try again; docs/operations.md"))
    except (BotoCoreError, CommandError) as error:
        text = str(error) if isinstance(error, CommandError) else aws.explain(error)
        what, _, remedy = text.partition("; ")
        found.append(bad(f"{check.__name__.replace('_', ' ')}: {what}", remedy or "try again"))
    return found


def _unreached(error: CommandError | ClientError | BotoCoreError) -> Finding:
    """The line that every command would end with; its remedy is behind the semicolon."""
    text = str(error) if isinstance(error, CommandError) else aws.explain(error)
    what, _, remedy = text.partition("; ")
    return bad(what, remedy or "mend what it names, and ask again")
