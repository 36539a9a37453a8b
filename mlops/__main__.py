"""`python -m mlops`: the command line."""

import argparse
import sys


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and run one command. Returns the process's exit code."""
    parser = argparse.ArgumentParser(prog="mlops", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="the whole loop on this machine, against the local AWS")
    demo.add_argument("--keep", action="store_true", help="leave the local AWS running at the end")
    arguments = parser.parse_args(argv)
    try:
        # Only now: importing boto3 takes long enough to be interrupted.
        from mlops import demo as run
        from mlops.errors import CommandError

        try:
            return run.run_demo(keep=arguments.keep)
        except (CommandError, OSError) as error:
            print(f"mlops: {error}", file=sys.stderr)
            return 1
    except KeyboardInterrupt:
        print("mlops: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
