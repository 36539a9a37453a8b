"""The role of Model Monitor's and Clarify's jobs."""

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.foundation import Foundation
from mlops_constructs.model_monitor_images import MonitorImages
from mlops_constructs.naming import ModelNames
from mlops_constructs.sagemaker_role import SageMakerRole

CLARIFY_PREFIX = "clarify-"
_PREFIX_LIMIT = 40  # of the 63 characters of an endpoint's name; Clarify adds a time and a number
_METRICS = ("aws/sagemaker/Endpoints/*", "/aws/sagemaker/Endpoints/*", "/aws/sagemaker/ProcessingJobs")
_OWN_CONFIG = "sm-clarify-config-*"


def endpoint_prefix(names: ModelNames) -> str:
    """What the names of the endpoints start with that Clarify starts, asks and removes to explain a model."""
    return f"{CLARIFY_PREFIX}{names.base}"[:_PREFIX_LIMIT].rstrip("-")


class ModelMonitorRole(SageMakerRole):
    """Reads what the endpoint saw and the champion's baselines; writes documents and figures.

    An events rule knows the monitors' jobs by this role, which nothing else has.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, names: ModelNames, foundation: Foundation, images: MonitorImages
    ) -> None:
        super().__init__(scope, construct_id, description=f"Model Monitor's jobs for {names.endpoint}")
        self._names = names
        self.grant_logs("/aws/sagemaker/ProcessingJobs")
        self.grant_metrics(_METRICS)
        for image in (images.analyzer, images.merger, images.clarify):
            self.grant_pull(image)
        foundation.capture.grant_read_below(self, names.folder)
        foundation.artifacts.grant_read_below(self, names.findings)
        foundation.artifacts.grant_write_below(self, names.findings)
        self.grant_volumes(foundation.protection.key)
        self.grant_network(foundation.protection.network)
        # Asked for by jobs that name a key for their outputs (developer guide: execution roles).
        allow(self, ["kms:Encrypt"], [foundation.protection.key.key_arn])
        self.grant_pass_to_sagemaker()
        self._allow_watching()
        self._allow_explaining()

    def _allow_watching(self) -> None:
        allow(self, ["sagemaker:DescribeEndpoint"], [self._arn("endpoint", self._names.endpoint)])
        allow(
            self,
            ["sagemaker:DescribeEndpointConfig"],
            [self._arn("endpoint-config", "*")],
            why="CloudFormation generates the names of the endpoint's configurations; it reads where captured data go.",
        )

    def _allow_explaining(self) -> None:
        """Clarify asks the champion's model on an endpoint of its own, so that nobody's requests wait for it."""
        actions = ("Create{}", "Describe{}", "Delete{}")
        prefix = endpoint_prefix(self._names)
        allow(
            self,
            [*(f"sagemaker:{action.format('Endpoint')}" for action in actions), "sagemaker:InvokeEndpoint"],
            [self._arn("endpoint", f"{prefix}*")],
            why="Clarify ends the names of its endpoints with a time and a number.",
        )
        allow(
            self,
            [f"sagemaker:{action.format('EndpointConfig')}" for action in actions],
            [self._arn("endpoint-config", f"{prefix}*"), self._arn("endpoint-config", _OWN_CONFIG)],
            why="Clarify names the configurations of its endpoints by itself, with a time at the end.",
        )
        allow(
            self,
            ["sagemaker:AddTags"],
            [self._arn("endpoint", f"{prefix}*"), self._arn("endpoint-config", _OWN_CONFIG)],
            why="Clarify marks what it starts, by names that it ends with a time.",
        )
        allow(
            self,
            ["sagemaker:DescribeModel"],
            [self._arn("model", "*")],
            why="CloudFormation generates the names of the models; it reads which container the champion runs in.",
        )

    def _arn(self, resource: str, name: str) -> str:
        return cdk.Stack.of(self).format_arn(service="sagemaker", resource=resource, resource_name=name)
