"""What wakes a function: rules on the default bus, all with the same target."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_events as events
from constructs import Construct


class Wakes(Construct):
    """Base of the constructs that say which events and schedules wake one function."""

    def __init__(self, scope: Construct, construct_id: str, *, target: events.IRuleTarget) -> None:
        super().__init__(scope, construct_id)
        self._target = target

    def _on(
        self,
        construct_id: str,
        description: str,
        source: str,
        detail_type: str,
        detail: Mapping[str, Any],
        *,
        resources: Sequence[str] | None = None,
        accounts: Sequence[str] | None = None,
    ) -> None:
        """Wake it by events of this kind; accounts: whose, where another one forwards its own."""
        pattern = events.EventPattern(
            source=[source],
            detail_type=[detail_type],
            detail=dict(detail),
            resources=list(resources) if resources else None,
            account=list(accounts) if accounts else None,
        )
        events.Rule(self, construct_id, description=description, event_pattern=pattern).add_target(self._target)

    def _by(self, construct_id: str, description: str, schedule: events.Schedule) -> None:
        """Wake it again and again, whatever happens."""
        events.Rule(self, construct_id, description=description, schedule=schedule).add_target(self._target)
