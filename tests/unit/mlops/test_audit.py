"""An audit names each gap with its remedy, and finds none where everything is known."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlops import audit, audit_page
from mlops.__main__ import main
from mlops.audit_look import Auditor, digests
from mlops.audit_observed import GAP, NOT_APPLICABLE, OK, Observed, Rules
from mlops.evidence import Chain, Revision
from mlops.ledger import Entry
from mlops_constructs.naming import ReleaseParameter
from tests.unit.mlops.evidenced import ASSETS, DATA, Evidenced
from tests.unit.mlops.manifests import ALICE, CAROL, EVIDENCE, manifest, package
from tests.unit.mlops.test_lineage_layout import EVIL, Page
from tests.unit.mlops.world import ACCOUNT, BOB, START

RELEASED = datetime(2026, 11, 16, 10, 12, tzinfo=UTC)
NOW = RELEASED + timedelta(days=30)
TRAINER = f"arn:aws:sts::{ACCOUNT}:assumed-role/DataScientist/dave@example.com"
RULES = Rules(requires=("staging",), second_person=True, review_days=180, owner="x", risk_rating="Low")


def entry(kind: str = "done", at: datetime = RELEASED, reason: str = "the endpoint is InService") -> Entry:
    return Entry("0000000009#x", at, kind, package(3), 3, "promote", reason, None)


def chain(told: dict[str, Any] | None = None, *problems: str) -> Chain:
    return Chain((Revision("k", 1, "v", "ab" * 32, told or manifest()),), problems)


def complete(**more: Any) -> Observed:
    """A champion of which everything is known."""
    given: dict[str, Any] = {
        "version": 3,
        "now": NOW,
        "rules": RULES,
        "chain": chain(),
        "package": {
            "ModelApprovalStatus": "Approved",
            "ApprovalDescription": "better than version 2",
            "LastModifiedTime": RELEASED,
            "CustomerMetadataProperties": {"staging-tests": "passed", "approved_by": ALICE},
        },
        "releases": (entry(),),
        "champion": True,
        "bundle_sha256": frozenset({"c0" * 32}),
        "card": "Approved",
        "trainer": TRAINER,
        "allowed_by": BOB,
    }
    return Observed(**(given | more))


def told(**more: Any) -> Observed:
    return complete(chain=chain(manifest(**more)))


def rules(**more: Any) -> Observed:
    return complete(rules=replace(RULES, **more))


def without_gate() -> Observed:
    known = manifest()
    known["pipeline"]["steps"] = [each for each in known["pipeline"]["steps"] if each["name"] != "GateModel"]
    return complete(chain=chain(known))


def lopsided() -> Observed:
    """Seen under a limit that is newer than the version."""
    return rules(max_attribution_share=0.4)


def test_a_version_of_which_everything_is_known_has_no_gap() -> None:
    findings = audit.check(complete())
    assert {each.check: each.why for each in findings if each.state != OK} == {}
    assert len(findings) == 17


BROKEN: dict[str, tuple[str, Callable[[], Observed]]] = {
    "no manifest": ("manifest", lambda: complete(chain=Chain((), ()))),
    "a broken chain": ("manifest", lambda: complete(chain=chain(None, "revision 2 was overwritten once"))),
    "something not established": ("established", lambda: told(missing=["code: the commit was not told"])),
    "data gone": ("data", lambda: complete(gone={"data": ["s3://b/k"]})),
    "no data named": ("data", lambda: told(data={"inputs": []})),
    "code gone": ("code", lambda: complete(bundle_sha256=frozenset())),
    "other code": ("code", lambda: complete(bundle_sha256=frozenset({"11" * 32}))),
    "no code named": ("code", lambda: told(code={"commit": "abc"})),
    "an image without digest": ("image", lambda: told(images=[{"uri": "1.dkr.ecr/x:1", "digest": None}])),
    "no image": ("image", lambda: told(images=[])),
    "no artifact": ("model", lambda: told(artifact=None)),
    "artifact gone": ("model", lambda: complete(gone={"artifact": ["s3://b/model.tar.gz"]})),
    "no figures": ("evaluation", lambda: told(metrics={})),
    "no gate": ("evaluation", without_gate),
    "beyond today's limit": ("evaluation", lopsided),
    "no bias report": ("bias report", lambda: told(bias=None)),
    "bias report gone": ("bias report", lambda: complete(gone={"bias": ["s3://b/k"]})),
    "no explanations": ("explanations", lambda: told(explanations=None)),
    "no baselines": ("baselines", lambda: told(baselines={})),
    "baselines gone": ("baselines", lambda: complete(gone={"baselines": ["s3://b/k", "s3://b/l"]})),
    "no card": ("card", lambda: complete(card=None)),
    "a card that waits": ("card", lambda: complete(card="PendingReview")),
    "nobody approved": ("approval", lambda: told(approvals=[])),
    "rejected only": ("approval", lambda: told(approvals=[{"status": "Rejected", "by": ALICE, "at": "t", "why": "x"}])),
    "approved without a reason": (
        "approval", lambda: told(approvals=[{"status": "Approved", "by": ALICE, "at": "t", "why": ""}])
    ),
    "trainer approved": ("four eyes", lambda: complete(trainer=ALICE.replace("Approver", "DataScientist"))),
    "tests not passed": ("tests", lambda: rules(requires=("staging", "dev"))),
    "tests unknown": ("tests", lambda: complete(package=None)),
    "nobody released": ("second person", lambda: complete(allowed_by="")),
    "approver released": ("second person", lambda: complete(allowed_by=ALICE.replace("Approver", "Releaser"))),
    "review overdue": ("review", lambda: complete(now=RELEASED + timedelta(days=181))),
    "no owner": ("responsibility", lambda: complete(
        chain=chain(manifest(governance={})), rules=replace(RULES, owner="")
    )),
    "no rating": ("responsibility", lambda: told(governance={"owner": "x", "risk_rating": "Unknown"})),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_each_gap_is_found_alone_with_a_remedy(name: str) -> None:
    check, observed = BROKEN[name]
    gaps = audit.gaps(audit.check(observed()))
    assert [each.check for each in gaps] == [check]
    assert gaps[0].why and gaps[0].fix
    assert "\n" not in gaps[0].why + gaps[0].fix


@pytest.mark.parametrize(
    ("check", "observed"),
    [
        ("tests", rules(requires=())),
        ("second person", rules(second_person=False)),
        ("baselines", complete(rules=replace(RULES, monitored=False), chain=chain(manifest(baselines={})))),
        ("review", rules(review_days=0)),
        ("review", complete(champion=False, now=RELEASED + timedelta(days=999))),
        ("four eyes", complete(trainer="")),
    ],
)
def test_what_is_not_asked_for_is_no_gap(check: str, observed: Observed) -> None:
    (found,) = [each for each in audit.check(observed) if each.check == check]
    assert found.state == NOT_APPLICABLE
    assert audit.gaps(audit.check(observed)) == []


def test_a_review_in_time_puts_the_next_one_off() -> None:
    late = RELEASED + timedelta(days=181)
    assert audit.gaps(audit.check(complete(now=late, reviews=[(RELEASED + timedelta(days=100), CAROL)]))) == []


@pytest.mark.parametrize(("status", "card"), [("PendingManualApproval", "PendingReview"), ("Rejected", "Archived")])
def test_the_card_follows_the_approval(status: str, card: str) -> None:
    observed = complete(card=card, package={**(complete().package or {}), "ModelApprovalStatus": status})
    assert [each.state for each in audit.check(observed) if each.check == "card"] == [OK]


def test_the_card_of_a_retired_version_is_archived() -> None:
    retired = manifest(retired={"at": "2027-01-01T00:00:00Z", "archive": "s3://x/"})
    assert audit.gaps(audit.check(complete(chain=chain(retired), card="Archived"))) == []
    assert [each.check for each in audit.gaps(audit.check(complete(chain=chain(retired))))] == ["card"]


def test_without_a_manifest_the_registry_still_says_who_approved() -> None:
    observed = complete(chain=Chain((), ()))
    findings = {each.check: each for each in audit.check(observed)}
    assert findings["four eyes"].state == OK
    assert "data" not in findings


def test_the_hash_of_a_bundle_is_that_of_its_bytes_or_of_what_is_in_it() -> None:
    packed = gzip.compress(b"code")
    assert digests(packed) == {hashlib.sha256(each).hexdigest() for each in (packed, b"code")}
    assert digests(b"plain") == {hashlib.sha256(b"plain").hexdigest()}


@pytest.fixture
def released(evidenced: Evidenced) -> Evidenced:
    """Version 3 serves, with all its evidence; this environment asks for no second person and no tests."""
    world = evidenced.world
    world.registry.add(3, CustomerMetadataProperties={"approved_by": ALICE})
    world.serve(3)
    world.note(8, "begin#3#shadow", 3)
    world.note(9, "done#3", 3, minutes=20)
    evidenced.keep(evidenced.fill(manifest(3)))
    evidenced.card(3, {})
    evidenced.sagemaker.started_by = TRAINER
    return evidenced


def gaps(evidenced: Evidenced, version: int = 3) -> list[str]:
    observed = Auditor(evidenced.world.target, START + timedelta(days=1)).observe(version)
    return [each.check for each in audit.gaps(audit.check(observed))]


def test_a_release_with_all_its_evidence_is_complete(released: Evidenced) -> None:
    assert gaps(released) == []


def test_deleted_data_are_missed_though_a_newer_version_of_the_file_is_there(released: Evidenced) -> None:
    key = "loan_approval/snapshots/until=2002-12-31/loans.csv.gz"
    (listed,) = released.s3.list_object_versions(Bucket=DATA, Prefix=key)["Versions"]
    released.s3.put_object(Bucket=DATA, Key=key, Body=b"newer rows")
    assert gaps(released) == []
    released.s3.delete_object(Bucket=DATA, Key=key, VersionId=listed["VersionId"])
    assert gaps(released) == ["data"]


def test_exchanged_code_is_missed(released: Evidenced) -> None:
    uri = manifest()["code"]["bundle"]["uri"]
    key = uri.removeprefix(f"s3://{ASSETS}/")
    told = released.fill(manifest(3))
    told["code"]["bundle"]["version_id"] = released.s3.put_object(Bucket=ASSETS, Key=key, Body=b"evil")["VersionId"]
    for each in released.s3.list_object_versions(Bucket=EVIDENCE)["Versions"]:
        released.s3.delete_object(Bucket=EVIDENCE, Key=each["Key"], VersionId=each["VersionId"])
    released.keep(told)
    assert gaps(released) == ["code"]


def test_a_card_and_a_trainer_are_looked_up(released: Evidenced) -> None:
    released.sagemaker.cards.clear()
    released.sagemaker.started_by = ALICE
    assert gaps(released) == ["card", "four eyes"]


def test_a_retired_version_is_judged_by_its_archive(released: Evidenced) -> None:
    world = released.world
    archived = {**world.registry.versions.pop(3), "ModelApprovalStatus": "Approved"}
    assert Auditor(world.target, NOW).observe(3).package is None
    key = "loan_approval/archive/3/model-package.json"
    bucket = "mlops-local-artifacts-111122223333"
    released.s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(archived).encode())
    assert Auditor(world.target, NOW).observe(3).package == archived


def test_who_released_is_read_from_the_history_of_the_parameter(released: Evidenced) -> None:
    world = released.world
    world.set(ReleaseParameter.ALLOWED, package(3))
    world.set(ReleaseParameter.ALLOWED, package(4))
    assert Auditor(world.target, NOW)._allowed.keys() == {3, 4}


def test_the_command_names_gaps_and_is_strict_when_asked(
    released: Evidenced, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlops.commands.audit.utc_now", lambda: START + timedelta(days=1))
    released.world.note(10, "begin#4#shadow", 4, minutes=60)
    assert main(["audit", "3", "--strict"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("loan-approval in local, 2026-11-22 09:00:00 UTC\n  version 3, serves: 1")
    assert "GAP" not in printed
    assert main(["audit", "--html", str(tmp_path / "audit.html")]) == 0
    printed = capsys.readouterr().out
    assert printed.index("version 4: ") < printed.index("version 3, serves")
    assert "    GAP  manifest        nothing was written about this version\n" in printed
    assert main(["audit", "--strict", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert [each["version"] for each in answer["releases"]] == [4, 3]
    assert answer["gaps"] == sum(each["gaps"] for each in answer["releases"]) > 0
    assert answer["releases"][1]["findings"][0]["state"] == OK
    assert "Version 3: 1" in Page((tmp_path / "audit.html").read_text()).text


def test_a_version_that_never_was_is_no_version_with_gaps(
    released: Evidenced, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "99"]) == 1
    assert "version 99 of loan-approval in local: is neither in the registry nor archived" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("check", "observed", "why"),
    [
        ("manifest", complete(), "1 revision, each once, the chain is whole"),
        ("established", told(missing=["a: 1", "b: 2", "c: 3"]), "a: 1; b: 2 (and 1 more)"),
        ("established", told(missing=["a: 1", "b: 2"]), "a: 1; b: 2"),
        (
            "code",
            told(code={"bundle": manifest()["code"]["bundle"]}),
            "the bundle is there, with its SHA-256; no commit",
        ),
        ("image", told(images=[]), "no image is named"),
        ("image", told(images=[{"uri": "1.dkr.ecr/x:1", "digest": None}]), "no digest of x:1"),
        ("review", complete(), "none so far, the next is due on 2027-05-15"),
        ("review", complete(reviews=[(NOW, ALICE)]), "1 so far, the next is due on 2027-06-14"),
    ],
)
def test_why_it_is_so_is_said_exactly(check: str, observed: Observed, why: str) -> None:
    (found,) = (each for each in audit.check(observed) if each.check == check)
    assert found.why == why


def test_findings_are_counted_by_their_state() -> None:
    assert list(audit.summary(audit.check(complete()))) == ["17 ok"]
    two = complete(card=None, allowed_by="", rules=replace(RULES, review_days=0))
    assert list(audit.summary(audit.check(two))) == ["2 gaps", "14 ok", "1 not applicable"]


def test_evidence_that_is_gone_as_a_whole_is_not_said_to_be_unwritten() -> None:
    wiped = complete(chain=Chain((), ("revision 1 is missing, which the ledger has",)))
    gap = audit.check(wiped)[0]
    assert (gap.check, gap.state, gap.why) == ("manifest", GAP, "revision 1 is missing, which the ledger has")


def test_of_deleted_data_it_says_how_many_and_which() -> None:
    (gap,) = audit.gaps(audit.check(complete(gone={"data": ["s3://b/k"]})))
    assert gap.why == "1 of 2 objects cannot be read any more: s3://b/k"


def test_an_environment_without_releases_has_nothing_to_audit(
    evidenced: Evidenced, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "--strict"]) == 0
    assert "nothing was released yet" in capsys.readouterr().out


def test_the_page_answers_first_and_escapes_names() -> None:
    flawed = told(missing=[EVIL], approvals=[{"status": "Approved", "by": EVIL, "at": EVIL, "why": EVIL}])
    observed = replace(flawed, releases=(entry(reason=EVIL), entry("begin")))
    page = Page(audit_page.html(EVIL, "2026-11-21 09:00:00", [(observed, audit.check(observed))]))
    assert page.count("b") == 0
    assert "1 gap." in page.text.split("Releases")[0] + page.text.split("Releases")[1]
    assert page.text.index("1 gap.") < page.text.index("four eyes")
    whole = Page(audit_page.html("x", "now", [(complete(), audit.check(complete()))]))
    assert "Complete." in whole.text
    assert GAP not in [given.get("class") for _, given in whole.tags]
