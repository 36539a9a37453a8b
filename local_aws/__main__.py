"""python -m local_aws: start, stop and look at the local AWS."""

from __future__ import annotations

import argparse
import json
import os
import sys

from local_aws import commands
from local_aws.errors import LocalAwsError


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 if it did what was asked, else 1 with one line that says why not."""
    parser = argparse.ArgumentParser(
        prog="python -m local_aws",
        description="The embedded local AWS. Its state is in LOCAL_AWS_HOME (build/local_aws by default).",
    )
    command = parser.add_subparsers(dest="command", required=True)
    start = command.add_parser("start", help="start the server and say when it is ready")
    start.add_argument("--detach", action="store_true", help="leave it running in the background")
    command.add_parser("stop", help="save everything and end the server")
    status = command.add_parser("status", help="whether a server runs, and where")
    status.add_argument("--json", action="store_true")
    env = command.add_parser("env", help="print what a shell must export so that AWS clients reach the server")
    env.add_argument("--account", help="twelve digits: the account to work in; by default the server's own")
    resources = command.add_parser("resources", help="which CloudFormation types are emulated, recorded or refused")
    resources.add_argument("types", nargs="*", help="only these types; without any, all known ones")
    resources.add_argument("--used", action="store_true", help="only those used on this state; needs a server")
    resources.add_argument("--json", action="store_true")
    command.add_parser("checkpoint", help="save everything now")
    options = parser.parse_args(arguments)
    try:
        match options.command:
            case "start":
                commands.start(detach=options.detach)
            case "stop":
                commands.stop()
            case "status":
                return commands.status(as_json=options.json)
            case "env":
                commands.env(options.account)
            case "resources":
                commands.resources(options.types, used=options.used, as_json=options.json)
            case "checkpoint":
                print(json.dumps(commands.checkpoint()))
    except LocalAwsError as error:
        print(f"local_aws: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader, `head` for example, has seen enough. What is still buffered must not be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
