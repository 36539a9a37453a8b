"""Where rows meet their features: the Glue database of those rows, and the workgroup that joins them."""

import aws_cdk as cdk
from aws_cdk import aws_glue as glue
from constructs import Construct

from mlops_constructs.data_protection import DataProtection
from mlops_constructs.naming import EnvironmentNames
from mlops_constructs.workgroup import workgroup

QUERY_LIMIT_BYTES = 1024**4
"""A query that would read more is stopped; 1 TiB are some ten billion records of a few features, and five dollars."""


class FeatureQuery(Construct):
    """A model's table of rows is in the stack that trains it (feature_rows).

    ```python
    import aws_cdk as cdk

    from mlops_constructs import DataProtection, EnvironmentKey, EnvironmentNames, FeatureQuery

    app = cdk.App()
    stack = cdk.Stack(app, "shop-dev")
    key = EnvironmentKey(stack, "Key", retain=False, description="All that shop-dev stores")
    protection = DataProtection(key=key, retain=False, log_retention_days=30)
    FeatureQuery(stack, "Query", names=EnvironmentNames("shop", "dev"), protection=protection)

    app.synth()
    ```
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, names: EnvironmentNames, protection: DataProtection
    ) -> None:
        super().__init__(scope, construct_id)
        glue.CfnDatabase(
            self,
            "Database",
            catalog_id=cdk.Stack.of(self).account,
            database_name=names.features_database,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=names.features_database, description=f"Rows that wait for their features, in {names.base}"
            ),
        )
        self._build_workgroup(names, protection)

    def _build_workgroup(self, names: EnvironmentNames, protection: DataProtection) -> None:
        """Where results go, each query says: a model's role may write below that model's folder alone.

        So the workgroup's settings cannot overrule a client's. How much may be read they limit all the same (user
        guide: data usage control limits), and the bucket encrypts what a client does not.
        """
        workgroup(
            self,
            name=names.features_workgroup,
            description=f"Joins of rows and their features in {names.base}",
            limit_bytes=QUERY_LIMIT_BYTES,
            key=protection.key,
        )
