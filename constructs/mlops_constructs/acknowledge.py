"""Findings of the checks that are accepted, each with its reason on the construct it is about."""

from collections.abc import Mapping

import aws_cdk as cdk
from constructs import IConstruct

STANDARDS = ("NIST.800.53.R5", "HIPAA.Security", "PCI.DSS.321")
"""Packs of cdk-nag that share most of their rules; in ids their names have no hyphens."""


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Accept findings on `construct` and below; keys are rule ids, also `AwsSolutions-IAM5[Resource::*]`."""
    entries = [cdk.Acknowledgment(id=rule, reason=reason) for rule, reason in reasons.items()]
    cdk.Validations.of(construct).acknowledge(*entries)


def acknowledge_in_standards(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Accept findings that STANDARDS have in common; keys are the rules' names without a pack, as `LambdaDLQ`."""
    acknowledge(construct, {f"{pack}-{rule}": reason for pack in STANDARDS for rule, reason in reasons.items()})
