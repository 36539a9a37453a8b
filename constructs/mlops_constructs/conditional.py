"""Resources that a deployment makes only under a condition."""

import aws_cdk as cdk
from constructs import IConstruct


def exist_only_if(construct: IConstruct, condition: cdk.CfnCondition) -> None:
    """Put every resource of `construct`, and below, under `condition`."""
    for child in construct.node.find_all():
        if isinstance(child, cdk.CfnResource):
            child.cfn_options.condition = condition
