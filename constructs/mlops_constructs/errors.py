"""The exceptions of this package."""


class ConstructError(ValueError):
    """Says in one line what was asked for, why AWS would refuse it, and what to write instead.

    Raised while the construct tree is built, so that nothing wrong reaches a deployment.
    """


class SettingRefusedError(ConstructError):
    """A setting turned out wrong only where it is used; `key` is its dotted path."""

    def __init__(self, key: str, value: object, allowed: str) -> None:
        super().__init__(f"{key} = {value!r}: must be {allowed}")
        self.key = key
        self.allowed = allowed
