"""`python -m mlops`: the command line."""

import argparse
import sys

from mlops.demo import run_demo
from mlops.errors import CommandError


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and run one command. Returns the process's exit code."""
    parser = argparse.ArgumentParser(prog="mlops", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="the whole loop on this machine, against the local AWS")
    demo.add_argument("--keep", action="store_true", help="leave the local AWS running at the end")
    arguments = parser.parse_args(argv)
    try:
        return run_demo(keep=arguments.keep)
    except CommandError as error:
        print(f"mlops: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
