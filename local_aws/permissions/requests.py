"""What a request needs: actions on resources, with the condition keys that it brings along.

ministack reads most requests of the services that it knows. Here is what it lacks or takes too lightly: SageMaker and
Feature Store, several names in one request, what CloudFormation and Athena do with the rights of their callers, and
the keys of what is encrypted. Source: service authorization reference.
"""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from local_aws import seam
from local_aws.core.api import Context
from local_aws.permissions import sagemaker_requests

calling: ContextVar[str | None] = ContextVar("calling", default=None)
_FEATURE_GROUP = re.compile(r"/FeatureGroup/(?P<name>[^/]+)")
_FEATURE_ACTIONS = {"GET": "GetRecord", "PUT": "PutRecord", "DELETE": "DeleteRecord"}
_BATCH = re.compile(r"/(BatchGetRecord|BatchWriteRecord)")
# Developer guide, feature store security: BatchWriteRecord needs the right to PutRecord too.
_BATCH_ACTIONS = {"BatchGetRecord": ("BatchGetRecord",), "BatchWriteRecord": ("BatchWriteRecord", "PutRecord")}
_ENDPOINT = re.compile(r"/endpoints/(?P<name>[^/]+)/")
# "No permissions are required to perform this operation" (API reference, GetCallerIdentity).
_FREE = frozenset({"sts:GetCallerIdentity"})
_PARAMETER_TYPE = "AWS::SSM::Parameter::Value<"


@dataclass(frozen=True)
class Request:
    """A request as it came; header names are lower case, a value of the query is a list."""

    service: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    query: dict[str, Any]

    @property
    def operation(self) -> str:
        return self.headers.get("x-amz-target", "").rpartition(".")[2]

    @property
    def params(self) -> dict[str, Any]:
        """The body of a service that speaks JSON; empty where it is none."""
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def caller() -> str | None:
    """The role whose request is being answered; None for everybody else's, and outside of one."""
    return calling.get()


def needs(ctx: Context, request: Request) -> list[seam.Needed]:
    """All that the request needs of who made it."""
    read = _READERS.get(request.service, _as_ministack)
    return [each for each in read(ctx, request) if each[0] not in _FREE]


def _as_ministack(ctx: Context, request: Request) -> list[seam.Needed]:
    return seam.request_needs(
        ctx, request.service, request.method, request.path, request.headers, request.body, request.query
    )


def _sagemaker(ctx: Context, request: Request) -> list[seam.Needed]:
    if found := _ENDPOINT.match(request.path):
        name = urllib.parse.unquote(found["name"])
        variant = request.headers.get("x-amzn-sagemaker-target-variant")
        context = {"sagemaker:TargetVariant": variant} if variant else {}
        return [("sagemaker:InvokeEndpoint", ctx.arn(f"endpoint/{name}"), context)]
    if found := _FEATURE_GROUP.match(request.path):
        action = f"sagemaker:{_FEATURE_ACTIONS[request.method]}"
        return [(action, _feature_group(ctx, urllib.parse.unquote(found["name"])), {})]
    if found := _BATCH.fullmatch(request.path):
        asked = request.params.get("Identifiers") or request.params.get("Entries") or []
        groups = dict.fromkeys(_feature_group(ctx, str(each["FeatureGroupName"])) for each in asked)
        return [(f"sagemaker:{action}", each, {}) for each in groups for action in _BATCH_ACTIONS[found[1]]]
    return sagemaker_requests.needs(ctx, request.operation, request.params)


def _feature_group(ctx: Context, name: str) -> str:
    return name if name.startswith("arn:") else ctx.arn(f"feature-group/{name}")


def _ssm(ctx: Context, request: Request) -> list[seam.Needed]:
    params = request.params
    names = params.get("Names") or [params.get("Name") or params.get("Path") or ""]
    return [(f"ssm:{request.operation}", _parameter(ctx, str(each)), {}) for each in names]


def _parameter(ctx: Context, name: str) -> str:
    """Of a name, which may end in a label or a version."""
    bare = name.partition(":")[0]
    return f"arn:aws:ssm:{ctx.region}:{ctx.account}:parameter/{bare.lstrip('/')}"


def _dynamodb(ctx: Context, request: Request) -> list[seam.Needed]:
    params = request.params
    if request.operation.startswith("Transact"):
        actions = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "Get": "GetItem"}
        return [
            _on_table(ctx, actions.get(kind, "ConditionCheckItem"), detail)
            for item in params.get("TransactItems", [])
            for kind, detail in item.items()
        ]
    return [_on_table(ctx, request.operation, params)]


def _on_table(ctx: Context, action: str, params: dict[str, Any]) -> seam.Needed:
    table = str(params.get("TableName", ""))
    arn = f"arn:aws:dynamodb:{ctx.region}:{ctx.account}:table/{table}"
    keys = seam.table_keys(ctx, table)
    context = {"dynamodb:LeadingKeys": leading} if keys and (leading := _leading(keys[0], params)) else {}
    return f"dynamodb:{action}", arn, context


def _leading(partition: str, params: dict[str, Any]) -> list[str]:
    """The values of the partition key that a request asks for or writes."""
    item = params.get("Key") or params.get("Item") or {}
    if partition in item:
        return [str(value) for value in item[partition].values()]
    names = {alias: name for alias, name in params.get("ExpressionAttributeNames", {}).items() if name == partition}
    wanted = "|".join(re.escape(each) for each in (partition, *names))
    found = re.search(rf"(?:^|[\s(])(?:{wanted})\s*=\s*(:\w+)", params.get("KeyConditionExpression", ""))
    value = params.get("ExpressionAttributeValues", {}).get(found[1], {}) if found else {}
    return [str(each) for each in value.values()]


def _cloudwatch(ctx: Context, request: Request) -> list[seam.Needed]:
    params, action = request.params, request.operation
    if not action:
        return _as_ministack(ctx, request)
    names = params.get("AlarmNames") or ([params["AlarmName"]] if "AlarmName" in params else [])
    if names or action == "DescribeAlarms":
        arns = [f"arn:aws:cloudwatch:{ctx.region}:{ctx.account}:alarm:{each}" for each in names or ["*"]]
        return [(f"cloudwatch:{action}", arn, {}) for arn in arns]
    context = {"cloudwatch:namespace": params["Namespace"]} if action == "PutMetricData" else {}
    return [(f"cloudwatch:{action}", "*", context)]


def _logs(ctx: Context, request: Request) -> list[seam.Needed]:
    params, action = request.params, request.operation
    group = str(params.get("logGroupName", "")) or str(params.get("logGroupIdentifier", "")) or "*"
    arn = group if group.startswith("arn:") else f"arn:aws:logs:{ctx.region}:{ctx.account}:log-group:{group}"
    stream = params.get("logStreamName")
    return [(f"logs:{action}", f"{arn}:log-stream:{stream}" if stream else arn, {})]


def _events(ctx: Context, request: Request) -> list[seam.Needed]:
    if request.operation != "PutEvents":
        return _as_ministack(ctx, request)
    found = []
    for entry in request.params.get("Entries", []):
        bus = str(entry.get("EventBusName") or "default")
        arn = bus if bus.startswith("arn:") else f"arn:aws:events:{ctx.region}:{ctx.account}:event-bus/{bus}"
        context = {"events:source": entry.get("Source"), "events:detail-type": entry.get("DetailType")}
        found.append(("events:PutEvents", arn, context))
    return found


def _cloudformation(ctx: Context, request: Request) -> list[seam.Needed]:
    """With what CloudFormation reads for who asks: the values of the parameters that stand in Parameter Store."""
    found = _as_ministack(ctx, request)
    query = seam.query_parameters(request.method, request.path, request.headers, request.body, request.query)
    if not found or found[0][0].partition(":")[2] not in ("UpdateStack", "CreateStack", "CreateChangeSet"):
        return found
    if role := query.get("RoleARN"):
        found.append(("iam:PassRole", str(role[0]), {"iam:PassedToService": "cloudformation.amazonaws.com"}))
    name = str((query.get("StackName") or [""])[0])
    stack = next((each for each in seam.stacks() if name in (each["StackName"], each["StackId"])), {})
    kinds = (stack.get("_template") or {}).get("Parameters", {})
    given = {str(each["ParameterKey"]): str(each["ParameterValue"]) for each in stack.get("Parameters") or ()}
    for parameter, declared in kinds.items():
        if str(declared.get("Type", "")).startswith(_PARAMETER_TYPE):
            value = str(declared.get("Default") or given.get(parameter, ""))
            found.append(("ssm:GetParameters", _parameter(ctx, value), {}))
    return found


def _athena(ctx: Context, request: Request) -> list[seam.Needed]:
    from local_aws.athena import service  # it is loaded after this module

    params = request.params
    group = str(params.get("WorkGroup") or "")
    if name := params.get("QueryExecutionId"):
        group = service.workgroup_of(ctx, str(name)) or group
    arn = f"arn:aws:athena:{ctx.region}:{ctx.account}:workgroup/{group or 'primary'}"
    return [(f"athena:{request.operation}", arn, {})]


_READERS: dict[str, Callable[[Context, Request], list[seam.Needed]]] = {
    "sagemaker": _sagemaker,
    "ssm": _ssm,
    "dynamodb": _dynamodb,
    "monitoring": _cloudwatch,
    "logs": _logs,
    "events": _events,
    "cloudformation": _cloudformation,
    "athena": _athena,
}
