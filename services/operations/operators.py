"""Operators' tokens: each with a name and a role, stored as a hash, revocable."""

import secrets
from collections.abc import Sequence
from typing import Final

from db.unit_of_work import Read, Work
from domain.clock import Clock
from domain.errors import InvalidState, NotFound
from domain.operator import BOOTSTRAP, Operator, OperatorRole, require_name
from services.tokens import hash_of, new_token

_LISTED: Final = 500


class Operators:
    """Adds, revokes and knows operators. `bootstrap` is the token of the settings, which has no row."""

    def __init__(self, work: Work, read: Read, machine_clock: Clock, bootstrap: str | None = None) -> None:
        self._work = work
        self._read = read
        self._clock = machine_clock
        self._bootstrap = bootstrap

    async def of_token(self, token: str) -> Operator | None:
        """Whose token it is; None where nobody's."""
        # An empty token is refused by itself: a comparison with an empty setting would let everybody in.
        if not token:
            return None
        if self._bootstrap and secrets.compare_digest(token.encode(), self._bootstrap.encode()):
            return Operator(BOOTSTRAP, OperatorRole.ACT)
        async with self._read() as read:
            return await read.operators.by_token(hash_of(token))

    async def add(self, name: str, role: OperatorRole) -> str:
        """Give a new operator's token, which is told this once. Raises InvalidInput, InvalidState for a name in use."""
        token, now = new_token(), self._clock.now()
        async with self._work() as work:
            if await work.operators.get(require_name(name)) is not None:
                raise InvalidState("There is or was an operator of this name. Choose another one.", field=("name",))
            work.operators.add(name, role, hash_of(token), now)
            work.audit.record("operator_added", now, object_id=name, detail={"role": role})
            await work.commit()
        return token

    async def revoke(self, name: str) -> None:
        """End an operator's token, from the next request on. Raises NotFound."""
        now = self._clock.now()
        async with self._work() as work:
            if not await work.operators.revoke(name, now):
                raise NotFound("There is no operator of this name, or no longer.", field=("name",))
            work.audit.record("operator_revoked", now, object_id=name)
            await work.commit()

    async def all(self) -> Sequence[Operator]:
        """By name, those who were revoked among them; 500 at most."""
        async with self._read() as read:
            return await read.operators.page(_LISTED)
