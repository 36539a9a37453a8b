"""How far the releases of one model are: data, which no deployment of code may touch."""

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.naming import ModelNames
from mlops_constructs.release_parameters import ReleaseParameters


class StateStack(cdk.Stack):
    """The model's release parameters, and nothing else: a stack for each model, since a stack holds 500 resources."""

    def __init__(self, scope: Construct, construct_id: str, *, names: ModelNames, **stack: Any) -> None:
        super().__init__(scope, construct_id, **stack)
        ReleaseParameters(self, "Release", names=names)
