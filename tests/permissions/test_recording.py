"""What a test run says about calls at its end."""

import json
from pathlib import Path

import pytest

from tests.permissions import recording
from tests.permissions.calls import Call, read, seen, write
from tests.permissions.recording import keep, problems, recorded

CALL = Call("serving/Role", "s3:GetObject", "arn:aws:s3:::{{model}-serving/Bucket}/{folder}/*")
ELSEWHERE = Call("serving/Role", "s3:PutObject", "arn:aws:s3:::{{model}-serving/Bucket}/{folder}/*")
LINE: dict[str, object] = {
    "role": "mlops-local-loan-approval-serving/Role",
    "account": "111122223333",
    "action": "s3:GetObject",
    "resource": "arn:aws:s3:::{mlops-local-loan-approval-serving/Bucket}/loan_approval/*",
    "context": {},
    "decision": "allowed",
}


def journal(folder: Path, *lines: dict[str, object]) -> Path:
    (folder / "permissions.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    return folder


def test_known_calls_are_not_worth_a_word() -> None:
    assert problems({CALL: frozenset({"local"})}, {CALL: {"local"}}, set()) == []


def test_a_call_that_the_record_does_not_have_is_named_with_what_to_do() -> None:
    new, what_to_do = problems({}, {CALL: {"local"}}, set())
    assert new == f"not in the record of calls: {CALL}"
    assert "make test ARGS=--record-calls" in what_to_do


def test_a_call_that_another_environment_makes_is_not_new() -> None:
    assert problems({CALL: frozenset({"prod"})}, {CALL: {"local", "prod"}}, set()) == []


def test_a_call_that_was_refused_is_named() -> None:
    assert problems({}, {}, {CALL}) == [f"refused: {CALL}; see docs/least-privilege.md"]


def test_a_call_that_only_a_failure_brings_about_is_expected_in_each_run() -> None:
    stopped = Call("release/ControllerFunctionRole", "athena:StopQueryExecution", "arn:aws:athena:x")
    assert problems({}, {stopped: {"local"}}, set()) == []


def test_recording_adds_to_what_is_there() -> None:
    merged = recorded({CALL: frozenset({"prod"}), ELSEWHERE: frozenset({"dev"})}, {CALL: {"local"}})
    assert merged == {CALL: frozenset({"local", "prod"}), ELSEWHERE: frozenset({"dev"})}


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    with_context = Call("serving/Role", "s3:ListBucket", "arn:aws:s3:::b", (("s3:prefix", ("a", "b/*")),))
    record = {CALL: frozenset({"local", "prod"}), with_context: frozenset({"dev"})}
    write(record, tmp_path)
    assert read(tmp_path) == record
    write({}, tmp_path)
    assert read(tmp_path) == {}


def test_the_journal_of_each_server_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, home = tmp_path / "kept", tmp_path / "home"
    kept.mkdir()
    home.mkdir()
    monkeypatch.setenv(recording.FOLDER, str(kept))
    keep(home)
    keep(journal(home, LINE))
    keep(journal(home, {**LINE, "decision": "refused", "action": "s3:PutObject"}))
    assert seen(kept) == ({CALL: {"local"}}, {ELSEWHERE})


def test_roles_of_nobody_or_of_others_are_left_out(tmp_path: Path) -> None:
    journal(tmp_path, {**LINE, "role": "some-role"}, {**LINE, "role": "other-stack/Role"})
    assert seen(tmp_path) == ({}, set())


def test_calls_beside_an_environment_of_another_account_are_of_that_shape(tmp_path: Path) -> None:
    there: dict[str, object] = {"role": "mlops-second-loan-approval-serving/Role", "account": "444455556666"}
    elsewhere = {**LINE, **there, "resource": "arn:aws:sns:eu-west-1:111122223333:x"}
    allowed, _ = seen(journal(tmp_path, LINE, elsewhere))
    call = Call("serving/Role", "s3:GetObject", "arn:aws:sns:{region}:{account elsewhere}:x")
    assert allowed == {CALL: {"accounts"}, call: {"accounts"}}
