"""The one exception of this package."""


class ConstructError(ValueError):
    """Says in one line what was asked for, why AWS would refuse it, and what to write instead.

    Raised while the construct tree is built, so that nothing wrong reaches a deployment.
    """
