"""Alerts on the console, if no other channel is set."""

import sys
from typing import Final

from domain.alert import Alert
from providers.declaration import NoSettings, Tools, Vendor


class ConsoleAlerts:
    """Writes alerts to stderr. `environment`, such as production, stands in every text."""

    def __init__(self, environment: str) -> None:
        self._environment = environment

    async def send(self, alert: Alert) -> None:
        sys.stderr.write(f"{alert.text(self._environment)}\n")
        sys.stderr.flush()


def _build(settings: NoSettings, tools: Tools) -> ConsoleAlerts:
    return ConsoleAlerts(tools.environment)


VENDOR: Final = Vendor("console", NoSettings, _build)
