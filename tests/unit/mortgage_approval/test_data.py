"""The file of applications: what SOURCE.md says of it is so, and it could be made again byte for byte."""

import gzip
import hashlib
import re

from mortgage_approval.schema import FIELDS, LABEL
from tabular import files
from tests.unit.mortgage_approval.conftest import MORTGAGES

SOURCE = MORTGAGES.with_name("SOURCE.md").read_text()


def test_the_file_is_the_one_that_is_described():
    assert re.search(r"\*\*SHA-256:\*\* `(\w+)`", SOURCE)[1] == hashlib.sha256(MORTGAGES.read_bytes()).hexdigest()
    table = re.findall(r"^\| ([a-z]+) \|", SOURCE, re.MULTILINE)
    assert [name for name in table if name != "column"] == [field.name for field in FIELDS]


def test_the_archive_holds_no_time_and_no_name():
    content = MORTGAGES.read_bytes()
    assert content[3] == 0, "no optional member"
    assert content[4:8] == bytes(4)


def test_what_leaks_and_what_says_nothing_is_not_there():
    header = gzip.decompress(MORTGAGES.read_bytes()).splitlines()[0].decode()
    assert header.split(",") == [field.name for field in FIELDS]


def test_the_numbers_of_the_description(applications):
    black, denied = applications["afam"] == "yes", applications[LABEL] == "yes"
    assert (len(applications), black.sum(), (~black).sum()) == (2380, 339, 2041)
    assert ((denied & black).sum(), (denied & ~black).sum()) == (96, 189)
    ratio = (1 - 96 / 339) / (1 - 189 / 2041)
    assert f"{ratio:.3f}" == "0.790"
    assert "is 0.790 (95 % interval 0.738 to 0.846)" in SOURCE


def test_one_file_has_its_own_digest_and_several_have_one_together(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.csv").write_text("x\n2\n")
    found = files.tables(tmp_path)
    assert files.digest(found[:1]) == hashlib.sha256(b"x\n1\n").hexdigest()
    assert files.digest(found) not in (files.digest(found[:1]), files.digest(found[1:]))
