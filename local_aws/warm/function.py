"""A Lambda function's process, a fork of the zygote: it leads a session and a group of its own, and runs one call.

Its stdin begins with what to do, as that of a room does, and then is the call's own; so are stdout and stderr.
"""

from __future__ import annotations

import os

from local_aws.warm import become, call
from local_aws.warm.room import specification


def begin(loaded: frozenset[str]) -> call.Call:
    """The call to run. Does not return where only a new interpreter will do: this process turns into it.

    loaded: the names of modules that a new interpreter would not have.
    """
    spec = specification()
    environment = call.started(spec["env"])
    wanted = call.parse(spec["argv"], environment, spec["cwd"], loaded, spec["folders"])
    if wanted is None:
        os.chdir(spec["cwd"])
        os.execve(spec["argv"][0], spec["argv"], spec["env"])  # noqa: S606 - running it is the purpose
    become.settle(environment, spec["cwd"])
    return wanted
