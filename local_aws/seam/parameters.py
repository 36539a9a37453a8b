"""Parameter Store: who changed what."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from local_aws.core.api import Context
from local_aws.seam.hosting import Response, current
from local_aws.seam.identities import caller

_USER = "LastModifiedUser"


def watch_parameters(changed: Callable[[Context, str, str, str, str], None]) -> None:
    """Call `changed(ctx, "Create" | "Update" | "Delete", name, type, description)` after each change."""
    from ministack.services import ssm

    put, delete, delete_many = ssm._put_parameter, ssm._delete_parameter, ssm._delete_parameters

    def put_parameter(data: dict[str, Any]) -> Response:
        before = ssm._parameters.get(data.get("Name"))
        answer: Response = put(data)
        if answer[0] == 200:
            tell("Update" if before else "Create", ssm._parameters[data["Name"]])
        return answer

    def watched(handle: Callable[[dict[str, Any]], Response]) -> Callable[[dict[str, Any]], Response]:
        def handler(data: dict[str, Any]) -> Response:
            names = data.get("Names") or [data.get("Name")]
            before = {name: ssm._parameters.get(name) for name in names}
            answer = handle(data)
            for name, record in before.items():
                if record and name not in ssm._parameters:
                    tell("Delete", record)
            return answer

        return handler

    def tell(operation: str, record: dict[str, Any]) -> None:
        changed(current(), operation, record["Name"], record["Type"], record.get("Description") or "")

    ssm._put_parameter = put_parameter
    ssm._delete_parameter, ssm._delete_parameters = watched(delete), watched(delete_many)


def name_writers() -> None:
    """Let a parameter and each of its versions name who wrote it; to ministack that is always the root user."""
    from ministack.services import ssm

    writer: ContextVar[str] = ContextVar("writer", default="")
    handle, put, describe = ssm.handle_request, ssm._put_parameter, ssm._describe_parameters

    async def handle_request(method: str, path: str, headers: dict[str, str], *rest: Any) -> Response:
        token = writer.set(caller(headers)[0])
        try:
            answer: Response = await handle(method, path, headers, *rest)
        finally:
            writer.reset(token)
        return answer

    def put_parameter(data: dict[str, Any]) -> Response:
        answer: Response = put(data)
        if answer[0] == 200 and writer.get():
            for record in (ssm._parameters[data["Name"]], ssm._parameter_history[data["Name"]][-1]):
                record[_USER] = writer.get()
        return answer

    def describe_parameters(data: dict[str, Any]) -> Response:
        status, headers, body = describe(data)
        found = json.loads(body)
        for parameter in found.get("Parameters", ()):
            parameter[_USER] = ssm._parameters[parameter["Name"]].get(_USER, parameter[_USER])
        return status, headers, json.dumps(found).encode()

    ssm.handle_request = handle_request
    ssm._put_parameter, ssm._describe_parameters = put_parameter, describe_parameters
