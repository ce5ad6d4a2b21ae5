"""Refusals of vendors that operators must mend, told to whom the gateway names once it has built its alerts."""

from collections.abc import Callable

# Takes the port's name, the guard's name, and why.
Listener = Callable[[str, str, str], None]


class Refusals:
    """What guards report to. Without a listener, as in a command, the log alone tells of a refusal."""

    def __init__(self) -> None:
        self._listener: Listener | None = None

    def listen(self, listener: Listener) -> None:
        """Call `listener` at each refusal from now on. It must not wait."""
        self._listener = listener

    def heard(self, provider: str, name: str, why: str) -> None:
        """Report a refusal. Never waits."""
        if self._listener is not None:
            self._listener(provider, name, why)
