"""AWS::SageMaker::ModelCard, provisioned through the operations that clients call.

Ref is the card's name. A template spells the members of the content in PascalCase, the API in snake case.
Source: template reference and the type's schema.
"""

from __future__ import annotations

import json
from typing import Any

from local_aws import seam
from local_aws.cloudformation.sagemaker import SageMakerType
from local_aws.core.api import Context
from local_aws.sagemaker import model_cards_schema
from local_aws.seam import Properties


class ModelCard(SageMakerType):
    """A card; a change of its content makes a version of it, a change of its status does not."""

    def _request(self, props: Properties) -> Properties:
        kept = ("ModelCardName", "ModelCardStatus", "SecurityConfig", "Tags")
        return {**{key: props[key] for key in kept if key in props}, "Content": _content(props)}

    def _change(self, ctx: Context, name: str, old: Properties, new: Properties) -> None:
        # One call cannot change both. An archived card's content cannot change: what leaves that state goes first.
        content = [{"Content": _content(new)}] if _content(old) != _content(new) else []
        before, after = old["ModelCardStatus"], new["ModelCardStatus"]
        status = [{"ModelCardStatus": after}] if before != after else []
        for change in (*status, *content) if before == "Archived" else (*content, *status):
            self._call(ctx, "Update", {self.name: name, **change})

    def _ref(self, name: str, _arn: str) -> str:
        return name

    def _attributes(self, described: dict[str, Any]) -> dict[str, Any]:
        times = {key: described[key].isoformat() for key in ("CreationTime", "LastModifiedTime")}
        return {**times, "ModelCardVersion": described["ModelCardVersion"]}


TYPES: tuple[ModelCard, ...] = (ModelCard("ModelCard"),)


def install() -> None:
    """Let CloudFormation provision this type."""
    for resource in TYPES:
        seam.add_resource_type(resource.type_name, resource)


def _content(props: Properties) -> str:
    return json.dumps(model_cards_schema.from_template(props["Content"]), sort_keys=True)
