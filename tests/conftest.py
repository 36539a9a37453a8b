"""A real local AWS for the tests that need one."""

import functools
import gc
from collections.abc import Generator, Iterator
from pathlib import Path

import botocore.loaders
import pytest

from tests.local_aws_fixture import LocalAws, run_local_aws, said_by_functions
from tests.permissions.recording import pytest_addoption, pytest_configure, pytest_sessionfinish

__all__ = ["pytest_addoption", "pytest_configure", "pytest_sessionfinish"]  # hooks that pytest finds here

# Descriptions of services are read and parsed once a process, not once for each test's clients.
botocore.loaders.JSONFileLoader.load_file = staticmethod(functools.cache(botocore.loaders.JSONFileLoader().load_file))

# Thousands of tests leave little garbage and many objects that live on: to look at them all less often saves a sixth.
gc.set_threshold(200_000, 20, 100)


INTEGRATION, *SYNTHESIZED = (Path(__file__).parent / name for name in ("integration", "permissions", "infra"))
LONGEST = tuple(INTEGRATION / f"test_{name}.py" for name in ("loop", "alarms", "accounts", "releases"))
"""Files that workers begin with; the last ones of a run are short then, and none waits long."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of integration tests evenly among the others: while one worker waits for its local AWS, others compute.

    Those that need the synthesized environments come last: one worker makes them, and the others would wait for it.
    """
    files = sorted(
        dict.fromkeys(item.path for item in items), key=lambda file: any(map(file.is_relative_to, SYNTHESIZED))
    )
    waiting = [file for file in files if file.is_relative_to(INTEGRATION)]
    waiting.sort(key=lambda file: LONGEST.index(file) if file in LONGEST else len(LONGEST))
    computing = [file for file in files if not file.is_relative_to(INTEGRATION)]
    place = {file: (number + 0.5) / len(part) for part in (waiting, computing) for number, file in enumerate(part)}
    items.sort(key=lambda item: place[item.path])


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What collecting makes lives until the end: the garbage collector is not to look for garbage in it, ever."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """One server for all tests: `.url`, `.environment`, `.client("s3")`, `.home`."""
    yield from run_local_aws(tmp_path_factory.mktemp("local_aws"))


@pytest.fixture
def own_local_aws(tmp_path: Path) -> Iterator[LocalAws]:
    """A server for one test, which may kill it and start it again."""
    yield from run_local_aws(tmp_path / "local_aws")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test of a deployed platform shows what the functions said last: they run in processes of their own."""
    report = yield
    local_aws = getattr(item, "funcargs", {}).get("local_aws")
    if report.failed and isinstance(local_aws, LocalAws):
        report.sections.append(("what functions said last", said_by_functions(local_aws)))
    return report
