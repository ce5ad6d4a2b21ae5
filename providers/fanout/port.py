"""Waking the subscribers of a user: hints alone, for the truth is read from the database."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from domain.ids import UserId


class Hint(Protocol):
    async def wait(self) -> None:
        """Returns at once where a hint came since the last call, else with the next one."""


class Fanout(Protocol):
    def publish(self, user_id: UserId) -> None:
        """Tell whoever listens that the user's stream has grown. May be lost."""

    def listen(self, user_id: UserId) -> AbstractAsyncContextManager[Hint]:
        """Listen from the moment the context is entered."""


