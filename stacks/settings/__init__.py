"""Settings of one environment: read from TOML, checked, frozen."""

from stacks.settings.errors import SettingsError
from stacks.settings.loader import blame, load
from stacks.settings.schema import EnvironmentSettings, ModelSettings

__all__ = ["EnvironmentSettings", "ModelSettings", "SettingsError", "blame", "load"]
