"""`mlops audit`: each release with its evidence, and any gap."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from mlops import audit, audit_page, target, words
from mlops.audit_look import Auditor, utc_now
from mlops.audit_observed import OK
from mlops.audit_page import Audited
from mlops.commands.options import LOCAL, Env, Json, Model, positive
from mlops.commands.output import Output, of
from mlops.errors import CommandError

FOUND_GAPS = 1


def add(app: typer.Typer) -> None:
    app.command("audit")(run)


def run(
    versions: Annotated[
        list[int] | None,
        typer.Argument(parser=positive, metavar="VERSION", help="default: all about which was decided"),
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="write a page with all findings there")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="exit code 1 if there is a gap")] = False,
    env: Env = LOCAL,
    model: Model = None,
    json: Json = False,
) -> int:
    """Each release with its evidence, and what is missing of it."""
    about = target.find(env, model)
    auditor = Auditor(about, now := utc_now())
    audited: list[Audited] = []
    for version in sorted(set(versions or ()), reverse=True) or auditor.released:
        observed = auditor.observe(version)
        if observed.unknown:
            known = f"decided was about {', '.join(map(str, auditor.released)) or 'none'}"
            raise CommandError(f"version {version} of {about.title}: is neither in the registry nor archived; {known}")
        audited.append((observed, audit.check(observed)))
    told = list(_lines(about.title, words.moment(now), audited))
    if html:
        html.write_text(audit_page.html(about.title, words.moment(now), audited), encoding="utf-8")
        told.append(f"saved as {html}; open it in a browser")
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
    Output(json).answer(of(about, at=now, gaps=total, releases=data), told)
    return FOUND_GAPS if strict and total else 0


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
