"""What is wrong with features."""

from __future__ import annotations


class FeatureError(Exception):
    """A group, a record or a store is not as it must be: its place, the value, and what to do."""
