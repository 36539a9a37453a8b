"""Errors of the command line, told in one line."""


class LocalAwsError(Exception):
    """The local AWS cannot do what was asked; the message says what to change."""
