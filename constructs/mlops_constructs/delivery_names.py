"""Physical names of the pipeline that delivers commits: those that accounts must know of each other."""

from dataclasses import dataclass

from mlops_constructs.errors import ConstructError
from mlops_constructs.naming import EnvironmentNames

ROLE_LIMIT = 64  # CreateRole: RoleName


@dataclass(frozen=True)
class DeliveryNames:
    """Names in the pipeline's account; raises ConstructError for a role that IAM would not take."""

    project: str

    @property
    def base(self) -> str:
        """Of the stack, the pipeline, and what all others begin with."""
        return f"{self.project}-delivery"

    def role(self, environment: str) -> str:
        """Of the build that deploys to an environment; what its account trusts."""
        return _role(f"{self.base}-{environment}")

    def difference_role(self, environment: str) -> str:
        """Of the build that only looks at what would change there, before anybody has approved it."""
        return _role(f"{self.base}-{environment}-difference")

    def alarm(self, environment: str, number: int) -> str:
        return f"{self.base}-{environment}-errors-{number}"


def delivery_role(names: EnvironmentNames) -> str:
    """The role in an environment's account that looks after a deployment, and trains."""
    return _role(f"{names.base}-delivery")


def _role(name: str) -> str:
    if len(name) > ROLE_LIMIT:
        raise ConstructError(
            f"role name {name!r} has {len(name)} characters, AWS allows {ROLE_LIMIT}: shorten the project's or the "
            f"environment's name by {len(name) - ROLE_LIMIT}"
        )
    return name
