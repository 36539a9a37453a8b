"""Shared packages come from the code root that has them, and from the library where it has none."""

import io
import sys
import tarfile

import pytest

from mlops_constructs import code_bundle, shipped


@pytest.fixture
def code(tmp_path, monkeypatch):
    (tmp_path / "churn").mkdir()
    (tmp_path / "churn" / "inference.py").write_text("")
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def bundled(code):
    with tarfile.open(fileobj=io.BytesIO(code_bundle.build(code, "churn").content)) as archive:
        return set(archive.getnames()) - {"inference.py"}


def test_a_model_by_itself_gets_the_shared_packages_of_the_library(code):
    assert {"churn/inference.py", "monitoring/packages.py", "features/group.py", "tabular/serving.py"} <= bundled(code)


def test_a_code_root_with_a_shared_package_of_its_own_gets_none_of_the_librarys(code):
    (code / "monitoring").mkdir()
    (code / "monitoring" / "own.py").write_text("")
    assert bundled(code) == {"churn/inference.py", "monitoring/own.py"}


def test_a_model_can_be_imported_wherever_its_code_root_is(code):
    (code / "of_no_other_test.py").write_text("HERE = 1")
    assert shipped.load(code, "of_no_other_test").HERE == 1
    del sys.modules["of_no_other_test"]


def test_a_code_root_hides_nothing_of_the_app(code):
    (code / "json.py").write_text("")
    assert "dumps" in dir(shipped.load(code, "json"))
