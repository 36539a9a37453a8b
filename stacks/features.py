"""What is known of the world, as it became known: the feature groups of an environment, and how they are queried."""

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.feature_groups import FeatureGroups
from mlops_constructs.feature_query import FeatureQuery
from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import EnvironmentNames
from stacks.settings import EnvironmentSettings


class FeaturesStack(cdk.Stack):
    """Holds state, and is kept; nothing in it that could fail comes after a group, since AWS takes no feature back."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: EnvironmentNames,
        settings: EnvironmentSettings,
        foundation: Foundation,
        **stack: Any,
    ) -> None:
        super().__init__(scope, construct_id, **stack)
        query = FeatureQuery(self, "Query", names=names, protection=foundation.protection)
        groups = FeatureGroups(self, "Groups", names=names, foundation=foundation, groups=dict(settings.feature_groups))
        groups.node.add_dependency(query)
        cdk.CfnOutput(self, "WorkgroupName", value=names.features_workgroup)
