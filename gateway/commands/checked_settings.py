"""The settings of the commands that run on this machine, rather than ask a running gateway."""

from gateway.commands.terminal import fail
from gateway.settings.check import InvalidSettings, load_settings
from gateway.settings.settings import Settings


def checked_settings() -> Settings:
    """Exits with every problem named."""
    try:
        return load_settings()
    except InvalidSettings as error:
        fail(f"The settings need attention:\n{error}")
