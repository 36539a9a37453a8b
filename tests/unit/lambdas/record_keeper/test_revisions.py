"""Revisions: numbered, chained, written once, and none without a change."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import pytest

from tests.unit.lambdas.record_keeper.names import EVIDENCE, FOLDER

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def chain_is_whole(world, version):
    """Numbers without a gap, and each revision with the hash of the bytes before it."""
    before = None
    for place, body in enumerate(world.revisions(version), 1):
        document = json.loads(body)
        assert (document["revision"], document["previous_sha256"]) == (place, before)
        before = hashlib.sha256(body).hexdigest()
    return before is not None


def test_each_change_is_a_revision_with_the_hash_of_the_one_before(trained):
    world = trained.world
    world.decide(1)
    trained.happen()
    world.release(1)
    trained.happen()
    reasons = [json.loads(body)["reason"] for body in world.revisions(1)]
    assert reasons == ["the version was found", "changed: approvals, card", "changed: releases"]
    assert chain_is_whole(world, 1)


def test_index_has_the_hash_of_the_newest_revision(trained):
    [entry] = [key for key in trained.world.index() if key.startswith("version-00001#0001#")]
    item = trained.world.table.items["loan-approval#evidence", entry]
    assert item["sha256"]["S"] == hashlib.sha256(trained.world.revisions(1)[-1]).hexdigest()


def test_following_says_nothing_new_where_nothing_changed(record_keeper):
    revisions = record_keeper.revisions
    first = revisions.following({"a": 1}, None, NOW)
    assert first.document == {
        "a": 1, "revision": 1, "previous_sha256": None, "written_at": "2026-11-21T12:00:00Z",
        "reason": "the version was found",
    }  # fmt: skip
    assert revisions.following({"a": 1}, first, NOW) is None
    second = revisions.following({"a": 2, "b": None}, first, NOW)
    assert second.document["reason"] == "changed: a, b"
    assert second.document["previous_sha256"] == first.sha256


def test_what_is_no_manifest_is_refused(record_keeper):
    revisions = record_keeper.revisions
    for body in (b"{", b"[]", b'{"revision":7}'):
        with pytest.raises(revisions.BrokenRevision, match=r"^revision 2: "):
            _ = revisions.Revision(2, body).document
    with pytest.raises(ValueError, match="not JSON compliant"):
        revisions.serialized({"a": float("nan")})


def test_keys_count_beyond_four_digits_and_others_are_none(record_keeper):
    revisions = record_keeper.revisions
    assert revisions.key("m/version-3/", 12) == "m/version-3/revision-0012.json"
    assert revisions.number_of("m/version-3/revision-12345.json") == 12345
    for other in ("m/version-3/revision-12.json", "m/version-3/revision-0012.json.bak", "m/version-3/"):
        assert revisions.number_of(other) == 0


class TestTampering:
    def exchanged(self, keeper, body):
        keeper.world.storage.put(f"s3://{EVIDENCE}/{FOLDER}/version-1/revision-0001.json", body)
        keeper.world.decide(1)

    def test_revision_that_was_exchanged_is_told_and_nothing_is_built_on_it(self, trained, quiet):
        document = trained.world.manifest(1) | {"metrics": {"auc": 0.99}}
        self.exchanged(trained, json.dumps(document).encode())
        with pytest.raises(quiet.revisions.BrokenRevision, match=r"version 1: revision 1 has SHA-256 .*, recorded was"):
            trained.look()
        assert len(trained.world.revisions(1)) == 1

    def test_revision_that_was_deleted_is_told(self, trained, quiet):
        self.exchanged(trained, None)
        with pytest.raises(quiet.revisions.BrokenRevision, match="revision 1 was recorded and is not there any more"):
            trained.look()

    def test_other_versions_are_recorded_all_the_same(self, trained, quiet):
        self.exchanged(trained, b"{}")
        trained.world.train(2)
        with pytest.raises(quiet.revisions.BrokenRevision):
            trained.look()
        assert trained.world.manifest(2)["missing"] == []
