"""Alerts on the console, if no other channel is set."""

import sys

from domain.alert import Alert


class ConsoleAlerts:
    """Writes alerts to stderr. `environment`, such as production, stands in every text."""

    def __init__(self, environment: str) -> None:
        self._environment = environment

    async def send(self, alert: Alert) -> None:
        sys.stderr.write(f"{alert.text(self._environment)}\n")
        sys.stderr.flush()
