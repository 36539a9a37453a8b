"""An AWS in memory, as far as the release controller sees it.

Every call may be checked against botocore's input shape, and may be made to fail, or to end the run after it took
effect. Time moves only by calls and steps. Everything but the hooks survives pickling, so a state can be kept and
played on from, more than once.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from typing import Any

from tests.unit.lambdas.checked_client import check, operation
from tests.unit.lambdas.release_controller.clients import Client
from tests.unit.lambdas.release_controller.fakes.athena import Athena
from tests.unit.lambdas.release_controller.fakes.clock import Clock
from tests.unit.lambdas.release_controller.fakes.outlets import Outlets
from tests.unit.lambdas.release_controller.fakes.parameters import ParameterStore
from tests.unit.lambdas.release_controller.fakes.registry import Registry
from tests.unit.lambdas.release_controller.fakes.serving import Serving
from tests.unit.lambdas.release_controller.fakes.table import Table
from tests.unit.lambdas.release_controller.names import MODEL, P, arn

OPERATIONS = {
    "ssm": ("GetParameters", "PutParameter", "LabelParameterVersion"),
    "cloudformation": ("DescribeStacks", "DescribeStackEvents", "UpdateStack"),
    "sagemaker": (
        "ListModelPackages", "DescribeModelPackage", "DeleteModelPackage", "DescribeEndpoint",
        "UpdateEndpointWeightsAndCapacities",
    ),
    "cloudwatch": ("DescribeAlarms", "PutMetricData"),
    "athena": ("StartQueryExecution", "GetQueryExecution", "GetQueryResults"),
    "dynamodb": ("PutItem", "GetItem", "UpdateItem", "DeleteItem", "Query"),
    "s3": ("HeadObject", "CopyObject", "PutObject"),
    "sns": ("Publish",),
    "sqs": ("SendMessage",),
    "events": ("PutEvents",),
    "lambda": ("Invoke",),
}  # fmt: skip
PLAYERS = {
    "ssm": "ssm", "cloudformation": "serving", "cloudwatch": "serving", "athena": "athena",
    "dynamodb": "table", "s3": "registry", "sagemaker": "registry",
}  # fmt: skip
"""Who answers for a service; outlets for any other."""

READS = ("Get", "Describe", "List", "Query", "Head", "StartQuery")
LOCKING = ("UpdateItem", "DeleteItem")
MEASURE = "PutMetricData"
IDLE = (*READS, *LOCKING, MEASURE)
"""What a run calls that finds nothing to do."""
A_CALL = timedelta(seconds=0.05)


class CrashError(Exception):
    """The run ends here: the call before it took effect."""


class World:
    """See the fakes for what each part can be told to do; checked: whether calls are checked against botocore."""

    def __init__(
        self,
        *,
        quality: dict[int, str] | None = None,
        polls: int = 0,
        failing: int = 0,
        page_size: int = 3,
        passes_tests: bool = True,
        checked: bool = True,
        **serving: Any,
    ) -> None:
        self.clock = Clock()
        self.ssm = ParameterStore(self.clock)
        self.serving = Serving(self.clock, self.ssm.value, page_size=page_size, **deepcopy(serving))
        self.registry = Registry(page_size=page_size)
        self.athena = Athena(quality or {}, polls, failing)
        self.table, self.outlets = Table(), Outlets()
        self.passes_tests, self.checked = passes_tests, checked
        self.calls: list[str] = []
        self.effects = 0
        self.events: list[dict[str, Any]] = []
        self.before_call: Callable[[str], object] = _nothing
        self.after_call: Callable[[str], object] = _nothing
        self._share_events()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"before_call": _nothing, "after_call": _nothing, "calls": []}

    def _share_events(self) -> None:
        self.serving.events = self.registry.events = self.events

    # What people and time do.

    def approve(self, version: int, approval: str = "Approved") -> None:
        self.registry.put(version, approval, ["ModelApprovalStatus"])

    def register(self, version: int, approval: str = "PendingManualApproval") -> None:
        self.registry.put(version, approval, [])

    def command(self, value: str) -> None:
        """`mlops …`: writes the command parameter."""
        self._person_writes("command", value)

    def allow(self, version: int) -> None:
        """`mlops release` by a second person."""
        self._person_writes("allowed", arn(version))

    def step(self) -> None:
        """Time passes: operations go on, tests end."""
        self.serving.step()
        for package in self.outlets.tested:
            version = int(package.rsplit("/", 1)[1])
            if version in self.registry.packages and "tests_test" not in self.registry.metadata.get(version, {}):
                self.registry.edit(version, tests_test="passed" if self.passes_tests else "failed")

    def value(self, name: str) -> str:
        return self.ssm.value(name)

    @property
    def told(self) -> list[str]:
        return self.outlets.told

    def ledger(self) -> list[dict[str, Any]]:
        """The model's entries in the table's order, plain values."""
        entries = [item for key, item in sorted(self.table.items.items()) if key[0] == MODEL]
        return [{name: next(iter(value.values())) for name, value in item.items()} for item in entries]

    def final(self) -> dict[str, Any]:
        """What must come out the same whatever went wrong on the way."""
        serving = self.serving
        told = [(entry["kind"], entry["version"], entry["stage"]) for entry in self.ledger() if entry["told"]]
        # Who needs help asks for it every day, so how often depends on how long it takes.
        once = [entry for entry in told if entry[0] != "help"]
        return {
            "parameters": {name.removeprefix(P): entries[-1]["Value"] for name, entries in self.ssm.versions.items()},
            "released": self.ssm.released,
            "stack": (serving.status, serving.held),
            "endpoint": (serving.endpoint_status, serving.config, serving.weights),
            "told": set(self.told),
            "ledger": (sorted(once), set(told)),
            "registry": self.registry.packages,
            "archive": sorted(key for key in self.registry.objects if "/archive/" in key),
            "announced": {event["package"] for event in self.outlets.announced},
            "tested": set(self.outlets.tested),
            "violations": serving.violations,
            "locked": [key for key in self.table.items if key[0].startswith("lock#")],
        }

    def work(self) -> dict[str, Any]:
        """What it took to come there: two controllers that do not fight take no more than one."""
        return {
            "writes": {name: len(versions) for name, versions in self.ssm.versions.items()},
            "updates": self.serving.attempts,
            "messages": sorted(self.told),
            "announced": len(self.outlets.announced),
            "tests": self.outlets.tested,
        }

    # What the controller calls.

    def client(self, service: str, dead: Callable[[], bool] = lambda: False) -> Any:
        """dead: whether the run that calls has ended, so that nothing it still does has an effect."""

        def call(service: str, method: str, parameters: dict[str, Any]) -> Any:
            if dead():
                raise CrashError("this run has ended")
            return self.call(service, method, parameters)

        return Client(call, service.rstrip("_"))

    def call(self, service: str, method: str, parameters: dict[str, Any]) -> Any:
        name, shape = operation(service, method)
        assert name in OPERATIONS[service], f"{service}: {name} is none of the controller's calls"
        if self.checked:
            check(parameters, shape)
        self.clock.now += A_CALL
        self.before_call(name)
        self.calls.append(name)
        self.effects += not name.startswith(IDLE)
        self.athena.share = int(self.value("challenger-weight"))
        answer = getattr(self._player(service, method), method)(**parameters)
        self.after_call(name)
        return answer

    def _player(self, service: str, method: str) -> object:
        if "endpoint" in method:
            return self.serving
        return self.outlets if method == "put_metric_data" else getattr(self, PLAYERS.get(service, "outlets"))

    def _person_writes(self, name: str, value: str) -> None:
        self.ssm.write(name, value)
        detail = {"operation": "Update", "name": P + name, "type": "String"}
        self.events.append({"source": "aws.ssm", "detail-type": "Parameter Store Change", "detail": detail})


def _nothing(_name: str) -> None:
    """The hook that does nothing."""
