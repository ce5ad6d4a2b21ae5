"""Alerts on the console, where no other channel is set."""

import sys

from domain.alert import Alert


class ConsoleAlerts:
    def __init__(self, environment: str) -> None:
        self._environment = environment

    async def send(self, alert: Alert) -> None:
        sys.stderr.write(f"{alert.text(self._environment)}\n")
        sys.stderr.flush()
