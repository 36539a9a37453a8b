"""What roles may do: their requests are compared with their policies, recorded, and refused where nothing allows them.

A function, a job, an endpoint's container, a pipeline and a schedule each use a session of their role. What AWS does
in a role's name, reading a model's archive for one, is compared too. People, the CDK and everybody else with the
account's own key are not: they may do everything here, as the account's root user may.
"""

from local_aws.permissions.decisions import DEFAULT, Mode, allowed, credentials, install, require
from local_aws.permissions.requests import caller

__all__ = ["DEFAULT", "Mode", "allowed", "caller", "credentials", "install", "require"]
