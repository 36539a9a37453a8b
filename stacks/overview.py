"""What shows all models of an environment together."""

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.environment_dashboard import EnvironmentDashboard
from mlops_constructs.foundation import Foundation
from mlops_constructs.metrics_reader import MetricsReader
from mlops_constructs.model_metrics import ModelMetrics
from mlops_constructs.monthly_budget import MonthlyBudget
from mlops_constructs.naming import EnvironmentNames
from stacks.settings import EnvironmentSettings


class OverviewStack(cdk.Stack):
    """One dashboard, and where asked for, a role that reads figures elsewhere, and budgets; it holds no state."""

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
        models = [ModelMetrics(names.model(folder)) for folder in settings.models]
        dashboard = EnvironmentDashboard(self, "Dashboard", names=names, models=models)
        cdk.CfnOutput(self, "DashboardName", value=dashboard.dashboard_name)
        if settings.metrics.readers:
            reader = MetricsReader(self, "Reader", principals=settings.metrics.readers)
            cdk.CfnOutput(self, "MetricsReaderArn", value=reader.role_arn)
        self._build_budgets(names, settings, foundation)

    def _build_budgets(self, names: EnvironmentNames, settings: EnvironmentSettings, foundation: Foundation) -> None:
        common: dict[str, Any] = {"notify_percent": settings.budget.notify_percent, "topic": foundation.topic}
        if amount := settings.budget.monthly_usd:
            MonthlyBudget(self, "Budget", name=names.base, monthly_usd=amount, tags=names.tags, **common)
        for folder, each in settings.models.items():
            model = names.model(folder)
            if amount := each.budget.monthly_usd:
                construct_id = f"Budget-{model.public}"
                MonthlyBudget(self, construct_id, name=model.base, monthly_usd=amount, tags=model.tags, **common)
