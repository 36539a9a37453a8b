"""Which commit the project is checked out at, for those who start a pipeline by hand."""

import subprocess
from pathlib import Path

NO_COMMIT = "none"
"""The default of the pipeline's parameter CodeCommit."""


def commit(folder: Path) -> str:
    """The commit of a folder, with `-dirty` behind it where files differ from it; NO_COMMIT outside of a checkout."""
    try:
        return _git(folder, "rev-parse", "HEAD") + ("-dirty" if _git(folder, "status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return NO_COMMIT


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()
