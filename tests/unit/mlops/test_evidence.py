"""Manifests are read from the newest revision, and a chain that was touched says where."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlops import evidence
from mlops.errors import CommandError
from tests.unit.mlops.manifests import EVIDENCE, manifest, stored
from tests.unit.mlops.world import REGION, TABLE, World


@pytest.fixture
def s3(world: World) -> Any:
    place = {"LocationConstraint": REGION}
    world.s3.create_bucket(Bucket=EVIDENCE, CreateBucketConfiguration=place)
    world.s3.put_bucket_versioning(Bucket=EVIDENCE, VersioningConfiguration={"Status": "Enabled"})
    return world.s3


@pytest.fixture
def three(s3: Any) -> list[str]:
    """Three revisions of version 3, as they should be."""
    return stored(s3, manifest(), manifest(reason="approved"), manifest(reason="released"))


def chain(world: World, version: int = 3) -> evidence.Chain:
    return evidence.chain(world.s3, EVIDENCE, world.names, version)


def test_the_newest_revision_is_the_manifest(world: World, three: list[str]) -> None:
    found = evidence.newest(world.s3, EVIDENCE, world.names, 3)
    assert (found["revision"], found["reason"]) == (3, "released")


def test_the_manifest_is_what_was_written_first_whatever_lies_over_it(world: World, three: list[str], s3: Any) -> None:
    """Object Lock keeps versions, not the key's newest one."""
    before = evidence.newest(s3, EVIDENCE, world.names, 3)
    s3.put_object(Bucket=EVIDENCE, Key=three[-1], Body=json.dumps({**before, "approvals": []}).encode())
    assert evidence.newest(s3, EVIDENCE, world.names, 3) == before


def test_revisions_past_9999_still_come_in_their_order(world: World, s3: Any) -> None:
    for number in (9_999, 10_000):
        body = json.dumps(manifest() | {"revision": number}).encode()
        s3.put_object(Bucket=EVIDENCE, Key=f"loan_approval/version-3/revision-{number:04d}.json", Body=body)
    assert evidence.newest(world.s3, EVIDENCE, world.names, 3)["revision"] == 10_000


def test_versions_are_those_of_this_model_alone(world: World, s3: Any) -> None:
    stored(s3, manifest(10))
    stored(s3, manifest(9))
    s3.put_object(Bucket=EVIDENCE, Key="loan_approval_two/version-4/revision-0001.json", Body=b"{}")
    s3.put_object(Bucket=EVIDENCE, Key="loan_approval/version-5/note.txt", Body=b"{}")
    assert evidence.versions(s3, EVIDENCE, world.names) == [9, 10]


def test_a_version_without_a_manifest_says_who_writes_it(world: World, s3: Any) -> None:
    with pytest.raises(evidence.NoManifest, match=r"version 7 of .*no manifest below s3://evidence/.*governance"):
        evidence.newest(s3, EVIDENCE, world.names, 7)
    assert chain(world, 7) == evidence.Chain((), ())


def test_a_chain_as_it_was_written_is_whole(world: World, three: list[str]) -> None:
    found = chain(world)
    assert found.problems == ()
    assert [each.number for each in found.revisions] == [1, 2, 3]
    assert found.manifest and found.manifest["reason"] == "released"


def test_an_overwritten_revision_is_named_and_read_as_it_was_first(world: World, three: list[str]) -> None:
    forged = json.dumps(manifest(reason="nothing happened") | {"revision": 2}).encode()
    world.s3.put_object(Bucket=EVIDENCE, Key=three[1], Body=forged)
    found = chain(world)
    assert len(found.problems) == 1
    assert found.problems[0].startswith("revision 2 was overwritten once; its first S3 version is ")
    assert found.revisions[1].document["reason"] == "approved"


def test_a_deleted_revision_is_named_and_still_read(world: World, three: list[str]) -> None:
    world.s3.delete_object(Bucket=EVIDENCE, Key=three[2])
    found = chain(world)
    assert [problem.split(";")[0] for problem in found.problems] == ["revision 3 was deleted"]
    assert found.manifest and found.manifest["reason"] == "released"


def test_a_revision_that_is_gone_for_good_breaks_the_chain(world: World, three: list[str]) -> None:
    listed = world.s3.list_object_versions(Bucket=EVIDENCE, Prefix=three[1])["Versions"]
    world.s3.delete_object(Bucket=EVIDENCE, Key=three[1], VersionId=listed[0]["VersionId"])
    assert chain(world).problems == ("revision 2 is missing before 3",)


def test_a_missing_first_revision_is_missed(world: World, three: list[str]) -> None:
    listed = world.s3.list_object_versions(Bucket=EVIDENCE, Prefix=three[0])["Versions"]
    world.s3.delete_object(Bucket=EVIDENCE, Key=three[0], VersionId=listed[0]["VersionId"])
    assert chain(world).problems == ("revision 1 is missing before 2",)


def test_a_revision_that_was_exchanged_before_the_next_was_written_breaks_the_link(world: World, s3: Any) -> None:
    first = json.dumps(manifest() | {"revision": 1}).encode()
    second = json.dumps(manifest() | {"revision": 2, "previous_sha256": "ab" * 32}).encode()
    for number, body in ((1, first), (2, second)):
        s3.put_object(Bucket=EVIDENCE, Key=f"loan_approval/version-3/revision-{number:04d}.json", Body=body)
    (problem,) = chain(world).problems
    assert problem.startswith(f"revision 2 was written after one with SHA-256 {'ab' * 6}…, but revision 1 has ")


def test_a_document_of_another_version_is_named(world: World, s3: Any) -> None:
    body = json.dumps(manifest(4) | {"revision": 1}).encode()
    s3.put_object(Bucket=EVIDENCE, Key="loan_approval/version-3/revision-0001.json", Body=body)
    assert chain(world).problems == ("revision 1 says that it is revision 1 of version 4",)


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_what_is_no_manifest_is_refused_with_its_place(world: World, s3: Any, body: bytes) -> None:
    s3.put_object(Bucket=EVIDENCE, Key="loan_approval/version-3/revision-0001.json", Body=body)
    with pytest.raises(CommandError, match=r"s3://evidence/loan_approval/version-3/revision-0001\.json: no JSON"):
        evidence.newest(s3, EVIDENCE, world.names, 3)


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_what_is_no_manifest_breaks_the_chain_and_hides_nothing(world: World, three: list[str], body: bytes) -> None:
    world.s3.put_object(Bucket=EVIDENCE, Key=three[2].replace("0003", "0004"), Body=body)
    found = chain(world)
    (problem,) = found.problems
    assert problem.startswith("s3://evidence/loan_approval/version-3/revision-0004.json: no JSON")
    assert found.manifest and found.manifest["reason"] == "released"
    assert chain(world, 7).manifest is None


def note(world: World, number: int, sha256: str, version: int = 3) -> None:
    """As the record keeper does."""
    item = {
        "model": "loan-approval#evidence",
        "entry": f"version-{version:05d}#{number:04d}#ab12",
        "sha256": sha256,
    }
    world.dynamodb.put_item(TableName=TABLE, Item={name: {"S": value} for name, value in item.items()})


def test_a_chain_that_was_written_anew_as_a_whole_is_not_that_of_the_ledger(world: World, three: list[str]) -> None:
    honest = chain(world).revisions
    for each in honest[1:]:
        note(world, each.number, each.sha256)
    note(world, 1, "00" * 32, version=30)
    noted = evidence.noted(world.dynamodb, TABLE, world.names, 3)
    assert noted == {each.number: each.sha256 for each in honest[1:]}
    assert evidence.verify(honest, 3, noted) == []
    for item in world.s3.list_object_versions(Bucket=EVIDENCE)["Versions"]:
        world.s3.delete_object(Bucket=EVIDENCE, Key=item["Key"], VersionId=item["VersionId"])
    assert evidence.verify((), 3, {1: "00" * 32}) == ["revision 1 is missing, which the ledger has"]
    stored(world.s3, manifest(), manifest(reason="forged"))
    problems = evidence.chain(world.s3, EVIDENCE, world.names, 3, noted).problems
    assert problems == (
        f"revision 2 is not the one with SHA-256 {noted[2][:12]}… that the ledger has",
        "revision 3 is missing, which the ledger has",
    )
