"""CloudFormation's pre-signed URL, where the answer to a custom resource request goes."""

from __future__ import annotations

import time
import urllib.request

TIMEOUT = 5.0
PAUSES = (0.5, 2.0)
"""Seconds before the second try, and before the third and last one."""


def put(url: str, body: bytes, *, schemes: tuple[str, ...] = ("https",)) -> None:
    """PUT the answer; raises OSError when it cannot be delivered, ValueError for a URL of another scheme."""
    if not url.startswith(tuple(f"{each}://" for each in schemes)):
        raise ValueError(f"ResponseURL: {url!r}, expected an {' or '.join(schemes)} URL")
    # The URL is signed without a content type: an empty one keeps urllib from adding its own.
    request = urllib.request.Request(url, body, {"Content-Type": ""}, method="PUT")  # noqa: S310 - checked above
    for pause in (*PAUSES, None):
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT):  # noqa: S310 - checked above
                return
        except OSError:  # URLError, and a timeout while reading
            if pause is None:
                raise
            time.sleep(pause)
