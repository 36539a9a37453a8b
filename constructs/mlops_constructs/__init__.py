"""Constructs for machine learning operations on SageMaker: one a file, and none knows an application.

What is public is in `__all__`, and docs/constructs.md tells what each is for; everything else may change at any time.
A name is imported when it is first asked for: settings and names are read without CDK.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlops_constructs.audit_tables import AuditTables as AuditTables
    from mlops_constructs.audit_trail import AuditTrail as AuditTrail
    from mlops_constructs.batch_scoring import BatchScoring as BatchScoring
    from mlops_constructs.batch_settings import BatchSettings as BatchSettings
    from mlops_constructs.data_protection import DataProtection as DataProtection
    from mlops_constructs.dead_letter_queue import DeadLetterQueue as DeadLetterQueue
    from mlops_constructs.definition_builder import DefinitionBuilder as DefinitionBuilder
    from mlops_constructs.empty_on_delete import EmptyOnDelete as EmptyOnDelete
    from mlops_constructs.encrypted_bucket import AccessLogBucket as AccessLogBucket
    from mlops_constructs.encrypted_bucket import EncryptedBucket as EncryptedBucket
    from mlops_constructs.environment_key import EnvironmentKey as EnvironmentKey
    from mlops_constructs.errors import ConstructError as ConstructError
    from mlops_constructs.errors import SettingRefusedError as SettingRefusedError
    from mlops_constructs.feature_access import FeatureAccess as FeatureAccess
    from mlops_constructs.feature_groups import FeatureGroups as FeatureGroups
    from mlops_constructs.feature_query import FeatureQuery as FeatureQuery
    from mlops_constructs.feature_settings import FeatureGroupSettings as FeatureGroupSettings
    from mlops_constructs.foundation import Foundation as Foundation
    from mlops_constructs.governance_settings import GovernanceSettings as GovernanceSettings
    from mlops_constructs.images import ContainerImage as ContainerImage
    from mlops_constructs.images import Images as Images
    from mlops_constructs.ledger_backup import LedgerBackup as LedgerBackup
    from mlops_constructs.model_dashboard import ModelDashboard as ModelDashboard
    from mlops_constructs.model_endpoint import ModelEndpoint as ModelEndpoint
    from mlops_constructs.model_metrics import ModelMetrics as ModelMetrics
    from mlops_constructs.model_role import ModelRole as ModelRole
    from mlops_constructs.monitoring_alarms import MonitoringAlarms as MonitoringAlarms
    from mlops_constructs.monitoring_pipeline import MonitoringPipeline as MonitoringPipeline
    from mlops_constructs.monitoring_schedule import MonitoringSchedule as MonitoringSchedule
    from mlops_constructs.monitoring_settings import MonitoringSettings as MonitoringSettings
    from mlops_constructs.monthly_budget import MonthlyBudget as MonthlyBudget
    from mlops_constructs.naming import EnvironmentNames as EnvironmentNames
    from mlops_constructs.naming import ModelNames as ModelNames
    from mlops_constructs.network import Network as Network
    from mlops_constructs.network_settings import NetworkSettings as NetworkSettings
    from mlops_constructs.notification_topic import NotificationTopic as NotificationTopic
    from mlops_constructs.pipeline_context import PipelineContext as PipelineContext
    from mlops_constructs.prediction_tables import PredictionTables as PredictionTables
    from mlops_constructs.private_network import PrivateNetwork as PrivateNetwork
    from mlops_constructs.private_network import VpcPlace as VpcPlace
    from mlops_constructs.record_keeper import RecordKeeper as RecordKeeper
    from mlops_constructs.registry import Registry as Registry
    from mlops_constructs.release_controller import ReleaseController as ReleaseController
    from mlops_constructs.release_inputs import ReleaseInputs as ReleaseInputs
    from mlops_constructs.release_parameters import ReleaseParameters as ReleaseParameters
    from mlops_constructs.release_settings import ReleaseSettings as ReleaseSettings
    from mlops_constructs.release_tests import ReleaseTests as ReleaseTests
    from mlops_constructs.retraining_access import WatchedPlace as WatchedPlace
    from mlops_constructs.retraining_controller import RetrainingController as RetrainingController
    from mlops_constructs.retraining_settings import RetrainingSettings as RetrainingSettings
    from mlops_constructs.settings import ServingSettings as ServingSettings
    from mlops_constructs.settings import TrainingSettings as TrainingSettings
    from mlops_constructs.shared_foundation import SharedFoundation as SharedFoundation
    from mlops_constructs.starting_values import starting as starting
    from mlops_constructs.training_pipeline import TrainingPipeline as TrainingPipeline

CONSTRUCTS = {
    "AccessLogBucket": "encrypted_bucket",
    "AuditTables": "audit_tables",
    "AuditTrail": "audit_trail",
    "BatchScoring": "batch_scoring",
    "DeadLetterQueue": "dead_letter_queue",
    "EmptyOnDelete": "empty_on_delete",
    "EncryptedBucket": "encrypted_bucket",
    "EnvironmentKey": "environment_key",
    "FeatureGroups": "feature_groups",
    "FeatureQuery": "feature_query",
    "LedgerBackup": "ledger_backup",
    "ModelDashboard": "model_dashboard",
    "ModelEndpoint": "model_endpoint",
    "ModelRole": "model_role",
    "MonitoringAlarms": "monitoring_alarms",
    "MonitoringPipeline": "monitoring_pipeline",
    "MonitoringSchedule": "monitoring_schedule",
    "MonthlyBudget": "monthly_budget",
    "Network": "network",
    "NotificationTopic": "notification_topic",
    "PredictionTables": "prediction_tables",
    "PrivateNetwork": "private_network",
    "RecordKeeper": "record_keeper",
    "ReleaseController": "release_controller",
    "ReleaseInputs": "release_inputs",
    "ReleaseParameters": "release_parameters",
    "ReleaseTests": "release_tests",
    "RetrainingController": "retraining_controller",
    "SharedFoundation": "shared_foundation",
    "TrainingPipeline": "training_pipeline",
}
"""Public constructs, each with the module that it is in."""

_GIVEN = {
    "BatchSettings": "batch_settings",
    "ConstructError": "errors",
    "ContainerImage": "images",
    "DataProtection": "data_protection",
    "DefinitionBuilder": "definition_builder",
    "EnvironmentNames": "naming",
    "FeatureAccess": "feature_access",
    "FeatureGroupSettings": "feature_settings",
    "Foundation": "foundation",
    "GovernanceSettings": "governance_settings",
    "Images": "images",
    "ModelMetrics": "model_metrics",
    "ModelNames": "naming",
    "MonitoringSettings": "monitoring_settings",
    "NetworkSettings": "network_settings",
    "PipelineContext": "pipeline_context",
    "Registry": "registry",
    "ReleaseSettings": "release_settings",
    "RetrainingSettings": "retraining_settings",
    "ServingSettings": "settings",
    "SettingRefusedError": "errors",
    "TrainingSettings": "settings",
    "VpcPlace": "private_network",
    "WatchedPlace": "retraining_access",
    "starting": "starting_values",
}
"""What they are given, get back, and raise."""

_HOMES = CONSTRUCTS | _GIVEN
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
