"""Which model in which environment a command is about, and the clients that reach it."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

from mlops import aws, releases
from mlops.cdk import ROOT
from mlops.errors import CommandError, UsageError
from mlops_constructs.naming import EnvironmentNames, ModelNames
from mlops_constructs.registry import Registry
from stacks.settings import EnvironmentSettings, ModelSettings, SettingsError, load

CONFIG = ROOT / "config"
LOCAL = "local"


class NoModelNamed(UsageError):
    """The environment has several models, the command is about one, and --model does not say which."""

    def __init__(self, environment: str, models: Sequence[str]) -> None:
        self.known = f"--model: not given, and config/{environment}.toml has {', '.join(models)}"
        self.first = models[0]
        super().__init__(f"{self.known}: name one")

    def mended(self, words: Sequence[str]) -> str:
        """The same, with the command as it was typed and the first of the models, for a person to copy."""
        if not words:
            return str(self)
        return f"{self.known}: {shlex.join(['mlops', *words, '--model', self.first])}"


@dataclass(frozen=True)
class Target:
    """One model in one environment.

    package_group: the registry that the environment releases from, which may be another environment's: its name, or
    its ARN where it is in another account.
    many: the environment has more models than this one.
    """

    names: ModelNames
    settings: ModelSettings
    package_group: str
    clients: aws.Clients
    many: bool = False

    @property
    def environment(self) -> str:
        return self.names.environment

    @property
    def group_name(self) -> str:
        return self.package_group.rpartition("/")[2]

    @property
    def decided_in(self) -> str:
        """The environment whose people approve versions: the own one, but for versions of another account."""
        return self.settings.release.takes_from if self.package_group.startswith("arn:") else self.environment

    @property
    def title(self) -> str:
        return f"{self.names.public} in {self.environment}"

    @property
    def foundation_stack(self) -> str:
        return EnvironmentNames(self.names.project, self.environment).foundation_stack

    @property
    def ledger(self) -> str:
        """The name of the environment's ledger table."""
        return self.output(self.foundation_stack, "LedgerTable")

    def command(self, word: str, *arguments: object) -> str:
        """A command about this model, for a person to copy."""
        return command(word, *arguments, environment=self.environment, model=self.names.public if self.many else "")

    def output(self, stack: str, key: str) -> str:
        """An output of a stack; raises CommandError if there is no such stack, or it was deployed before the output."""
        deploy = f"deploy it: npx cdk deploy {stack} -c env={self.environment}"
        try:
            values = releases.outputs(self.clients("cloudformation"), stack)
        except ClientError as error:
            if aws.is_missing(error):
                raise CommandError(f"stack {stack}: does not exist; {deploy}") from error
            raise
        if key not in values:
            raise CommandError(f"stack {stack}: has no output {key}; {deploy}")
        return values[key]


def command(word: str, *arguments: object, environment: str, model: str = "") -> str:
    """A command for a person to copy; model: "" where the environment has only one."""
    given = [str(argument) for argument in arguments]
    where = [] if environment == LOCAL else ["--env", environment]
    return " ".join(["mlops", word, *given, *where, *(["--model", model] if model else [])])


def find(environment: str, model: str | None, config: Path = CONFIG) -> Target:
    """The one model that a command is about; without a name, the only one of the configuration.

    Raises NoModelNamed if there are several, UsageError if the configuration does not have it, CommandError if no AWS
    can be reached.
    """
    found = find_all(environment, model, config)
    if len(found) > 1:
        raise NoModelNamed(environment, [target.names.public for target in found])
    return found[0]


def find_all(environment: str, model: str | None, config: Path = CONFIG) -> list[Target]:
    """Every model that the configuration has, or the one that was named."""
    settings, clients = reach(environment, config)
    folders = [_folder(model, list(settings.models), environment)] if model else list(settings.models)
    if not folders:
        raise UsageError(f"config/{environment}.toml: has no [models.<name>]; add one")
    names = EnvironmentNames(settings.project, environment)
    return [
        Target(
            names=names.model(folder),
            settings=settings.models[folder],
            package_group=_group(settings.registry(folder), settings.region),
            clients=clients,
            many=len(settings.models) > 1,
        )
        for folder in folders
    ]


def reach(environment: str, config: Path = CONFIG) -> tuple[EnvironmentSettings, aws.Clients]:
    """An environment as a whole: its settings, and clients of its account.

    Raises UsageError if there is no such configuration, CommandError if no AWS can be reached, or another account's.
    """
    settings = _settings(config, environment)
    clients = clients_in(environment, settings.region)
    if environment != LOCAL and settings.account:
        check_account(clients, settings.account, environment)
    return settings, clients


def clients_in(environment: str, region: str | None) -> aws.Clients:
    """Clients of whatever account the credentials are for; raises CommandError if no AWS can be reached."""
    return aws.local_clients() if environment == LOCAL else aws.account_clients(region)


def variables_in(environment: str, region: str | None) -> dict[str, str]:
    """The environment of a process that is to reach what `clients_in` reaches."""
    if environment == LOCAL:
        return aws.local_variables()
    return dict(os.environ) | ({"AWS_REGION": region} if region else {})


def check_account(clients: aws.Clients, account: str | None, environment: str) -> str:
    """The account that the credentials are for; raises CommandError if the configuration names another one."""
    actual = str(clients("sts").get_caller_identity()["Account"])
    if account and actual != account:
        raise CommandError(
            f"credentials are for account {actual}, config/{environment}.toml names {account}: use the other profile"
        )
    return actual


def _settings(config: Path, environment: str) -> EnvironmentSettings:
    try:
        return load(config, environment)
    except SettingsError as error:
        raise UsageError(str(error)) from error


def _folder(model: str, known: Sequence[str], environment: str) -> str:
    """The model's folder; its public name, with hyphens, is taken too."""
    folder = model.replace("-", "_")
    if folder not in known:
        raise UsageError(f"--model {model}: not in config/{environment}.toml; use {', '.join(sorted(known))}")
    return folder


def _group(registry: Registry, region: str | None) -> str:
    """How calls name the group: another account's by its ARN."""
    if not registry.elsewhere:
        return registry.group_name
    partition = boto3.Session().get_partition_for_region(str(region))
    return f"arn:{partition}:sagemaker:{region}:{registry.account}:model-package-group/{registry.group_name}"
