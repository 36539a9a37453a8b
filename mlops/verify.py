"""Whether a deployment works: its stacks, the endpoints, their answers to each model's samples, their alarms.

What calls for people and not for another deployment is left out: drift, dead letters, a version that lost.
"""

import importlib.util
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from mlops import aws
from mlops.cdk import ROOT
from mlops.release_state import version_of
from mlops.target import Target
from mlops_constructs.naming import EnvironmentNames
from stacks.settings import EnvironmentSettings

COMPLETE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "IMPORT_COMPLETE")
RELEASING = ("UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE")
"""A serving stack is so during a release, and after one that failed: both are the release controller's matter."""
MISSING = "MISSING"

_VARIANTS = ("Champion", "Challenger", "Shadow")
_ALARMS_A_CALL = 100  # API reference: DescribeAlarms, AlarmNames
REQUESTS, _SCHEMA = "requests.jsonl", "response.schema.json"
"""Of a model's folder `samples`: a request a line, and the JSON schema of every answer."""


@dataclass(frozen=True)
class Check:
    """Something that was looked at. wrong: what is wrong with it, "" if nothing."""

    about: str
    found: str
    wrong: str = ""

    @property
    def text(self) -> str:
        return f"{self.about}: {self.wrong or self.found}"


@dataclass(frozen=True)
class Stack:
    """A stack's status, or MISSING, and its outputs."""

    name: str
    status: str
    outputs: Mapping[str, str]


def stacks_of_environment(settings: EnvironmentSettings) -> list[str]:
    """Names of the stacks that models share."""
    names = EnvironmentNames(settings.project, settings.environment)
    network = [names.network_stack] if settings.network.own else []
    return [*network, names.foundation_stack, names.features_stack, names.access_stack, names.overview_stack]


def stacks_of_model(target: Target) -> list[str]:
    """Names of a model's stacks but for the one that serves."""
    names = target.names
    training = [names.training_stack] if target.settings.trains else []
    return [names.state_stack, *training, names.release_stack, names.monitoring_stack, names.governance_stack]


def of_stacks(clients: aws.Clients, names: Sequence[str]) -> Iterator[Check]:
    """Whether each is there and complete."""
    for name in names:
        status = describe(clients, name).status
        yield Check(f"stack {name}", status, "" if status in COMPLETE else f"is {status}")


def of_model(target: Target, pipeline_code: Path = ROOT / "pipeline_code") -> Iterator[Check]:
    """The serving stack, the endpoint that it asked for, and its answers; where nothing serves, that is said."""
    stack = describe(target.clients, target.names.serving_stack)
    allowed = (*COMPLETE, *RELEASING)
    yield Check(f"stack {stack.name}", stack.status, "" if stack.status in allowed else f"is {stack.status}")
    if "EndpointName" not in stack.outputs:
        yield Check(target.title, "nothing serves")
        return
    endpoint = _endpoint(target, stack)
    yield endpoint
    if not endpoint.wrong:
        yield _answers(target, stack, pipeline_code / target.names.folder / "samples")


def ringing(targets: Sequence[Target]) -> Iterator[Check]:
    """The guardrail alarms of what serves: those that roll a release back."""
    for target in targets:
        outputs = describe(target.clients, target.names.serving_stack).outputs
        names = [name for each in _VARIANTS for name in outputs.get(f"{each}Alarms", "").split(",") if name]
        if not names:
            continue
        rings = _in_alarm(target.clients("cloudwatch"), names)
        yield Check(target.title, f"none of {len(names)} alarms rings", f"rings: {', '.join(rings)}" if rings else "")


def watch(
    targets: Sequence[Target], seconds: float, sleep: Callable[[float], None], clock: Callable[[], float]
) -> list[Check]:
    """`ringing`, looked at until one rings or so many seconds are over; without any, once."""
    end = clock() + seconds
    while True:
        checks = list(ringing(targets))
        remaining = end - clock()
        if remaining <= 0 or any(check.wrong for check in checks):
            return checks
        sleep(min(15.0, remaining))


def describe(clients: aws.Clients, name: str) -> Stack:
    try:
        [found] = clients("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if not aws.is_missing(error):
            raise
        return Stack(name, MISSING, {})
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
    return Stack(name, found["StackStatus"], outputs)


def _endpoint(target: Target, stack: Stack) -> Check:
    """A stack that is being updated, or came back from an update, has named another configuration than what serves."""
    name, settled = stack.outputs["EndpointName"], stack.status in COMPLETE
    try:
        found = target.clients("sagemaker").describe_endpoint(EndpointName=name)
    except ClientError as error:
        if not aws.is_missing(error):
            raise
        return Check(f"endpoint {name}", "", "is not there")
    status, serves, asked = found["EndpointStatus"], found["EndpointConfigName"], stack.outputs["EndpointConfigName"]
    if status != "InService" and not (status == "Updating" and not settled):
        return Check(f"endpoint {name}", "", f"is {status}: {found.get('FailureReason', 'no reason given')}")
    if settled and serves != asked:
        return Check(f"endpoint {name}", "", f"serves {serves}, its stack asked for {asked}")
    return Check(f"endpoint {name}", f"{status}, serves {serves}")


def _answers(target: Target, stack: Stack, samples: Path) -> Check:
    """Each sample is sent once to the champion; the id marks it as a test's in what is captured."""
    about, champion = target.title, stack.outputs.get("ChampionPackage", "")
    missing = [name for name in (REQUESTS, _SCHEMA) if not (samples / name).is_file()]
    if missing:
        return Check(about, f"has no {'/'.join((*samples.parts[-2:], missing[0]))}: nothing was asked")
    requests, schema = (samples / REQUESTS).read_text(encoding="utf-8"), (samples / _SCHEMA).read_text("utf-8")
    lines = [line for line in requests.splitlines() if line.strip()]
    version = version_of(champion) if champion else 0
    for number, line in enumerate(lines, 1):
        if wrong := _answer(target, stack, line, json.loads(schema), f"test-{version}-verify-{number}"):
            return Check(about, "", f"sample {number} of {len(lines)}: {wrong}")
    return Check(about, f"{len(lines)} samples are answered as the schema says, by version {version}")


def _answer(target: Target, stack: Stack, body: str, schema: Mapping[str, Any], inference_id: str) -> str:
    """What is wrong with the answer to one sample, or ""."""
    try:
        answer = target.clients("sagemaker-runtime").invoke_endpoint(
            EndpointName=stack.outputs["EndpointName"],
            TargetVariant="champion",
            ContentType="application/json",
            Accept="application/json",
            InferenceId=inference_id,
            Body=body,
        )
    except ClientError as error:
        if error.response["Error"].get("Code") != "ModelError":
            raise
        status, message = error.response.get("OriginalStatusCode"), str(error.response.get("OriginalMessage", ""))
        return f"{status}: {next(iter(message.splitlines()), '')}"
    try:
        document = json.loads(answer["Body"].read())
    except ValueError as error:
        return f"the response is not JSON: {error}"
    if wrong := _checker()(document, schema):
        return str(wrong)
    return _uncounted(json.loads(body), document)


def _uncounted(request: Any, response: Any) -> str:
    """Whether each instance has its prediction, where both are told by those names; the schema says all else."""
    asked, found = (
        each.get(key) if isinstance(each, Mapping) else None
        for each, key in ((request, "instances"), (response, "predictions"))
    )
    if not isinstance(asked, list) or not isinstance(found, list) or len(asked) == len(found):
        return ""
    return f"{len(found)} predictions for {len(asked)} instances"


@cache
def _checker() -> Callable[[Any, Mapping[str, Any]], str]:
    """The release tests' own, so that both find the same wrong; a function's folder is no package."""
    file = ROOT / "lambdas" / "release_tests" / "response_schema.py"
    spec = importlib.util.spec_from_file_location("response_schema", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    problem: Callable[[Any, Mapping[str, Any]], str] = module.problem
    return problem


def _in_alarm(cloudwatch: Any, names: Sequence[str]) -> list[str]:
    batches = [names[start : start + _ALARMS_A_CALL] for start in range(0, len(names), _ALARMS_A_CALL)]
    answers = [cloudwatch.describe_alarms(AlarmNames=list(each), StateValue="ALARM") for each in batches]
    return [found["AlarmName"] for answer in answers for found in answer["MetricAlarms"]]
