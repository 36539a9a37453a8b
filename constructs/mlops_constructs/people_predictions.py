"""Rights of who may ask what models answered, and whom: operators and auditors."""

from aws_cdk import aws_iam as iam
from constructs import Construct

from mlops_constructs.access import Conditions, allow
from mlops_constructs.environment_arns import OWN, EnvironmentArns
from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import PREDICTIONS, EnvironmentNames
from mlops_constructs.people_sight import let_read
from mlops_constructs.prediction_tables import RESULTS_FOLDER, TABLES

_ANSWERS = "Athena names answers after the query's execution."

# Of what Athena does with the rights of who asks it (user guide: CalledVia context keys).
_BY_ATHENA: Conditions = {"ForAnyValue:StringEquals": {"aws:CalledVia": ["athena.amazonaws.com"]}}


class PeoplePredictions(iam.ManagedPolicy):
    """Read captured requests and outcomes, and query them (`mlops lineage --predictions`).

    Answers are written by Athena alone, so that nobody puts others in their place: the release controller reads there
    what decides about a version.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: EnvironmentNames,
        foundation: Foundation,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            managed_policy_name=f"{names.base}-predictions",
            description=f"What the models of {names.base} answered (docs/access.md)",
        )
        arns, capture = EnvironmentArns(self, names), foundation.capture
        queries = ["GetQueryExecution", "GetQueryResults", "StartQueryExecution", "StopQueryExecution"]
        allow(self, [f"athena:{each}" for each in queries], [arns.workgroup(f"{names.base}-*{PREDICTIONS}")], why=OWN)
        # A model's database is called after it; that of features and the trail's have no tables of these names.
        databases = f"{names.base}_*".replace("-", "_")
        allow(self, ["glue:GetDatabase", "glue:GetTable"], arns.catalog(databases, *TABLES), why=OWN)
        let_read(self, capture, foundation)
        allow(
            self,
            ["s3:AbortMultipartUpload", "s3:PutObject"],
            [capture.arn_for_objects(f"*/{RESULTS_FOLDER}/*")],
            conditions=_BY_ATHENA,
            why=_ANSWERS,
        )
        allow(self, ["kms:GenerateDataKey"], [foundation.protection.key.key_arn])
