"""What people are told when a version fails its tests: what happened, why, and what to do. Pure."""

from __future__ import annotations

from gateway import Settings
from request import Request
from shared.messages import Message
from shared.versions import group_of


def failed(reason: str, request: Request, settings: Settings) -> Message:
    """The version did not pass."""
    again = f'{{"package":"{request.package}","endpoint":"{settings.endpoint_name}","again":true}}'
    return Message(
        f"[{settings.environment}] {group_of(settings.model_package_group)}",
        f"version {request.version} failed its tests",
        f"version {request.version} ({request.package}) serves from endpoint {settings.endpoint_name} and did not pass "
        f"its tests. No environment that requires {settings.evidence_key} takes it.",
        f"{reason}.",
        "mend the cause and approve a newer version; reject this one to have it rolled back here. If the cause was "
        "not the model, test it again: aws lambda invoke --invocation-type Event --cli-binary-format "
        f"raw-in-base64-out --function-name {settings.function_name} --payload '{again}' /dev/stdout",
    )
