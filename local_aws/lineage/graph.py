"""The entities of the lineage graph by their ARNs, and the associations between them.

Everything here is plain data in tables. Who makes an entity, a client or AWS itself, is in its `_Automatic`: only
what clients make counts against a quota (developer guide, lineage-tracking-manual-creation, Limits).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from local_aws.core import store, tags
from local_aws.core.api import Context, ResourceLimitExceeded, ResourceNotFound, ValidationException
from local_aws.sagemaker import user_context

Row = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind of entity, e.g. prefix "Artifact" for ArtifactArn, ArtifactName and ArtifactType."""

    prefix: str
    arn_type: str
    limit: int
    plural: str

    @property
    def table(self) -> store.Table:
        return store.table(f"lineage-{self.arn_type}")

    def arn(self, row: Row) -> str:
        return str(row[f"{self.prefix}Arn"])

    def name(self, row: Row) -> str | None:
        return row.get(f"{self.prefix}Name")

    def type(self, row: Row) -> str:
        """The entity's type as ListAssociations tells it."""
        if self is TRIAL_COMPONENT:
            return str(row["Source"]["SourceType"])
        return str(row[f"{self.prefix}Type"])

    def vertex_type(self, row: Row) -> str:
        """The entity's type as QueryLineage tells it: of a job's trial component, without "SageMaker"."""
        return self.type(row).removeprefix("SageMaker")


ARTIFACT = Kind("Artifact", "artifact", 6000, "artifacts")
ACTION = Kind("Action", "action", 3000, "actions")
CONTEXT = Kind("Context", "context", 500, "contexts")
TRIAL_COMPONENT = Kind("TrialComponent", "experiment-trial-component", 0, "trial components")
KINDS = {kind.arn_type: kind for kind in (ARTIFACT, ACTION, CONTEXT, TRIAL_COMPONENT)}
ASSOCIATION_LIMIT = 6000

associations = store.table("lineage-associations")


def artifact_id(source_uri: str) -> str:
    """The last part of an artifact's ARN: it follows from the source, so it is the same in every account.

    Source: SageMaker Python SDK, lineage/query.py, which recognises an artifact of two accounts by it.
    """
    return hashlib.md5(source_uri.encode(), usedforsecurity=False).hexdigest()


def kind_of(arn: str) -> Kind | None:
    """The kind of entity that an ARN names; None for one that is not kept here, e.g. an experiment."""
    return KINDS.get(arn.split(":", 5)[-1].partition("/")[0])


def find(ctx: Context, arn: str) -> tuple[Kind, Row]:
    """The entity of an ARN. Raises ResourceNotFound where there is none."""
    kind = kind_of(arn)
    row = kind.table.get(key(ctx, arn.rpartition("/")[2])) if kind else None
    if kind is None or row is None or kind.arn(row) != arn:
        raise ResourceNotFound(f"Lineage entity {arn} does not exist.")
    return kind, row


def named(ctx: Context, kind: Kind, name_or_arn: str) -> Row:
    """An entity by its name, or its ARN. Raises ResourceNotFound where there is none."""
    name = name_or_arn.rpartition("/")[2]
    row = kind.table.get(key(ctx, name))
    if row is None or (name_or_arn.startswith("arn:") and kind.arn(row) != name_or_arn):
        raise ResourceNotFound(f"{kind.prefix} {name_or_arn} does not exist.")
    return row


def key(ctx: Context, name: str) -> store.Key:
    return ctx.account, ctx.region, name


def add(ctx: Context, kind: Kind, ident: str, members: Row, *, automatic: bool = False) -> Row:
    """Store a new entity; `ident` is the last part of its ARN.

    Raises ValidationException where it exists already, and ResourceLimitExceeded where the account has too many.
    """
    arn = ctx.arn(f"{kind.arn_type}/{ident}")
    with store.lock:
        if key(ctx, ident) in kind.table:
            raise ValidationException(f"{kind.prefix} {arn} already exists.")
        if not automatic:
            _check_limit(kind.plural, kind.limit, kind.table.rows(ctx.account, ctx.region))
        now, user = store.now(), user_context.current()
        row = {name: value for name, value in members.items() if name != "Tags" and value is not None}
        row |= {f"{kind.prefix}Arn": arn, "CreationTime": now, "LastModifiedTime": now, "_Automatic": automatic}
        if user:
            row |= {"CreatedBy": user, "LastModifiedBy": user}
        kind.table[key(ctx, ident)] = row
        tags.set(arn, members.get("Tags"))
    return row


def associate(ctx: Context, source: str, destination: str, association_type: str | None, *, automatic: bool) -> None:
    """Store an association. Raises ValidationException where the two have one, ResourceLimitExceeded at the quota."""
    with store.lock:
        place = key(ctx, pair(source, destination))
        if place in associations:
            raise ValidationException(f"Association from {source} to {destination} already exists.")
        if not automatic:
            _check_limit("associations", ASSOCIATION_LIMIT, associations.rows(ctx.account, ctx.region))
        row: Row = {"SourceArn": source, "DestinationArn": destination, "CreationTime": store.now()}
        if association_type:
            row["AssociationType"] = association_type
        if user := user_context.current():
            row["CreatedBy"] = user
        associations[place] = {**row, "_Automatic": automatic}


def pair(source: str, destination: str) -> str:
    """The key of an association: two entities have at most one in each direction."""
    return f"{source}|{destination}"


def ensure(ctx: Context, kind: Kind, ident: str, members: Row) -> str:
    """The ARN of an entity of AWS's own, made where it is not there: "SageMaker AI reuses any existing entities"."""
    with store.lock:
        row = kind.table.get(key(ctx, ident)) or add(ctx, kind, ident, members, automatic=True)
    return kind.arn(row)


def ensure_association(ctx: Context, source: str, destination: str, association_type: str) -> None:
    """Associate two entities where they are not."""
    with store.lock:
        if key(ctx, pair(source, destination)) not in associations:
            associate(ctx, source, destination, association_type, automatic=True)


def edges(ctx: Context) -> list[Row]:
    """The associations of an account and region, oldest first."""
    return associations.rows(ctx.account, ctx.region)


def _check_limit(plural: str, limit: int, rows: list[Row]) -> None:
    used = sum(1 for row in rows if not row.get("_Automatic"))
    if used >= limit:
        title = plural.capitalize()
        raise ResourceLimitExceeded(
            f"The account-level service limit 'Total number of {plural} allowed, excluding those automatically created "
            f"by SageMaker' is {limit} {title}, with current utilization of {used} {title} and a request delta of 1 "
            f"{title}."
        )
