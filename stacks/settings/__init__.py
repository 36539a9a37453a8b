"""Settings of one environment: read from TOML, checked, frozen."""

from stacks.settings.delivery import DELIVERY, Delivery
from stacks.settings.errors import SettingsError
from stacks.settings.loader import blame, load, load_delivery
from stacks.settings.schema import EnvironmentSettings, ModelSettings

__all__ = [
    "DELIVERY",
    "Delivery",
    "EnvironmentSettings",
    "ModelSettings",
    "SettingsError",
    "blame",
    "load",
    "load_delivery",
]
