"""Parameter Store: who changed what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local_aws.core.api import Context
from local_aws.seam.hosting import Response, current


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
