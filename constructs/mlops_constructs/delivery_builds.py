"""What the machines of the pipeline run: the project's own commands, as a person types them."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk

from mlops_constructs.build_machine import Builds
from mlops_constructs.delivery_settings import BuildSettings, StageSettings

MLOPS = ".venv/bin/python -m mlops"
# What `make install` and the linters make again, on another machine, out of what is left.
_NOT_LEFT = [".git/**/*", ".venv*/**/*", "node_modules/**/*", ".*_cache/**/*", "**/__pycache__/**/*"]
_QUICK = cdk.Duration.minutes(30)


def build(settings: BuildSettings, environments: Sequence[str]) -> Builds:
    """All checks, and the assemblies of `environments` in the checkout that is left."""
    return Builds(
        ["make install lint test", *(f"make synth ENV={each}" for each in environments)],
        timeout=cdk.Duration.minutes(settings.timeout_minutes),
        compute=settings.compute,
        leaves=["**/*"],
        without=_NOT_LEFT,
    )


def deploy(environment: str, minutes: int) -> Builds:
    """The assembly that the build left."""
    return Builds(["make install", f"make deploy ENV={environment}"], timeout=cdk.Duration.minutes(minutes))


def difference(environment: str) -> Builds:
    """What a deployment would change, as a text that is left, with a link to it and its last line for who approves."""
    text = f"build/difference/{environment}.txt"
    return Builds(
        [
            "make install",
            "mkdir -p build/difference",
            f"set -o pipefail; make --silent diff ENV={environment} 2>&1 | tee {text}",
            'export DIFFERENCE_LINK="$CODEBUILD_BUILD_URL"',
            f'export DIFFERENCE="$(grep -o "Number of stacks with differences: [0-9]*" {text} | tail -n 1)"',
        ],
        timeout=_QUICK,
        leaves=[text],
        exports=["DIFFERENCE_LINK", "DIFFERENCE"],
    )


def verify(environment: str, settings: StageSettings, variables: Mapping[str, str], *, watches: bool) -> Builds:
    """Look after the deployment; watches: this machine, and not a rule of the pipeline, waits for alarms."""
    minutes = settings.watch_minutes if watches else 0
    watch = f" --watch {minutes}" if minutes else ""
    return Builds(
        ["make install", f"{MLOPS} verify --env {environment}{watch}"],
        timeout=_QUICK.plus(cdk.Duration.minutes(minutes)),
        variables=variables,
    )


def train(environment: str, settings: StageSettings, variables: Mapping[str, str]) -> Builds:
    """What has changed since the newest execution; the pipeline puts the commit into COMMIT."""
    return Builds(
        ["make install", f'{MLOPS} train --env {environment} --all --if-changed --commit "$COMMIT"'],
        timeout=cdk.Duration.minutes(settings.train_minutes),
        variables=variables,
    )
