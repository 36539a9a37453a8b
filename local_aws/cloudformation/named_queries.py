"""AWS::Athena::NamedQuery, kept by Athena itself, so that clients find and run what a stack offers.

Ref is the query's id. Nothing of it changes in place. Source: template reference and the type's schema.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from botocore.exceptions import ClientError

from local_aws import clients, seam
from local_aws.cloudformation import schema_check, schemas
from local_aws.core.api import Context
from local_aws.seam import Physical, Properties
from local_aws.state import REGION

_NAME_LIMIT = 128
_MEMBERS = ("Name", "Description", "Database", "QueryString", "WorkGroup")


class NamedQuery:
    """A saved query."""

    type_name = "AWS::Athena::NamedQuery"
    name = None
    taggable = False

    @property
    def create_only(self) -> Container[str]:
        return _MEMBERS

    def create(self, ctx: Context, physical_name: Callable[[int], str], props: Properties) -> Physical:
        schema = schemas.schema(self.type_name, REGION)
        assert schema is not None
        if problems := schema_check.problems(schema, props):
            raise ValueError(f"Properties validation failed for {self.type_name}: {'; '.join(problems)}")
        request = {"Name": physical_name(_NAME_LIMIT), **{key: str(props[key]) for key in _MEMBERS if key in props}}
        ident = clients.client("athena", ctx).create_named_query(**request)["NamedQueryId"]
        return ident, {"NamedQueryId": ident}

    def update(self, _ctx: Context, ref: str, _old: Properties, _new: Properties) -> Physical:
        return ref, {"NamedQueryId": ref}

    def delete(self, ctx: Context, ref: str, _props: Properties) -> None:
        try:
            clients.client("athena", ctx).delete_named_query(NamedQueryId=ref)
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidRequestException":
                raise


TYPES: tuple[NamedQuery, ...] = (NamedQuery(),)


def install() -> None:
    """Let CloudFormation provision this type, on worker threads: it calls back into this server."""
    for resource in TYPES:
        seam.add_resource_type(resource.type_name, resource)
    seam.run_on_worker_threads({resource.type_name for resource in TYPES}.__contains__)
