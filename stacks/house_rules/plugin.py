"""The house rules as a validation plugin of CDK: a finding stops the synthesis, as one of cdk-nag does."""

import json
from pathlib import Path

import aws_cdk as cdk
import jsii

from stacks.house_rules.findings import Expected, Finding
from stacks.house_rules.rules import RULES, findings
from stacks.house_rules.templates import Templates

NAME = "house-rules"


@jsii.implements(cdk.IPolicyValidationPlugin)
class HouseRules:
    """In Python rather than Guard: a rule here looks at several templates at once, and costs milliseconds."""

    def __init__(self, expected: Expected) -> None:
        self._expected = expected

    @property
    def name(self) -> str:
        return NAME

    @property
    def version(self) -> str:
        return "1.0.0"

    @property
    def rule_ids(self) -> list[str]:
        return list(RULES)

    def validate(self, context: cdk.IPolicyValidationContext) -> cdk.PolicyValidationPluginReport:
        """CDK's own call, after the templates are written."""
        paths = {_stack(path): path for path in context.template_paths}
        templates = Templates({stack: json.loads(Path(path).read_text()) for stack, path in paths.items()})
        violations = [_violation(each, paths[each.resource.stack]) for each in findings(templates, self._expected)]
        return cdk.PolicyValidationPluginReport(success=not violations, violations=violations)


def _stack(path: str) -> str:
    return Path(path).name.removesuffix(".template.json")


def _violation(finding: Finding, path: str) -> cdk.PolicyViolation:
    resource = cdk.PolicyViolatingResource(
        locations=[finding.place], resource_logical_id=finding.resource.name, template_path=path
    )
    return cdk.PolicyViolation(
        rule_name=finding.rule, description=finding.line, severity="error", violating_resources=[resource]
    )
