from __future__ import annotations

from pathlib import Path

import pytest

from local_aws.core.snapshot import Blobs, Snapshot, dump, load

LARGE = b"x" * 5000


def test_a_state_comes_back_with_its_large_values_read_from_their_files(tmp_path: Path) -> None:
    blobs: list[bytes] = []
    data = dump({"small": b"abc", "large": LARGE, "again": [LARGE]}, blobs)
    assert LARGE not in data
    store = Blobs(tmp_path)
    names = store.write(blobs)
    assert load(data, store.reader(names)) == {"small": b"abc", "large": LARGE, "again": [LARGE]}


def test_equal_values_are_stored_once(tmp_path: Path) -> None:
    names = Blobs(tmp_path).write([LARGE, bytes(bytearray(LARGE)), b"y" * 5000])
    assert names[0] == names[1] != names[2]
    assert len(list(tmp_path.iterdir())) == 2


def test_what_is_stored_is_not_written_again(tmp_path: Path) -> None:
    store = Blobs(tmp_path)
    (name,) = store.write([LARGE])
    before = (tmp_path / name).stat().st_mtime_ns
    store.write([LARGE])
    Blobs(tmp_path).write([LARGE])
    assert (tmp_path / name).stat().st_mtime_ns == before


def test_values_that_no_checkpoint_needs_are_deleted(tmp_path: Path) -> None:
    store = Blobs(tmp_path)
    kept, gone = store.write([LARGE, b"y" * 5000])
    store.keep({kept})
    assert [path.name for path in tmp_path.iterdir()] == [kept]
    with pytest.raises(FileNotFoundError):
        store.reader([gone])(0)


def test_the_digest_tells_whether_something_changed() -> None:
    def digest(state: object) -> str:
        snapshot = Snapshot()
        snapshot.services["s3"] = dump(state, snapshot.blobs)
        return snapshot.digest()

    assert digest({"a": LARGE}) == digest({"a": LARGE})
    assert digest({"a": LARGE}) != digest({"a": b"y" * 5000})
    assert digest({"a": 1}) != digest({"a": 2})
