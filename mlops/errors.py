"""What the command line tells a person when something is wrong, and the exit code that says it to a script."""


class CommandError(Exception):
    """A failure with one line that says where, what, and how to mend it."""

    code = 1


class UsageError(CommandError):
    """The command was given something that it cannot take: a setting, a version, a file."""

    code = 2


class NotYet(CommandError):
    """What was waited for has not happened when the time was over, or waits for a person."""

    code = 3
