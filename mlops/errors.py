"""What the command line tells a person when something is wrong."""


class CommandError(Exception):
    """A failure with one line that says where, what, and how to mend it."""
