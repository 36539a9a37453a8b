"""Synthesizes environments for the tests; as a program, all of them, each into a folder of its own.

Beside each folder stands what cdk-nag says of the environment, and what was acknowledged in it. The validator of CDK
is on then.
"""

import gc
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.once import once

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("local", "dev", "staging", "prod")
TRAINED = ("local", "dev", "staging")  # prod serves what staging trained
PRIVATE = ("staging", "prod")  # in a VPC of their own
SWITCHED = ("local", "dev")  # an endpoint there can be stopped
STACKS = {
    environment: (
        *(("network",) if environment in PRIVATE else ()),
        "foundation",
        "features",
        "access",
        "state",
        *(("training",) if environment in TRAINED else ()),
        "serving",
        "release",
        "monitoring",
        "governance",
        "overview",
    )
    for environment in ENVIRONMENTS
}

OF_THE_ENVIRONMENT = ("network", "foundation", "features", "access", "overview")
MODEL = "loan-approval"
"""The model whose templates the tests look at."""

ACCOUNTS = {"dev": "222233334444", "staging": "333344445555", "prod": "444455556666"}
"""The second shape: an account for each environment, and in the first one none is written down."""
DELIVERY_ACCOUNT = "555566667777"
ACCOUNTS_REGION = "eu-west-1"

DELIVERY = "delivery"
"""What delivers to the environments: an app of its own, and so a folder of its own beside theirs."""

WATCHED_BY_AWS = "watched"
"""Project of the one environment with the other engine of monitoring."""

Resource = dict[str, Any]


def flat(value: Any) -> str:
    """A value with `<…>` for what only the deployment knows."""
    match value:
        case str():
            return value
        case {"Fn::Join": [_, parts]}:
            return "".join(flat(part) for part in parts)
        case {"Fn::Sub": text}:
            return str(text)
        case {"Fn::FindInMap": [name, *_]} | {"Fn::GetAtt": [name, _]} | {"Ref": name} | {"Fn::ImportValue": name}:
            return f"<{name}>"
    raise AssertionError(f"unexpected {value}")


@dataclass(frozen=True)
class Template:
    """One synthesized template with the questions that tests ask."""

    body: dict[str, Any]

    def resources(self, kind: str) -> dict[str, Resource]:
        return {name: each for name, each in self.body["Resources"].items() if each["Type"] == kind}

    def only(self, kind: str) -> Resource:
        [resource] = self.resources(kind).values()
        return resource

    def statements(self, role: str) -> list[dict[str, Any]]:
        """What the policies of the role with this logical id allow."""
        return [
            statement
            for policy in self.resources("AWS::IAM::Policy").values()
            if {"Ref": role} in policy["Properties"]["Roles"]
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        ]

    def allowed(self, role: str) -> set[tuple[str, str]]:
        """Pairs of action and resource that a role has."""
        pairs = set()
        for statement in self.statements(role):
            assert statement["Effect"] == "Allow"
            actions, resources = statement["Action"], statement["Resource"]
            for action in [actions] if isinstance(actions, str) else actions:
                for resource in resources if isinstance(resources, list) else [resources]:
                    pairs.add((action, flat(resource)))
        return pairs

    def role(self, beginning: str) -> str:
        """Logical id of the one role whose id starts so."""
        [name] = [each for each in self.resources("AWS::IAM::Role") if each.startswith(beginning)]
        return name


def add(app: Any, environment: str, config: Path = ROOT / "config") -> Any:
    """The stacks of an environment; the answer are its settings."""
    from stacks.environment import add_stacks
    from stacks.settings import load

    settings = load(config, environment)
    add_stacks(app, settings, code_root=ROOT / "pipeline_code")
    return settings


def add_some(app: Any, settings: Any, *kinds: str) -> None:
    """The foundation, and of MODEL these stacks as `add_stacks` makes them; for tests that look at no others.

    For environments without a network of their own.
    """
    import aws_cdk as cdk

    from mlops_constructs.naming import EnvironmentNames
    from stacks.foundation import FoundationStack
    from stacks.monitoring import MonitoringStack
    from stacks.overview import OverviewStack
    from stacks.release import ReleaseStack
    from stacks.serving import ServingStack
    from stacks.training import TrainingStack

    assert not settings.network.private
    names = EnvironmentNames(settings.project, settings.environment)
    model = names.model(MODEL.replace("-", "_"))
    shared = FoundationStack(app, names.foundation_stack, names=names, settings=settings).foundation
    common: dict[str, Any] = {"settings": settings, "foundation": shared}
    coded = common | {"code_root": ROOT / "pipeline_code"}
    for key, value in names.tags.items():
        cdk.Tags.of(app).add(key, value)
    made: dict[str, Callable[[], Any]] = {
        "overview": lambda: OverviewStack(app, names.overview_stack, names=names, **common),
        "serving": lambda: ServingStack(app, model.serving_stack, names=model, **common),
        "release": lambda: ReleaseStack(app, model.release_stack, names=model, **coded),
        "monitoring": lambda: MonitoringStack(app, model.monitoring_stack, names=model, **coded),
        "training": lambda: TrainingStack(app, model.training_stack, names=model, **coded),
    }
    for kind in kinds:
        stack = made[kind]()
        if kind not in OF_THE_ENVIRONMENT:
            cdk.Tags.of(stack).add("model", model.public)


def in_accounts(environment: str) -> str:
    """The folder of an environment's assembly in the second shape."""
    return f"accounts-{environment}"


def config_with_accounts(folder: Path) -> Path:
    """A copy of the configuration that differs in nothing but the accounts."""
    folder.mkdir(parents=True)
    accounts = {**ACCOUNTS, "delivery": DELIVERY_ACCOUNT}
    for file in (ROOT / "config").glob("*.toml"):
        account = accounts.get(file.stem)
        place = f'account = "{account}"\nregion = "{ACCOUNTS_REGION}"\n' if account else ""
        (folder / file.name).write_text(place + file.read_text())
    return folder


def add_watched_by_aws(app: Any) -> Any:
    """Staging as a project of its own that `monitoring.engine = "model-monitor"` watches."""
    from stacks.environment import add_stacks
    from stacks.settings import load

    settings = load(ROOT / "config", "staging")
    folder = MODEL.replace("-", "_")
    model = settings.models[folder]
    labels = model.monitoring.labels.model_copy(update={"missing_means": ""})
    monitoring = model.monitoring.model_copy(update={"engine": "model-monitor", "labels": labels})
    models = {folder: model.model_copy(update={"monitoring": monitoring})}
    watched = settings.model_copy(update={"project": WATCHED_BY_AWS, "models": models})
    add_stacks(app, watched, code_root=ROOT / "pipeline_code")
    return watched


def example_config(target: Path) -> Path:
    """A copy of the configuration with no model but MODEL, whichever others the repository has by now."""
    shutil.copytree(ROOT / "config", target)
    ours = MODEL.replace("-", "_")
    for file in target.glob("*.toml"):
        kept, lines = True, []
        for line in file.read_text().splitlines(keepends=True):
            if line.startswith("["):
                kept = not line.startswith("[models.") or re.match(rf"\[models\.{ours}[.\]]", line) is not None
            lines += [line] if kept else []
        file.write_text("".join(lines))
    return target


def new_app(outdir: Path, **context: str) -> Any:
    import aws_cdk as cdk

    from stacks.context import feature_flags

    return cdk.App(context=feature_flags(ROOT) | context, outdir=str(outdir))


def read(outdir: Path, environment: str) -> dict[str, Template]:
    """Templates by what they hold: foundation, training (where versions are made), serving, release, and so on."""
    names = {
        kind: f"mlops-{environment}-{kind if kind in OF_THE_ENVIRONMENT else f'{MODEL}-{kind}'}"
        for kind in STACKS[environment]
    }
    return {kind: Template(json.loads((outdir / f"{name}.template.json").read_text())) for kind, name in names.items()}


def stack_names(environment: str) -> set[str]:
    """All stacks of an environment, whichever models it has."""
    from stacks.settings import load

    settings, base = load(ROOT / "config", environment), f"mlops-{environment}"
    of_models = {
        f"{base}-{folder.replace('_', '-')}-{kind}"
        for folder, model in settings.models.items()
        for kind in STACKS[environment]
        if kind not in OF_THE_ENVIRONMENT and (kind != "training" or model.trains)
    }
    return of_models | {f"{base}-{kind}" for kind in OF_THE_ENVIRONMENT if kind in STACKS[environment]}


def all_synthesized(factory: pytest.TempPathFactory) -> Path:
    """The folder with the assemblies of all environments and of the watched one, made once a test run."""

    def make(folder: Path) -> None:
        command = [sys.executable, "-m", "tests.infra.environments", str(folder)]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert run.returncode == 0, run.stderr[-4000:]

    return once(factory, "environments", make)


def synthesize(app: Any, settings: Any) -> dict[str, Any]:
    """Synthesizes an app under all packs and the house rules, as app.py does under those of the environment.

    What they found (rule and resource by plugin), and what they were told to accept ([path, rule, reason]).
    """
    from stacks.compliance import PACKS, add_checks, expected

    add_checks(app, list(PACKS), expected(settings))
    try:
        app.synth()
    except RuntimeError as error:
        if "ValidationFailed" not in str(error):
            raise
    report = json.loads(Path(app.outdir, "validation-report.json").read_text())
    found = {
        plugin["pluginName"]: [
            f"{each['ruleName']} {each['severity']} {[one['constructPath'] for one in each['violatingConstructs']]}"
            for each in plugin["violations"]
        ]
        for plugin in report["pluginReports"]
    }
    acknowledged = [
        [path.removeprefix("/"), rule, reason]
        for file in sorted(Path(app.outdir).glob("*.metadata.json"))
        for path, entries in json.loads(file.read_text()).items()
        for entry in entries
        if "acknowledged" in entry["type"].lower()
        for rule, reason in entry["data"].items()
    ]
    return {"found": {plugin: each for plugin, each in found.items() if each}, "acknowledged": acknowledged}


def main(folder: Path) -> None:
    for environment in (*ENVIRONMENTS, WATCHED_BY_AWS):
        app = new_app(folder / environment)
        settings = add_watched_by_aws(app) if environment == WATCHED_BY_AWS else add(app, environment)
        (folder / f"{environment}.json").write_text(json.dumps(synthesize(app, settings)))
    config = config_with_accounts(folder / "accounts-config" / "config")
    for environment in ACCOUNTS:
        app = new_app(folder / in_accounts(environment))
        settings = add(app, environment, config)
        (folder / f"{in_accounts(environment)}.json").write_text(json.dumps(synthesize(app, settings)))
    deliver(folder)


def deliver(folder: Path) -> None:
    """The pipeline's own stack, as app.py makes it of the project's configuration."""
    from app import fill

    app = new_app(folder / DELIVERY, env=DELIVERY)
    fill(app, ROOT / "config")
    app.synth()


if __name__ == "__main__":
    sys.path[1:1] = [str(ROOT / "constructs"), str(ROOT / "pipeline_code")]
    gc.disable()  # as app.py does
    os.environ["CDK_VALIDATION"] = "true"
    os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "18,20")
    main(Path(sys.argv[1]))
