"""What people are told when a version fails its tests: what happened, why, and what to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from gateway import Settings
from request import Request


@dataclass(frozen=True)
class Message:
    """An SNS message; the subject is plain ASCII on one line."""

    subject: str
    body: str


def failed(reason: str, request: Request, settings: Settings) -> Message:
    """The version did not pass."""
    again = f'{{"package":"{request.package}","endpoint":"{settings.endpoint_name}","again":true}}'
    return Message(
        f"[{settings.environment}] {settings.model_package_group}: version {request.version} failed its tests",
        f"What happened: version {request.version} ({request.package}) serves from endpoint "
        f"{settings.endpoint_name} and did not pass its tests. No environment that requires "
        f"{settings.evidence_key} takes it.\n"
        f"Why: {reason}.\n"
        "What to do: mend the cause and approve a newer version; reject this one to have it rolled back here. If the "
        "cause was not the model, test it again: aws lambda invoke --invocation-type Event --cli-binary-format "
        f"raw-in-base64-out --function-name {settings.function_name} --payload '{again}' /dev/stdout\n",
    )
