"""From `mlops new-model` to a model that answers, one command a step, nothing edited by hand (docs/new-model.md)."""

import json
import subprocess
import sys

import pytest

from tests.deployed import Platform, checkout, run_deployed, with_one_model

NAME = "second_look"
PUBLIC = "second-look"


@pytest.fixture(scope="module")
def local_aws(tmp_path_factory):
    yield from run_deployed(tmp_path_factory)


@pytest.fixture(scope="module")
def platform(local_aws, tmp_path_factory):
    """The deployed platform, and a checkout in which the new model is made; one other model is there already."""
    platform = Platform(local_aws, folder=with_one_model(checkout(tmp_path_factory.mktemp("project"))))
    platform.model = platform.names.model(NAME)
    return platform


def mlops(platform, *arguments):
    """A command that is about no environment."""
    command = [sys.executable, "-m", "mlops", *arguments]
    return subprocess.run(command, cwd=platform.folder, capture_output=True, text=True, timeout=100)


def test_a_new_model_serves_and_is_asked_one_command_a_step(platform):
    made = mlops(platform, "new-model", PUBLIC, "--owner", "owner@example.com")
    assert made.returncode == 0, made.stderr
    assert f"mlops train --model {PUBLIC} --data data/{NAME}" in made.stdout
    deployed = platform.cdk("deploy", f"{platform.model.base}-*", "--require-approval", "never")
    assert deployed
    trained = platform.mlops_process("train", "--data", f"data/{NAME}")
    assert trained.returncode == 0, trained.stdout[-3000:] + trained.stderr
    assert f"version 1 is registered, PendingManualApproval; mlops approve 1 --model {PUBLIC}" in trained.stdout
    approved = platform.mlops_process("approve", "1", "--wait")
    assert approved.returncode == 0, approved.stdout + approved.stderr

    asked = platform.mlops_process("invoke", "--json")
    assert asked.returncode == 0, asked.stdout + asked.stderr
    [answered] = json.loads(asked.stdout)["answers"]
    [prediction] = answered["answer"]["predictions"]
    assert 0 <= prediction["probability"] <= 1
    assert (answered["variant"], answered["versions"]) == ("champion", ["1"])


def test_nothing_is_trained_twice(platform):
    again = platform.mlops_process("train", "--if-changed", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["started"] is False
