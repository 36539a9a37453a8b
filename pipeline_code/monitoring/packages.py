"""Installs what a container's image lacks: `python3 -m monitoring.packages <requirements file>`.

From PyPI, or in a private network from the CodeArtifact repository that the variable PACKAGE_REPOSITORY names
(`domain/owner/repository`). Beside pip, only the standard library and boto3 have to be there yet.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, Dict

VARIABLE = "PACKAGE_REPOSITORY"
SHORTEST_TOKEN = 900
"""Seconds: CodeArtifact gives none for less (API reference: GetAuthorizationToken)."""

_PIN = re.compile(r"(?P<name>[\w.-]+)(\[(?P<extras>[\w.,-]+)\])?==(?P<version>[\w.+!-]+)")
_NAME = re.compile(r"[\w.-]+")


def install(requirements: str) -> None:
    """Raises CalledProcessError if pip fails, after it has said why.

    pip, which takes a second to look, is not started where each line pins a version and that one is there.
    """
    if _are_there(requirements):
        return
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", requirements]
    repository = os.environ.get(VARIABLE, "")
    if not repository:
        subprocess.run(pip, check=True)
        return
    # An image may have everything: then nobody has to be asked.
    if subprocess.run([*pip, "--no-index"], check=False, stderr=subprocess.DEVNULL).returncode:
        import boto3

        client = boto3.client("codeartifact", region_name=os.environ.get("AWS_REGION"))
        subprocess.run(pip, check=True, env={**os.environ, **index(client, repository)})


def _are_there(requirements: str) -> bool:
    """Whether everything is pinned and installed; False too for what only pip can say."""
    try:
        lines = [line.partition("#")[0].strip() for line in Path(requirements).read_text().splitlines()]
        return all(_is_there(line) for line in lines if line)
    except (OSError, metadata.PackageNotFoundError):
        return False


def _is_there(line: str) -> bool:
    """PackageNotFoundError: no version of it, or of what one of its extras adds, is installed."""
    pin = _PIN.fullmatch(line)
    if pin is None or metadata.version(pin["name"]) != pin["version"]:
        return False
    extras = set((pin["extras"] or "").split(",")) - {""}
    for needed in metadata.requires(pin["name"]) or ():
        what, _, when = needed.partition(";")
        name = _NAME.match(what)
        if name and any(re.search(rf"""extra == ['"]{re.escape(extra)}['"]""", when) for extra in extras):
            metadata.version(name.group())
    return True


def index(client: Any, repository: str) -> Dict[str, str]:
    """pip's variables; the token in the URL goes to no log and ends soon.

    client: boto3's of CodeArtifact; what it raises is passed on.
    """
    domain, owner, name = repository.split("/")
    of = {"domain": domain, "domainOwner": owner}
    token = client.get_authorization_token(**of, durationSeconds=SHORTEST_TOKEN)["authorizationToken"]
    place = client.get_repository_endpoint(**of, repository=name, format="pypi")["repositoryEndpoint"]
    return {"PIP_INDEX_URL": f"{place.rstrip('/')}/simple/".replace("https://", f"https://aws:{token}@")}


if __name__ == "__main__":
    install(sys.argv[1])
