"""Errors with the code, message and HTTP status that AWS answers with."""

from __future__ import annotations


class AwsError(Exception):
    """What an operation raises to answer with an AWS error."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class ValidationException(AwsError):
    """A parameter is wrong; SageMaker also answers so where a described resource does not exist."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


class SerializationException(AwsError):
    """The request is not what the operation's shape can hold, e.g. a text for a list."""

    def __init__(self, message: str) -> None:
        super().__init__("SerializationException", message)


class ResourceNotFound(AwsError):
    """The named resource does not exist, in the operations that declare this error."""

    def __init__(self, message: str) -> None:
        super().__init__("ResourceNotFound", message)


class ResourceInUse(AwsError):
    """The name is taken."""

    def __init__(self, message: str) -> None:
        super().__init__("ResourceInUse", message)


class ConflictException(AwsError):
    """The resource changed at the same time or is in a state that forbids the change."""

    def __init__(self, message: str) -> None:
        super().__init__("ConflictException", message)


class ResourceLimitExceeded(AwsError):
    """A quota would be exceeded."""

    def __init__(self, message: str) -> None:
        super().__init__("ResourceLimitExceeded", message)
