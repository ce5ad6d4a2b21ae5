"""The settings of the commands that run on this machine, rather than ask a running gateway."""

from typing import Any

from gateway.commands.terminal import fail
from gateway.settings.check import InvalidSettings, load_settings
from gateway.settings.settings import Settings


def checked_settings(**given: Any) -> Settings:
    """`given` comes before the environment. Exits with every problem named."""
    try:
        return load_settings(**given)
    except InvalidSettings as error:
        fail(f"The settings need attention:\n{error}")
