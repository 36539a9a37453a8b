"""A headless Chromium of this machine, and the console page on a stage of its own."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv/bin/python"
QUIET = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def chromium() -> str:
    """Where the browser is; "" where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next((found for name in names if (found := shutil.which(name))), "")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-browser")
    if not chromium():
        pytest.skip("no Chromium on this machine: install one, or set CHROMIUM to its path")
    # Chromium's own sandbox does not start as root, as in a container.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=chromium(), args=[*QUIET, *sandbox])
        yield started
        started.close()


@pytest.fixture
def address() -> Iterator[str]:
    """The console page of a model whose release plays in seconds, each test with its own."""
    if not PYTHON.is_file():
        pytest.skip(f"{PYTHON}: not there, and the page's server runs by it: make install")
    server = subprocess.Popen([PYTHON, "-m", "tests.console_stage"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        said = server.stdout.readline().strip()
        assert said.startswith("http://127.0.0.1:"), "the stage did not start: python -m tests.console_stage says why"
        yield said
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """The page, read. Fails a test in which the browser complained, as of something that the page's policy forbids."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    opened = context.new_page()
    opened.set_default_timeout(10_000)
    complaints: list[str] = []
    foreign: list[str] = []
    opened.on("console", lambda each: complaints.append(each.text) if each.type == "error" else None)
    opened.on("pageerror", lambda each: complaints.append(str(each)))
    opened.on("request", lambda each: None if each.url.startswith(address) else foreign.append(each.url))
    opened.goto(address)
    opened.get_by_role("heading", name="Version 1 serves").wait_for()
    yield opened
    context.close()
    assert not foreign, f"asked elsewhere: {foreign}"
    expected = ("409 (Conflict)", "ERR_CONNECTION_REFUSED")  # of tests that let the server refuse, or end it
    assert not [each for each in complaints if not any(word in each for word in expected)]
