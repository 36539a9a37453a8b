"""What must be known of a released version, check by check, each with its reason and its remedy. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from mlops import people
from mlops.audit_observed import GAP, NOT_APPLICABLE, OK, Finding, Observed
from mlops.lineage_words import leading
from mlops_constructs.release_policy import evidence_key

CARD_STATUSES = {"Approved": "Approved", "PendingManualApproval": "PendingReview", "Rejected": "Archived"}
"""The card's status by the approval of its version."""
NO_RATING = ("", "Unknown")

Check = Callable[[Observed], Finding]


def check(observed: Observed) -> list[Finding]:
    """Every check, in the order in which a version comes to be."""
    if observed.chain.manifest is None:
        return [_manifest(observed), *(each(observed) for each in _WITHOUT_MANIFEST)]
    return [each(observed) for each in _CHECKS]


def gaps(findings: Sequence[Finding]) -> list[Finding]:
    return [each for each in findings if each.state == GAP]


def _manifest(of: Observed) -> Finding:
    name = "manifest"
    if of.chain.problems:  # first: a manifest that is gone was written once
        return Finding(
            name,
            GAP,
            "; ".join(of.chain.problems),
            "compare the S3 versions of the revisions, and find in the trail who wrote them",
        )
    if of.chain.manifest is None:
        return Finding(
            name,
            GAP,
            "nothing was written about this version",
            "let the record keeper look: it does once a day; read its log and its dead-letter queue",
        )
    count = len(of.chain.revisions)
    return Finding(name, OK, f"{count} revision{'' if count == 1 else 's'}, each once, the chain is whole")


def _established(of: Observed) -> Finding:
    missing = [str(each) for each in of.manifest.get("missing") or ()]
    if not missing:
        return Finding("established", OK, "the record keeper could establish everything that it asks for")
    more = f" (and {len(missing) - 2} more)" if len(missing) > 2 else ""
    return Finding(
        "established",
        GAP,
        "; ".join(missing[:2]) + more,
        "mend what is named, then train again: what was not noted then cannot be known now",
    )


def _data(of: Observed) -> Finding:
    inputs = of.part("data").get("inputs") or ()
    count = len({(each["uri"], thing["key"]) for each in inputs for thing in each.get("objects") or ()})
    if gone := of.gone.get("data"):
        return Finding(
            "data",
            GAP,
            f"{len(gone)} of {count} objects cannot be read any more: {_these(gone)}",
            "restore them from a backup under their S3 versions; keep versions as long as evidence",
        )
    if not count:
        return Finding("data", GAP, "no object is named that it learned from", "train again; the pipeline names them")
    return Finding("data", OK, f"{count} objects in their S3 versions are there")


def _code(of: Observed) -> Finding:
    bundle = of.part("code").get("bundle") or {}
    uri, wanted = bundle.get("uri"), bundle.get("sha256")
    if not uri:
        return Finding("code", GAP, "the code bundle is not named", "train again with the pipeline of today")
    if not of.bundle_sha256:
        return Finding("code", GAP, f"{uri} is gone", "restore it: check out the commit, and synthesize")
    if wanted not in of.bundle_sha256:
        return Finding(
            "code",
            GAP,
            f"{uri} is not what was run: its SHA-256 is another one than {str(wanted)[:12]}…",
            "find in the trail who wrote it, and restore it from its S3 version",
        )
    commit = of.part("code").get("commit")
    return Finding(
        "code", OK, f"the bundle is there, with its SHA-256; {f'commit {commit}' if commit else 'no commit'}"
    )


def _image(of: Observed) -> Finding:
    images = of.manifest.get("images") or ()
    unknown = [str(each.get("uri")).rsplit("/", 1)[-1] for each in images if not each.get("digest")]
    if not images or unknown:
        return Finding(
            "image",
            GAP,
            f"no digest of {', '.join(unknown)}" if unknown else "no image is named",
            "name the image by its digest in the configuration (…@sha256:…), and train again",
        )
    return Finding("image", OK, f"{len(images)} known by digest")


def _artifact(of: Observed) -> Finding:
    uri = of.part("artifact").get("uri")
    if not uri:
        return Finding("model", GAP, "the model artifact is not named", "train again")
    if of.gone.get("artifact"):
        return Finding(
            "model",
            GAP,
            f"{uri} is gone in the version that was registered",
            f"make it again: mlops reproduce {of.version}",
        )
    return Finding("model", OK, "the artifact is there in the version that was registered")


def _evaluation(of: Observed) -> Finding:
    metrics, steps = of.part("metrics"), of.part("pipeline").get("steps") or ()
    if not metrics:
        return Finding("evaluation", GAP, "no figures of its quality", "train again; the evaluation step writes them")
    gates = [step for step in steps if str(step.get("name", "")).startswith("Gate")]
    failed = [step["name"] for step in gates if step.get("status") not in ("Succeeded", "Completed")]
    if not gates or failed:
        said = f"{failed[0]} did not succeed" if failed else "no gate was passed before registration"
        return Finding("evaluation", GAP, said, "do not release what no gate has passed; register by the pipeline")
    shares = of.part("explanations").get("shares") or {}
    limit = of.rules.max_attribution_share
    worst = max(shares, key=lambda name: float(shares[name]), default="")
    if worst and float(shares[worst]) > limit:
        return Finding(
            "evaluation",
            GAP,
            f"{worst} has {100 * float(shares[worst]):.0f} % of the attribution, today's limit is {100 * limit:.0f} %",
            "retrain under today's limits, or say why in a review",
        )
    known = ", ".join(
        f"{name} {value:.4g}" for name, value in list(leading(metrics).items())[:2] if isinstance(value, int | float)
    )
    return Finding("evaluation", OK, f"{known}; {', '.join(step['name'] for step in gates)} passed")


def _report(section: str, what: str) -> Check:
    def found(of: Observed) -> Finding:
        uri = of.part(section).get("uri")
        if not uri:
            return Finding(
                what, GAP, "there is no such report", "let the pipeline make one (docs/fairness.md), and train"
            )
        if of.gone.get(section):
            return Finding(what, GAP, f"{uri} is gone", "restore it from its S3 version")
        return Finding(what, OK, "the report is there")

    return found


def _baselines(of: Observed) -> Finding:
    named = of.part("baselines")
    if not of.rules.monitored:
        return Finding("baselines", NOT_APPLICABLE, "the model is not monitored")
    if not named:
        return Finding(
            "baselines", GAP, "the monitors have nothing to compare with", "train again; the pipeline makes them"
        )
    if gone := of.gone.get("baselines"):
        return Finding("baselines", GAP, f"gone: {_these(gone)}", "restore them from their S3 versions")
    return Finding("baselines", OK, f"{len(named)} for the monitors")


def _card(of: Observed) -> Finding:
    if of.card is None:
        return Finding("card", GAP, "there is no model card", "let the record keeper make it; read its log")
    status = str((of.package or {}).get("ModelApprovalStatus", ""))
    wanted = "Archived" if of.retired else CARD_STATUSES.get(status, of.card)
    if of.card != wanted:
        state = "the version is retired" if of.retired else f"the version is {status}"
        return Finding(
            "card", GAP, f"it is {of.card}, but {state}", "the record keeper follows within a day; read its log"
        )
    return Finding("card", OK, f"it is {of.card}, as its version")


def _approval(of: Observed) -> Finding:
    last = _approved(of)
    if last is None:
        return Finding("approval", GAP, "released, but nobody is known to have approved it", "approve by mlops approve")
    lacking = [word for word, name in (("who", "by"), ("when", "at"), ("why", "why")) if not last.get(name)]
    if lacking:
        return Finding(
            "approval",
            GAP,
            f"{' and '.join(lacking)} is not known",
            "approve by mlops approve --reason, which notes all of it",
        )
    return Finding("approval", OK, f"{people.name(str(last['by']))} on {str(last['at'])[:10]}: {last['why']}")


def _other_person(of: Observed) -> Finding:
    name, last = "four eyes", _approved(of)
    by = str((last or {}).get("by") or "")
    if not of.trainer or not by:
        return Finding(name, NOT_APPLICABLE, f"who {'started the training' if by else 'approved'} is not known")
    if people.same(of.trainer, by):
        return Finding(
            name,
            GAP,
            f"{people.name(by)} started the training and approved",
            "let somebody else review the version, and separate the roles (docs/access.md)",
        )
    return Finding(name, OK, f"trained by {people.name(of.trainer)}, approved by {people.name(by)}")


def _tests(of: Observed) -> Finding:
    wanted = of.rules.requires
    if not wanted:
        return Finding("tests", NOT_APPLICABLE, "no tests are asked for")
    if of.package is None:
        return Finding("tests", GAP, "the version is neither in the registry nor in the archive", "none")
    metadata = of.package.get("CustomerMetadataProperties", {})
    lacking = [each for each in wanted if metadata.get(evidence_key(each)) != "passed"]
    if lacking:
        return Finding(
            "tests",
            GAP,
            f"not known to have passed in {', '.join(lacking)}",
            "see the evidence of the tests, mend, and release again",
        )
    return Finding("tests", OK, f"passed in {', '.join(wanted)}")


def _second_person(of: Observed) -> Finding:
    name = "second person"
    if not of.rules.second_person:
        return Finding(name, NOT_APPLICABLE, "this environment asks for none")
    if not of.allowed_by:
        return Finding(
            name, GAP, "who released it is not known", "look in the trail: PutParameter of …/release/allowed"
        )
    by = str((_approved(of) or {}).get("by") or "")
    if by and people.same(by, of.allowed_by):
        return Finding(
            name,
            GAP,
            f"{people.name(by)} approved and released",
            "let somebody else review the version; grant the two to different people",
        )
    return Finding(name, OK, f"released by {people.name(of.allowed_by)}")


def _review(of: Observed) -> Finding:
    name, days = "review", of.rules.review_days
    if not days:
        return Finding(name, NOT_APPLICABLE, "no reviews are asked for (governance.review_days is 0)")
    if not of.champion or of.serving_since is None:
        return Finding(name, NOT_APPLICABLE, "it does not serve")
    last = max([of.serving_since, *(at for at, _ in of.reviews)])
    due = last + timedelta(days=days)
    if of.now > due:
        return Finding(
            name, GAP, f"was due on {due:%Y-%m-%d}", f"look at it, then: mlops review {of.version} --note TEXT"
        )
    return Finding(name, OK, f"{len(of.reviews) or 'none'} so far, the next is due on {due:%Y-%m-%d}")


def _responsible(of: Observed) -> Finding:
    told = of.part("governance")
    owner = str(told.get("owner") or of.rules.owner)
    rating = str(told.get("risk_rating") or of.rules.risk_rating)
    lacking = [name for name, known in (("owner", owner), ("risk_rating", rating not in NO_RATING)) if not known]
    if lacking:
        return Finding(
            "responsibility",
            GAP,
            f"not set: {', '.join(lacking)}",
            f"set governance.{lacking[0]} in the configuration, and deploy",
        )
    return Finding("responsibility", OK, f"owner {owner}, risk {rating}")


def _approved(of: Observed) -> Mapping[str, Any] | None:
    """The newest approval of the manifest; without one, what the registry still tells."""
    for each in reversed(of.manifest.get("approvals") or ()):
        if each.get("status") == "Approved":
            return dict(each)
    package = of.package or {}
    if of.chain.manifest is None and package.get("ModelApprovalStatus") == "Approved":
        by = people.approvers(package)
        return {
            "by": by[0] if by else "",
            "at": package.get("LastModifiedTime"),
            "why": package.get("ApprovalDescription"),
        }
    return None


def _these(addresses: Sequence[str]) -> str:
    more = f" and {len(addresses) - 1} more" if len(addresses) > 1 else ""
    return f"{addresses[0]}{more}"


_WITHOUT_MANIFEST: tuple[Check, ...] = (_card, _approval, _other_person, _tests, _second_person, _review, _responsible)
_CHECKS: tuple[Check, ...] = (
    _manifest,
    _established,
    _data,
    _code,
    _image,
    _artifact,
    _evaluation,
    _report("bias", "bias report"),
    _report("explanations", "explanations"),
    _baselines,
    *_WITHOUT_MANIFEST,
)


def summary(findings: Sequence[Finding]) -> Iterator[str]:
    """How many of each, in words."""
    for state in (GAP, OK, NOT_APPLICABLE):
        count = sum(each.state == state for each in findings)
        if count:
            yield f"{count} {state}{'s' if state == GAP and count > 1 else ''}"
