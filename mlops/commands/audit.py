"""`mlops audit`: each release with its evidence, and any gap."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlops import audit, audit_page, target, words
from mlops.audit_look import Auditor, utc_now
from mlops.audit_observed import OK
from mlops.audit_page import Audited
from mlops.commands import options
from mlops.errors import CommandError

FOUND_GAPS = 1


def add(commands: "options.Commands") -> None:
    parser = options.command(commands, "audit", run, "each release with its evidence, and what is missing of it")
    parser.add_argument(
        "versions", type=options.positive, nargs="*", metavar="VERSION", help="default: all about which was decided"
    )
    parser.add_argument("--html", metavar="FILE", help="write a page with all findings there")
    parser.add_argument("--strict", action="store_true", help="exit code 1 if there is a gap")


def run(arguments: argparse.Namespace) -> int:
    model = target.find(arguments.env, arguments.model)
    auditor = Auditor(model, now := utc_now())
    versions = sorted(set(arguments.versions), reverse=True) or auditor.released
    audited: list[Audited] = []
    for version in versions:
        observed = auditor.observe(version)
        if observed.unknown:
            known = f"decided was about {', '.join(map(str, auditor.released)) or 'none'}"
            raise CommandError(f"version {version} of {model.title}: is neither in the registry nor archived; {known}")
        audited.append((observed, audit.check(observed)))
    told = list(_lines(model.title, words.moment(now), audited))
    if arguments.html:
        page = audit_page.html(model.title, words.moment(now), audited)
        Path(arguments.html).write_text(page, encoding="utf-8")
        told.append(f"saved as {arguments.html}; open it in a browser")
    data = [
        {
            "version": observed.version,
            "serves": observed.champion,
            "gaps": len(audit.gaps(findings)),
            "findings": list(findings),
            "decisions": list(observed.releases),
        }
        for observed, findings in audited
    ]
    total = sum(len(audit.gaps(findings)) for _, findings in audited)
    options.answer(arguments, options.of(model, at=now, gaps=total, releases=data), told)
    return FOUND_GAPS if arguments.strict and total else 0


def _lines(title: str, at: str, audited: Sequence[Audited]) -> Iterator[str]:
    """A version a paragraph: every gap with its remedy, what is well in one line."""
    yield f"{title}, {at} UTC"
    if not audited:
        yield "  nothing was released yet"
    for observed, findings in audited:
        serves = ", serves" if observed.champion else ""
        yield f"  version {observed.version}{serves}: {', '.join(audit.summary(findings))}"
        for each in audit.gaps(findings):
            yield f"    GAP  {each.check:<15} {each.why}"
            yield f"         {'':<15} to do: {each.fix}"
        well = [each.check for each in findings if each.state == OK]
        if well:
            yield f"    ok   {', '.join(well)}"
