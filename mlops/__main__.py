"""`python -m mlops`, and `mlops` where `make install` has put it: the command line."""

import sys

if not __package__:  # called by its path, as .venv/bin/mlops does: this folder's modules are no top-level ones
    sys.path[0] = sys.path[0].rpartition("/")[0]


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and run one command. Returns the process's exit code."""
    try:
        # Only now: imports take long enough to be interrupted.
        from mlops.commands import run

        return run(argv)
    except KeyboardInterrupt:
        print("mlops: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
