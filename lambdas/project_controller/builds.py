"""The end of a build, as EventBridge tells it (CodeBuild user guide: build notifications input format reference)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Build:
    """id: the part of its ARN behind the project's name; link: where its log is."""

    id: str
    succeeded: bool
    status: str
    link: str

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> Build:
        """Raises KeyError if it is not such an event."""
        detail = event["detail"]
        logs = detail.get("additional-information", {}).get("logs", {})
        return cls(
            id=key(detail["build-id"]),
            succeeded=detail["build-status"] == "SUCCEEDED",
            status=detail["build-status"],
            link=str(logs.get("deep-link", "")),
        )


def key(build: str) -> str:
    """A name for what is kept of a build, from its id or its ARN: `<project>:<uuid>`."""
    return build.rpartition(":")[2]
