"""`python -m mlops`: the command line."""

import argparse
import os
import sys


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and run one command. Returns the process's exit code."""
    try:
        # Only now: imports take long enough to be interrupted.
        from mlops.commands import parser

        return _run(parser().parse_args(argv))
    except KeyboardInterrupt:
        print("mlops: interrupted", file=sys.stderr)
        return 130


def _run(arguments: argparse.Namespace) -> int:
    from botocore.exceptions import BotoCoreError, ClientError

    from mlops.aws import explain
    from mlops.errors import CommandError

    try:
        code: int = arguments.run(arguments)
    except CommandError as error:
        print(f"mlops: {error}", file=sys.stderr)
        return error.code
    except (ClientError, BotoCoreError) as error:
        print(f"mlops: {explain(error)}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Who read it has seen enough, as `head` has. Python writes the rest when it ends: nowhere, then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"mlops: {error}", file=sys.stderr)
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
