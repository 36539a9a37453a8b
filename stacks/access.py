"""The roles of people in an environment, and the record of what they and everybody else do there."""

from collections.abc import Iterator
from typing import Any

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.artifact_source import ArtifactSource
from mlops_constructs.audit_tables import AuditTables
from mlops_constructs.audit_trail import AuditTrail
from mlops_constructs.auditor_rights import AuditorRights
from mlops_constructs.delivery_role import DeliveryRole
from mlops_constructs.empty_on_delete import EmptyOnDelete
from mlops_constructs.environment_arns import EnvironmentArns
from mlops_constructs.feature_access import FeatureAccess
from mlops_constructs.feature_settings import FeatureGroupSettings
from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import EnvironmentNames
from mlops_constructs.people_roles import PeopleRoles
from mlops_constructs.release_policy import evidence_key
from stacks.settings import EnvironmentSettings


class AccessStack(cdk.Stack):
    """Four roles of people, and one of a pipeline that delivers here; with `audit.trail` a trail, its table and the
    usual questions. The trail's files are state."""

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
        registries = [settings.registry(folder) for folder in settings.models]
        people = PeopleRoles(
            self,
            "People",
            names=names,
            access=settings.access,
            foundation=foundation,
            registries=registries,
            proofs=[evidence_key(each) for each in _tested_in(settings)],
            unfilled=FeatureAccess(names, _unfilled(settings), foundation),
        )
        for source, folder in self._sources(settings):
            for person in (people.data_scientist, people.auditor):
                source.grant_read_versions_below(person.policy, folder)
        auditor = AuditorRights(people.auditor, EnvironmentArns(self, names), foundation)
        auditor.to_versions()
        auditor.to_protection()
        if settings.audit.trail:
            trail = AuditTrail(self, "Trail", names=names, foundation=foundation)
            tables = AuditTables(self, "Tables", names=names, trail=trail, foundation=foundation, registries=registries)
            auditor.to_trail(trail, tables)
            self._keep(settings, foundation, trail)
            cdk.CfnOutput(self, "TrailName", value=trail.name)
            cdk.CfnOutput(self, "AuditWorkgroup", value=tables.workgroup_name)
        auditor.and_nothing_else()
        if settings.delivery:
            DeliveryRole(
                self,
                "Delivery",
                names=names,
                account=settings.delivery.account,
                foundation=foundation,
                trains=any(each.trains for each in settings.models.values()),
            )
        for key, person in {
            "DataScientistRoleArn": people.data_scientist,
            "ApproverRoleArn": people.approver,
            "OperatorRoleArn": people.operator,
            "AuditorRoleArn": people.auditor,
        }.items():
            cdk.CfnOutput(self, key, value=person.role.role_arn)

    def _sources(self, settings: EnvironmentSettings) -> Iterator[tuple[ArtifactSource, str]]:
        """Where versions were made that are released here, with the folder of each model."""
        taken = [folder for folder, each in settings.models.items() if each.release.takes_from]
        places = {settings.models[folder].release.takes_from: settings.registry(folder) for folder in taken}
        sources = {
            place: ArtifactSource(self, f"Source-{place}", registry=registry)
            for place, registry in sorted(places.items())
        }
        yield from ((sources[settings.models[folder].release.takes_from], folder) for folder in taken)

    def _keep(self, settings: EnvironmentSettings, foundation: Foundation, trail: AuditTrail) -> None:
        if not settings.retain:
            emptying = EmptyOnDelete(self, "EmptyOnDelete", protection=foundation.protection)
            for bucket in (trail.bucket, trail.access_logs):
                emptying.empty_bucket(bucket)


def _unfilled(settings: EnvironmentSettings) -> dict[str, FeatureGroupSettings]:
    """Feature groups that no training pipeline fills here: in an environment that only releases, all of them."""
    filled = {name for each in settings.models.values() if each.trains for name in each.features.groups}
    return {name: group for name, group in settings.feature_groups.items() if name not in filled}


def _tested_in(settings: EnvironmentSettings) -> list[str]:
    """Environments whose tests a release here asks for, and this one, whose tests another may ask for."""
    required = {name for each in settings.models.values() for name in each.release.requires}
    return sorted({settings.environment, *required})
