"""How many of a new vendor's calls may fail before new users go back to the old one."""

from collections import deque
from collections.abc import Callable
from typing import Final

# Of its last calls; fewer than these say nothing yet.
_WINDOW: Final = 50
_ENOUGH: Final = 10
_ALLOWED: Final = 0.2


class ErrorBudget:
    """Of one vendor, counted in this process; `on_spent` tells the others. Spent, it stays so until it is renewed."""

    def __init__(self) -> None:
        self.on_spent: Callable[[], None] = lambda: None
        self.is_spent = False
        self._failed: deque[bool] = deque(maxlen=_WINDOW)

    def agree(self, *, is_spent: bool) -> None:
        """What all processes know. Renewed, it counts anew."""
        if self.is_spent and not is_spent:
            self._failed.clear()
        self.is_spent = is_spent

    def note(self, *, has_failed: bool) -> None:
        """One call's outcome; a vendor's no to a user is no failure."""
        self._failed.append(has_failed)
        if self.is_spent or len(self._failed) < _ENOUGH:
            return
        if sum(self._failed) / len(self._failed) > _ALLOWED:
            self.is_spent = True
            self.on_spent()
