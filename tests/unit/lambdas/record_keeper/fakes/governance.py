# ruff: noqa: N803 - the arguments of the calls are spelled as AWS spells them
"""Model cards and lineage entities, with SageMaker's rules: unique names, one artifact for a source."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.unit.lambdas.record_keeper.names import ACCOUNT, ENVIRON, refused

Row = dict[str, Any]


@dataclass
class Cards:
    """cards: by name; history: every status that a card had, in order."""

    cards: dict[str, Row] = field(default_factory=dict)
    history: dict[str, list[str]] = field(default_factory=dict)

    def content(self, name: str) -> Row:
        content: Row = json.loads(self.cards[name]["Content"])
        return content

    def describe_model_card(self, ModelCardName: str) -> Row:
        if ModelCardName not in self.cards:
            raise refused("ResourceNotFound", f"Model card {ModelCardName} does not exist.", "DescribeModelCard")
        return self.cards[ModelCardName]

    def create_model_card(self, ModelCardName: str, Content: str, ModelCardStatus: str, SecurityConfig: Row) -> Row:
        assert SecurityConfig == {"KmsKeyId": ENVIRON["KEY_ARN"]} and len(Content) < 100_000
        if ModelCardName in self.cards:
            raise refused("ConflictException", "Model card already exists", "CreateModelCard")
        self.cards[ModelCardName] = {
            "ModelCardArn": f"{ACCOUNT}:model-card/{ModelCardName}", "ModelCardName": ModelCardName,
            "ModelCardVersion": 1, "Content": Content, "ModelCardStatus": ModelCardStatus,
        }  # fmt: skip
        self.history[ModelCardName] = [ModelCardStatus]
        return {}

    def update_model_card(self, ModelCardName: str, Content: str = "", ModelCardStatus: str = "") -> Row:
        assert bool(Content) != bool(ModelCardStatus), "content and status one at a time"
        card = self.cards[ModelCardName]
        if Content:
            card["Content"] = Content
        else:
            card["ModelCardStatus"] = ModelCardStatus
            self.history[ModelCardName].append(ModelCardStatus)
        card["ModelCardVersion"] += 1
        return {}


@dataclass
class Graph:
    """entities: by ARN; associations: (source, destination) to type."""

    entities: dict[str, Row] = field(default_factory=dict)
    associations: dict[tuple[str, str], str] = field(default_factory=dict)

    def named(self) -> set[tuple[str, str, str]]:
        """Types of source and destination of each association, and its own."""
        return {
            (self.entities[source]["type"], type_, self.entities[destination]["type"])
            for (source, destination), type_ in self.associations.items()
        }

    def sources(self, type_: str) -> list[str]:
        return sorted(each["uri"] for each in self.entities.values() if each["type"] == type_)

    def _find(self, kind: str, uri: str, type_: str = "") -> Row:
        found = [
            {f"{kind.title()}Arn": arn} for arn, each in self.entities.items()
            if (each["kind"], each["uri"]) == (kind, uri) and type_ in ("", each["type"])
        ]  # fmt: skip
        return {f"{kind.title()}Summaries": found}

    def _make(self, kind: str, uri: str, type_: str, name: str = "") -> Row:
        taken = [each for each in self.entities.values() if each["kind"] == kind]
        same = any(each["uri"] == uri if kind == "artifact" else each["name"] == name for each in taken)
        assert not same, f"{kind} {uri} {name} is there already"
        arn = f"{ACCOUNT}:{kind}/{len(self.entities) + 1:032d}"
        self.entities[arn] = {"kind": kind, "uri": uri, "type": type_, "name": name}
        return {f"{kind.title()}Arn": arn}

    def list_artifacts(self, SourceUri: str) -> Row:
        return self._find("artifact", SourceUri)

    def list_actions(self, SourceUri: str, ActionType: str) -> Row:
        return self._find("action", SourceUri, ActionType)

    def list_contexts(self, SourceUri: str, ContextType: str) -> Row:
        return self._find("context", SourceUri, ContextType)

    def create_artifact(self, Source: Row, ArtifactType: str, Properties: Row) -> Row:
        return self._make("artifact", Source["SourceUri"], ArtifactType)

    def create_action(self, ActionName: str, Source: Row, ActionType: str, Status: str, Properties: Row) -> Row:
        return self._make("action", Source["SourceUri"], ActionType, ActionName)

    def create_context(self, ContextName: str, Source: Row, ContextType: str, Properties: Row) -> Row:
        return self._make("context", Source["SourceUri"], ContextType, ContextName)

    def list_associations(self, SourceArn: str, DestinationArn: str) -> Row:
        there = (SourceArn, DestinationArn) in self.associations
        return {"AssociationSummaries": [{"SourceArn": SourceArn, "DestinationArn": DestinationArn}] if there else []}

    def add_association(self, SourceArn: str, DestinationArn: str, AssociationType: str) -> Row:
        assert (SourceArn, DestinationArn) not in self.associations
        assert {SourceArn, DestinationArn} <= set(self.entities)
        self.associations[SourceArn, DestinationArn] = AssociationType
        return {}
