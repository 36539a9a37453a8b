"""The private network of an environment, where its configuration names no other."""

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.private_network import PrivateNetwork
from stacks.settings import EnvironmentSettings


class NetworkStack(cdk.Stack):
    """First to come and last to go: everything else that runs is in it."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: EnvironmentSettings, **stack: Any) -> None:
        super().__init__(scope, construct_id, **stack)
        # Roles of ours are taken in accounts that this environment has to do with, and buckets of theirs are read.
        others = sorted({str(each.account) for each in settings.elsewhere})
        demands = {"sts": bool(others)}
        network = PrivateNetwork(
            self,
            "Network",
            settings=settings.network,
            accounts=[self.account, *others],
            demands=[service for service, needed in demands.items() if needed],
        )
        self.place = place = network.place
        # Always, as in the foundation: this stack is deployed before those that import.
        for value in (place.vpc_id, place.default_group, *place.subnet_ids, *place.security_group_ids):
            self.export_value(value)
        cdk.CfnOutput(self, "VpcId", value=place.vpc_id)
