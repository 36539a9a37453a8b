"""Release tests: whether the version that an environment just released answers as it should, and fast enough.

Lambda entry point `handler.handler`, invoked asynchronously by the release controller, or by hand, with
{"package": "<model package ARN>", "endpoint": "<name>"}; "again": true repeats tests whose verdict is there.
"""

from __future__ import annotations

import json
from typing import Protocol

from gateway import gateway, settings
from request import parse
from testing import test


class Context(Protocol):
    """The part of Lambda's context object that is used."""

    def get_remaining_time_in_millis(self) -> int:
        """Until Lambda ends the function."""


def handler(event: object, context: Context) -> dict[str, str]:
    """Returns the verdict, for whoever invokes by hand; raises what a retry may mend, and a malformed request."""
    request = parse(event, settings())
    report = test(gateway(), request, lambda: context.get_remaining_time_in_millis() / 1000)
    print(json.dumps({"message": "tested", "package": request.package, **report}))
    return report
