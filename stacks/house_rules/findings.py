"""What a house rule finds, and what it is told of the environment that it looks at."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from stacks.house_rules.templates import Resource, Templates


@dataclass(frozen=True)
class Expected:
    """What an app's settings ask of its templates.

    retain: state outlives its stack. in_vpc: functions, jobs and models run in a VPC. tags: of all that takes tags.
    models: public names of models by the beginnings of the names of their stacks, for the tag `model`.
    """

    retain: bool
    in_vpc: bool
    tags: Mapping[str, str]
    models: Mapping[str, str] = field(default_factory=dict)

    def tags_of(self, stack: str) -> dict[str, str]:
        """The tags that what is in this stack must have."""
        model = next((name for start, name in self.models.items() if stack.startswith(start)), None)
        return {**self.tags, **({"model": model} if model else {})}


@dataclass(frozen=True)
class Finding:
    """One breach of a rule: where, and what to do."""

    rule: str
    resource: Resource
    place: str
    to_do: str

    @property
    def line(self) -> str:
        return f"{self.rule}: {self.resource.stack}/{self.resource.name}: {self.to_do}"


Breach = tuple[Resource, str, str]
"""Resource, path in it, what to do."""
Check = Callable[[Templates, Expected], Iterator[Breach]]
