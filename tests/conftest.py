"""A real local AWS for the tests that need one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local_aws_fixture import LocalAws, run_local_aws
from tests.permissions.recording import pytest_addoption, pytest_configure, pytest_sessionfinish

__all__ = ["pytest_addoption", "pytest_configure", "pytest_sessionfinish"]  # hooks that pytest finds here


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """One server for all tests: `.url`, `.environment`, `.client("s3")`, `.home`."""
    yield from run_local_aws(tmp_path_factory.mktemp("local_aws"))


@pytest.fixture
def own_local_aws(tmp_path: Path) -> Iterator[LocalAws]:
    """A server for one test, which may kill it and start it again."""
    yield from run_local_aws(tmp_path / "local_aws")
