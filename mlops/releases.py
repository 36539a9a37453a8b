"""What an environment's stacks serve, and watching it after an approval."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from mlops.errors import CommandError

_ENDED = ("_COMPLETE", "_FAILED")


@dataclass(frozen=True)
class Serving:
    """What an endpoint serves once a release is done."""

    endpoint: str
    endpoint_config: str
    champion_package_arn: str


def outputs(cloudformation: Any, stack: str) -> dict[str, str]:
    """A stack's outputs by key."""
    description = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    return {item["OutputKey"]: item["OutputValue"] for item in description.get("Outputs", [])}


def newest_version(sagemaker: Any, group: str) -> dict[str, Any]:
    """DescribeModelPackage's answer for the group's newest version, whatever its status."""
    # The order is given: ListModelPackages sorts the oldest first when it is not.
    listed = sagemaker.list_model_packages(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending", MaxResults=1
    )["ModelPackageSummaryList"]
    if not listed:
        raise CommandError(f"model package group {group}: has no version; run the training pipeline first")
    answer: dict[str, Any] = sagemaker.describe_model_package(ModelPackageName=listed[0]["ModelPackageArn"])
    return answer


def stack_events(cloudformation: Any, stack: str, known: set[str]) -> Iterator[Mapping[str, Any]]:
    """The stack's events that are not in `known` (which grows), oldest first."""
    fresh = [
        event
        for event in cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        if event["EventId"] not in known
    ]
    for event in reversed(fresh):
        known.add(event["EventId"])
        yield event


def wait_until_served(
    clients: Callable[[str], Any],
    stack: str,
    package_arn: str,
    say: Callable[[str, str], None],
    timeout_seconds: float,
) -> Serving:
    """Block until the endpoint serves `package_arn`, reporting the serving stack's events.

    Raises CommandError when the stack rolled back or the time is over.
    """
    cloudformation, sagemaker = clients("cloudformation"), clients("sagemaker")
    known: set[str] = set()
    list(stack_events(cloudformation, stack, known))  # what happened before is not news
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        for event in stack_events(cloudformation, stack, known):
            status, resource = event["ResourceStatus"], event["LogicalResourceId"]
            if status.endswith(_ENDED):
                say(event["ResourceType"].rsplit("::", 1)[-1], f"{resource} {status}")
            if resource == stack and "ROLLBACK" in status and status.endswith(_ENDED):
                raise CommandError(f"stack {stack}: the release was rolled back ({status}); see its events")
        serving = _serving(cloudformation, sagemaker, stack)
        if serving is not None and serving.champion_package_arn == package_arn:
            return serving
        time.sleep(0.1)
    raise CommandError(
        f"stack {stack}: does not serve {package_arn} after {timeout_seconds:.0f} s; "
        "see the release controller's log and its dead-letter queue"
    )


def _serving(cloudformation: Any, sagemaker: Any, stack: str) -> Serving | None:
    """What is served, if the endpoint is InService with the configuration that the stack asked for."""
    values = outputs(cloudformation, stack)
    if "EndpointName" not in values:
        return None
    try:
        endpoint = sagemaker.describe_endpoint(EndpointName=values["EndpointName"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":  # SageMaker's "could not find"
            return None
        raise
    served = endpoint["EndpointStatus"] == "InService" and (
        endpoint["EndpointConfigName"] == values["EndpointConfigName"]
    )
    if not served:
        return None
    return Serving(values["EndpointName"], values["EndpointConfigName"], values["ChampionPackage"])
