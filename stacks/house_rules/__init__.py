"""House rules: what this project asks of every template, beyond what other people's rules find."""

from stacks.house_rules.findings import Expected, Finding
from stacks.house_rules.plugin import HouseRules
from stacks.house_rules.rules import RULES, findings
from stacks.house_rules.templates import Templates

__all__ = ["RULES", "Expected", "Finding", "HouseRules", "Templates", "findings"]
