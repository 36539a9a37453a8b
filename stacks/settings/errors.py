"""What goes wrong with settings."""


class SettingsError(ValueError):
    """One line for the user: file, key, value, what is allowed."""
