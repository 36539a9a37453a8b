"""`mlops doctor`: each thing that can be wrong is found and comes with what mends it; what is well is said too."""

import json
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local_aws.state import Home
from mlops import doctor, target, verify
from mlops.__main__ import main
from mlops.doctor import Finding, Level, Patient, account, configuration, deployment, machine
from mlops.situation import Run, runs
from stacks.settings import EnvironmentSettings, load
from tests.unit.mlops.world import ACCOUNT, World, refused

CONFIG = target.CONFIG


def pages(**by_operation: list[dict[str, Any]]) -> Any:
    """A client whose paginators answer with these pages."""
    return SimpleNamespace(get_paginator=lambda name: SimpleNamespace(paginate=lambda **_: by_operation[name]))


def levels(found: Iterator[Finding]) -> list[Level]:
    return [each.level for each in found]


class Account:
    """An environment's account: clients by service, and stacks with their status and outputs."""

    def __init__(self, settings: EnvironmentSettings) -> None:
        self.settings = settings
        self.stacks: dict[str, tuple[str, dict[str, str]]] = {}
        self.templates: dict[str, Any] = {}
        self.clients: dict[str, Any] = {
            "cloudformation": SimpleNamespace(
                describe_stacks=self._describe,
                get_template=lambda StackName, **_: {"TemplateBody": self.templates[StackName]},  # noqa: N803
                meta=SimpleNamespace(region_name="eu-west-1"),
            ),
            "sts": SimpleNamespace(get_caller_identity=lambda: {"Arn": "arn:alice", "Account": ACCOUNT}),
        }

    def patient(self, *targets: target.Target, config: Path = CONFIG) -> Patient:
        return Patient(self.settings, targets, self.clients.__getitem__, config)

    def deploy(self, names: list[str]) -> None:
        self.stacks |= {name: ("CREATE_COMPLETE", {}) for name in names}

    def _describe(self, StackName: str) -> Mapping[str, Any]:  # noqa: N803
        if StackName not in self.stacks:
            raise refused("DescribeStacks", "ValidationError", f"Stack with id {StackName} does not exist")
        status, outputs = self.stacks[StackName]
        listed = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
        return {"Stacks": [{"StackStatus": status, "Outputs": listed}]}


@pytest.fixture
def prod() -> Account:
    return Account(load(CONFIG, "prod"))


@pytest.mark.parametrize(("version", "level"), [((3, 10, 9), Level.BAD), ((3, 11, 0), Level.OK)])
def test_an_old_python_is_bad(version: tuple[int, ...], level: Level) -> None:
    assert levels(machine.python(version)) == [level]


@pytest.mark.parametrize(("says", "level"), [("v18.2.0", Level.BAD), ("v20.1.0", Level.OK), ("no", Level.BAD)])
def test_node_is_asked_for_its_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, says: str, level: Level
) -> None:
    (tmp_path / "node").write_text(f"#!/bin/sh\necho {says}\n")
    (tmp_path / "node").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert levels(machine.node()) == [level]
    monkeypatch.setenv("PATH", "")
    (missing,) = machine.node()
    assert (missing.level, missing.remedy) == (Level.BAD, "install Node.js 20 or newer")


def test_a_cdk_that_is_missing_or_not_the_pinned_one_is_found(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"devDependencies": {"aws-cdk": "2.5.0"}}')
    (missing,) = machine.cdk(tmp_path)
    assert (missing.level, missing.remedy) == (Level.BAD, "npm ci")
    for folder in ("node_modules/.bin", "node_modules/aws-cdk"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "node_modules/.bin/cdk").touch()
    for version, level in (("2.5.0", Level.OK), ("2.4.0", Level.WARN)):
        (tmp_path / "node_modules/aws-cdk/package.json").write_text(json.dumps({"version": version}))
        assert levels(machine.cdk(tmp_path)) == [level]


def test_packages_are_compared_with_the_pins_for_this_python_only(tmp_path: Path) -> None:
    pins = tmp_path / "dev.txt"
    pins.write_text('pytest==0.0.1 ; python_version < "3" \\\n    --hash=sha256:00\nnothing-of-that-name==1.0\n')
    (found,) = machine.packages(pins)
    assert found.level is Level.WARN
    assert found.what == "Python packages: nothing-of-that-name is missing"


@pytest.mark.parametrize(("kilobytes", "level"), [(500_000, Level.BAD), (1_500_000, Level.WARN), (9e6, Level.OK)])
def test_scarce_memory_is_found(tmp_path: Path, kilobytes: float, level: Level) -> None:
    table = tmp_path / "meminfo"
    table.write_text(f"MemTotal: 1 kB\nMemAvailable:   {kilobytes:.0f} kB\n")
    assert levels(machine.memory(table)) == [level]
    assert levels(machine.memory(tmp_path / "nowhere")) == []


def test_a_port_that_somebody_else_took_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        (tmp_path / "port").write_text(f"{other.getsockname()[1]}\n")
        (found,) = machine.local_server(Home(tmp_path))
        assert found.level is Level.BAD
        assert f"port {other.getsockname()[1]} of its state is taken" in found.what
    assert levels(machine.local_server(Home(tmp_path))) == [Level.WARN]


def test_every_file_of_the_configuration_is_read_and_a_wrong_one_does_not_hide_the_others(tmp_path: Path) -> None:
    for file in CONFIG.glob("*.toml"):
        (tmp_path / file.name).write_text(file.read_text())
    before = list(configuration.files(tmp_path))
    assert {each.level for each in before} == {Level.OK}
    (tmp_path / "dev.toml").write_text("retain = 3\n")
    after = list(configuration.files(tmp_path))
    assert len(after) == len(before)
    wrong = [each.what for each in after if each.level is Level.BAD]
    assert wrong and all("dev.toml" in each and "retain" in each for each in wrong)


def test_an_account_without_bootstrap_is_told_the_command(prod: Account) -> None:
    def missing(**_: Any) -> None:
        raise refused("GetParameter", "ParameterNotFound", "")

    prod.clients["ssm"] = SimpleNamespace(get_parameter=missing)
    (found,) = account.bootstrap(prod.patient())
    assert (found.level, found.remedy) == (Level.BAD, "mlops bootstrap --env prod")


@pytest.mark.parametrize(
    ("version", "status", "expected"),
    [
        ("5", "CREATE_COMPLETE", [Level.BAD]),
        ("21", "UPDATE_COMPLETE", [Level.OK]),
        ("21", "UPDATE_ROLLBACK_FAILED", [Level.OK, Level.WARN]),
    ],
)
def test_an_old_or_broken_bootstrap_is_found(prod: Account, version: str, status: str, expected: list[Level]) -> None:
    prod.clients["ssm"] = SimpleNamespace(get_parameter=lambda **_: {"Parameter": {"Value": version}})
    prod.stacks["CDKToolkit"] = (status, {})
    assert levels(account.bootstrap(prod.patient())) == expected


def test_quotas_below_what_the_configuration_asks_for_are_bad(prod: Account) -> None:
    wanted = account.needed(prod.patient())
    endpoint = next(name for name in wanted if name.endswith("for endpoint usage"))
    others = [{"QuotaName": name, "Value": 20.0} for name in wanted if name != endpoint]
    prod.clients["service-quotas"] = pages(
        list_service_quotas=[{"Quotas": [{"QuotaName": endpoint, "Value": 1.0}]}],
        list_aws_default_service_quotas=[{"Quotas": [*others, {"QuotaName": endpoint, "Value": 99.0}]}],
    )
    found = {each.what.split(" for ")[1].partition(":")[0]: each.level for each in account.quotas(prod.patient())}
    assert found.pop("endpoint usage") is Level.BAD
    assert set(found.values()) == {Level.OK}


def test_while_a_version_is_replaced_its_successor_runs_beside_it(prod: Account) -> None:
    serving = next(iter(prod.settings.models.values())).serving
    count = account.needed(prod.patient())[f"{serving.instance_type} for endpoint usage"]
    assert count >= 2 * serving.instance_count


@pytest.mark.parametrize(("status", "level"), [("PENDING", Level.BAD), ("AVAILABLE", Level.OK)])
def test_a_connection_that_nobody_confirmed_is_found(
    prod: Account, monkeypatch: pytest.MonkeyPatch, status: str, level: Level
) -> None:
    arn = f"arn:aws:codeconnections:eu-west-1:{ACCOUNT}:connection/{'0' * 8}"
    source = SimpleNamespace(kind="connection", connection=arn)
    delivery = SimpleNamespace(settings=SimpleNamespace(source=source))
    monkeypatch.setattr(account, "load_delivery", lambda _: delivery)
    answer = {"Connection": {"ConnectionName": "github", "ConnectionStatus": status}}
    prod.clients["codeconnections"] = SimpleNamespace(get_connection=lambda **_: answer)
    patient = replace(prod.patient(), settings=prod.settings.model_copy(update={"delivery": delivery}))
    assert levels(account.connection(patient)) == [level]


def test_what_is_not_deployed_is_one_finding_and_what_is_half_deployed_one_a_stack(prod: Account) -> None:
    patient = prod.patient()
    (nothing,) = deployment.stacks(patient)
    assert nothing.what == "environment prod: is not deployed"
    assert nothing.remedy == "make synth ENV=prod, then make deploy ENV=prod"
    names = deployment.names(patient)
    prod.deploy(names[1:])
    prod.stacks[names[1]] = ("UPDATE_IN_PROGRESS", {})
    prod.stacks[names[2]] = ("UPDATE_ROLLBACK_FAILED", {})
    found = list(deployment.stacks(prod.patient()))
    assert [each.level for each in found] == [Level.BAD, Level.WARN, Level.BAD, Level.OK]
    assert [each.what for each in found[:2]] == [
        f"stack {names[0]}: is not deployed, others are", f"stack {names[1]}: is UPDATE_IN_PROGRESS"
    ]  # fmt: skip


def test_what_is_deployed_is_compared_with_what_was_synthesised(prod: Account, tmp_path: Path) -> None:
    patient = prod.patient()
    (none,) = deployment.assembly(patient, tmp_path)
    assert none.level is Level.OK and "none of prod here" in none.what
    folder = tmp_path / "build" / "cdk.out" / "prod"
    folder.mkdir(parents=True)
    (folder / "manifest.json").touch()
    for name in deployment.names(patient):
        (folder / f"{name}.template.json").write_text('{"Resources": {"A": 1}}')
        prod.templates[name] = {"Resources": {"A": 1}}
    assert levels(deployment.assembly(patient, tmp_path)) == [Level.OK]
    prod.templates[name] = '{"Resources": {"A": 2}}'
    (found,) = deployment.assembly(patient, tmp_path)
    assert found.level is Level.WARN and found.what.startswith(f"{name}: ")


def test_dead_letters_are_counted_with_the_command_that_sends_them_again(world: World) -> None:
    settings, stack = world.target.settings, world.names.release_stack
    world.stacks.stacks[stack] = {"DeadLetterQueueUrl": "https://q"}
    queue = SimpleNamespace(
        get_queue_attributes=lambda **_: {"Attributes": {"ApproximateNumberOfMessages": "2", "QueueArn": "arn:q"}}
    )
    clients = {"sqs": queue, "cloudformation": world.stacks}.__getitem__
    environment = SimpleNamespace(environment="local", models={"loan_approval": settings})
    found = list(deployment.dead_letters(Patient(environment, (world.target,), clients)))  # type: ignore[arg-type]
    assert [each.level for each in found] == [Level.BAD, Level.OK]
    assert found[0].remedy.endswith("start-message-move-task --source-arn arn:q")


def test_subscriptions_that_nobody_confirmed_are_bad_and_none_at_all_is_said(prod: Account) -> None:
    prod.stacks["mlops-prod-foundation"] = ("CREATE_COMPLETE", {"TopicArn": "arn:topic"})
    listed = [{"Endpoint": "a@example.com", "SubscriptionArn": "PendingConfirmation"}]
    prod.clients["sns"] = pages(list_subscriptions_by_topic=[{"Subscriptions": listed}])
    assert levels(deployment.subscriptions(prod.patient())) == [Level.BAD, Level.OK]
    listed.clear()
    (nobody,) = deployment.subscriptions(prod.patient())
    assert nobody.what == "notifications: nobody is told of alarms and failures"


@pytest.mark.parametrize(
    ("status", "level"),
    [
        ({"IsLogging": True}, Level.OK),
        ({"IsLogging": False}, Level.BAD),
        ({"IsLogging": True, "LatestDeliveryError": "AccessDenied"}, Level.BAD),
    ],
)
def test_a_trail_that_does_not_record_is_bad(prod: Account, status: dict[str, Any], level: Level) -> None:
    prod.stacks["mlops-prod-access"] = ("CREATE_COMPLETE", {"TrailName": "t"})
    prod.clients["cloudtrail"] = SimpleNamespace(get_trail_status=lambda **_: status)
    assert levels(deployment.trail(prod.patient())) == [level]


def test_an_alarm_for_information_is_no_fault(world: World) -> None:
    base = world.names.base
    world.alarms.known = [
        {"AlarmName": f"{base}-a", "StateValue": "ALARM", "AlarmDescription": "Drift. Information: nobody is called."},
        {
            "AlarmName": f"{base}-b",
            "StateValue": "ALARM",
            "AlarmDescription": "Dear. What to do: docs/operations.md, B",
        },
        {"AlarmName": f"{base}-c", "StateValue": "OK"},
    ]
    found = list(deployment.alarms(Patient(load(CONFIG, "local"), (world.target,), world.clients)))
    assert [each.level for each in found] == [Level.WARN, Level.BAD, Level.OK]
    assert found[1].remedy == "docs/operations.md, B"


@pytest.mark.parametrize(
    ("newest", "level"), [("Succeeded", Level.WARN), ("Failed", Level.BAD), ("Executing", Level.BAD)]
)
def test_a_failed_training_is_bad_until_the_newest_run_has_succeeded(
    world: World, monkeypatch: pytest.MonkeyPatch, newest: str, level: Level
) -> None:
    """The alarm rings on where a run succeeds in the minute in which another one failed."""
    name = f"{world.names.monitoring_stack}-TrainingFailed"
    world.alarms.known = [{"AlarmName": name, "StateValue": "ALARM", "AlarmDescription": "A run failed."}]
    run = Run(world.names.pipeline, "training", "arn:aws:sagemaker:x/y/last", newest, datetime.now(UTC))
    monkeypatch.setattr(runs, "of", lambda *_: [run])
    found = list(deployment.alarms(Patient(load(CONFIG, "local"), (world.target,), world.clients)))
    assert found[0].level is level
    assert ("the newest run (last) has succeeded since" in found[0].what) is (level is Level.WARN)


def test_a_champion_without_an_endpoint_is_bad(world: World) -> None:
    patient = Patient(load(CONFIG, "local"), (world.target,), world.clients)
    assert levels(deployment.endpoints(patient)) == [Level.OK]
    world.serve(3)
    (found,) = deployment.endpoints(patient)
    assert found.level is Level.BAD and found.remedy == "read mlops history; going back: mlops rollback"
    world.registry.endpoint = {"EndpointStatus": "InService"}
    assert levels(deployment.endpoints(patient)) == [Level.OK]


def test_what_aws_refuses_is_worth_knowing_and_what_it_found_before_stays(prod: Account) -> None:
    def check(patient: Patient) -> Iterator[Finding]:
        yield doctor.ok("first")
        raise refused("ListTopics", "AccessDenied", "not yours")

    found = doctor._checked(check, prod.patient())
    assert [each.level for each in found] == [Level.OK, Level.WARN]
    assert found[1].remedy == "ask for the right to ListTopics, or look with another role"


def test_an_account_that_cannot_be_reached_ends_with_code_1_and_its_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("LOCAL_AWS_HOME", str(tmp_path))
    assert main(["doctor", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    last = answer["findings"][-1]
    assert (last["about"], last["level"]) == ("account", "bad")
    assert last["remedy"] == "start it: .venv/bin/python -m local_aws start --detach, or `mlops demo --keep`"
    assert answer["counts"]["bad"] == 1


def test_a_stack_is_described_once_for_all_checks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = Patient(load(CONFIG, "local"), (world.target,), world.clients)
    describe, asked = verify.describe, Counter[str]()

    def counted(clients: Any, name: str) -> verify.Stack:
        asked[name] += 1
        return describe(clients, name)

    monkeypatch.setattr(verify, "describe", counted)
    for check in (deployment.stacks, deployment.dead_letters, deployment.subscriptions, deployment.trail):
        levels(check(patient))
    assert set(asked.values()) == {1} and set(asked) >= set(deployment.names(patient))
