"""What the command line tells a person when something is wrong, and the exit code that says it to a script."""

from collections.abc import Sequence


class CommandError(Exception):
    """A failure with one line that says where, what, and how to mend it."""

    code = 1

    def mended(self, words: Sequence[str]) -> str:  # noqa: ARG002 - for those that know how
        """The line for a person who typed these words after `mlops`: with the mended command, where that is known."""
        return str(self)


class UsageError(CommandError):
    """The command was given something that it cannot take: a setting, a version, a file."""

    code = 2


class NotYet(CommandError):
    """What was waited for has not happened when the time was over, or waits for a person."""

    code = 3
