"""All house rules by their names."""

from collections.abc import Iterator, Mapping

from stacks.house_rules import exposure, naming, serving, storage, wiring
from stacks.house_rules.findings import Check, Expected, Finding
from stacks.house_rules.templates import Templates

RULES: Mapping[str, Check] = {
    "encrypted": storage.encrypted,
    "tls-only": storage.tls_only,
    "kept": storage.kept,
    "private": exposure.private,
    "inside-vpc": exposure.inside_vpc,
    "known-events": wiring.known_events,
    "nothing-lost": wiring.nothing_lost,
    "alarmed": wiring.alarmed,
    "logs-expire": wiring.logs_expire,
    "guarded-deployment": serving.guarded_deployment,
    "scaled-variants": serving.scaled_variants,
    "monitor-schedules": serving.monitor_schedules,
    "tagged": naming.tagged,
    "names-fit": naming.names_fit,
    "parameters-exist": naming.parameters_exist,
}


def findings(templates: Templates, expected: Expected) -> Iterator[Finding]:
    """What every rule finds in the templates of one app."""
    for name, check in RULES.items():
        yield from (Finding(name, *breach) for breach in check(templates, expected))
