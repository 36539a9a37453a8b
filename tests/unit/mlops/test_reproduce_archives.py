"""Archives are the same if their members are: not by when they were packed, nor by their order."""

import gzip
import io
import tarfile

from mlops.reproduce_archives import WHOLE, compare, members


def archive(
    content: dict[str, bytes], *, at: int = 0, prefix: str = "", links: dict[str, str] | None = None
) -> io.BytesIO:
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=at) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as target,
    ):
        folder = tarfile.TarInfo(f"{prefix}code")
        folder.type = tarfile.DIRTYPE
        target.addfile(folder)
        for name, body in content.items():
            entry = tarfile.TarInfo(f"{prefix}{name}")
            entry.mtime, entry.size = at, len(body)
            target.addfile(entry, io.BytesIO(body))
        for name, where in (links or {}).items():
            link = tarfile.TarInfo(f"{prefix}{name}")
            link.type, link.linkname = tarfile.SYMTYPE, where
            target.addfile(link)
    packed.seek(0)
    return packed


FILES = {"model.json": b"{}", "code/inference.py": b"pass\n"}


def test_time_order_and_a_leading_dot_do_not_count() -> None:
    before = archive(FILES, at=1_700_000_000)
    again = archive(dict(reversed(FILES.items())), at=1_800_000_000, prefix="./")
    assert before.getvalue() != again.getvalue()
    found = compare(members(before), members(again))
    assert (found.equal, found.same) == (True, 2)


def test_what_differs_is_named() -> None:
    before = archive({**FILES, "old.txt": b"x", "same.txt": b"y"})
    again = archive({**FILES, "model.json": b"{ }", "new.txt": b"x", "same.txt": b"y"})
    found = compare(members(before), members(again))
    assert not found.equal
    assert (found.same, found.differing) == (2, ("model.json",))
    assert (found.only_before, found.only_again) == (("old.txt",), ("new.txt",))


def test_links_count_by_where_they_lead() -> None:
    before, again = (archive(FILES, links={"latest": where}) for where in ("model.json", "/etc/passwd"))
    assert compare(members(before), members(again)).differing == ("latest",)


def test_what_is_no_archive_is_compared_as_a_whole() -> None:
    before, again = members(io.BytesIO(b"weights")), members(io.BytesIO(b"weights"))
    assert list(before) == [WHOLE]
    assert compare(before, again).equal
    assert compare(before, members(io.BytesIO(b"others"))).differing == (WHOLE,)
