"""Whoever comes back from a bank's page: the user who went there, somebody else, or a browser that nobody signed in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from prometheus_client import Counter

from db.unit_of_work import Read, Work
from domain import ids
from domain.bank_return import KEPT_FOR, BankVisit, FinishedVisit, ReturnOfAnotherUser, ReturnOver
from domain.clock import Clock
from domain.device import Device
from domain.errors import NotFound
from domain.ids import UserId
from domain.job import Job
from domain.redirect import with_query
from domain.user import SignIn
from services.authorisations import Authorisations
from services.banks.consent_returns import ConsentReturns
from services.payments.bank_payments import Payments
from services.tokens import hash_of, new_token

REFUSED: Final = Counter("drop_bank_returns_refused_total", "Returns from banks' pages that no user of theirs took.")


@dataclass(frozen=True, slots=True)
class EndUntakenReturn(Job):
    """Refuse a return that its user has not come for. `token_hash` is of its one-time code."""

    kind: ClassVar[str] = "end_untaken_return"
    token_hash: str


@dataclass(frozen=True, slots=True)
class SignInFirst:
    """Nobody is signed in here: `code` gives what was brought back to the user who began the visit, once."""

    code: str


class BankReturns:
    """Completes a return from a bank's page only for the user who began the visit.

    A link to a bank's page can be sent to somebody else, who approves there: what they approve must not become the
    sender's. So `state` finds the visit and proves nothing. A browser shows its user by its session; where nobody is
    signed in, or an app began the visit, what came back is kept for ten minutes under a one-time code. A return that
    another user brings, or that nobody comes for, ends the consent here and at the bank.
    """

    def __init__(
        self,
        work: Work,
        read: Read,
        consents: ConsentReturns,
        payments: Payments,
        authorisations: Authorisations,
        clock: Clock,
        machine_clock: Clock,
    ) -> None:
        self._work = work
        self._read = read
        self._consents = consents
        self._payments = payments
        self._authorisations = authorisations
        self._clock = clock
        self._machine_clock = machine_clock

    async def arrived(
        self, state: str, query: Mapping[str, str], device: Device, sign_in: SignIn | None
    ) -> str | SignInFirst:
        """Take a browser that the bank has sent back. Gives its next address.

        Raises NotFound for an unknown state, ReturnOfAnotherUser.
        """
        async with self._read() as read:
            visit = await read.bank_returns.visit(self._clock.now(), state_hash=hash_of(state))
        is_owner = visit is not None and sign_in is not None and sign_in.user_id == visit.user_id
        # An hour later only its own user learns where the visit led.
        if visit is None or not (visit.is_open or is_owner):
            raise NotFound("This way back from the bank is unknown. Start again in the app.", field=("state",))
        if visit.in_app:
            code = await self._keep(visit, query)
            return with_query(visit.return_to, **dict(visit.names), returnCode=code)
        if sign_in is None:
            return SignInFirst(await self._keep(visit, query))
        return (await self._settle(visit, sign_in, query, device)).target

    async def resumed(self, code: str, device: Device, sign_in: SignIn) -> FinishedVisit:
        """Take a return that was kept, by its one-time code, for who is signed in now.

        A code that its user sends again gives the same. Raises NotFound, ReturnOfAnotherUser, ReturnOver.
        """
        token_hash, now = hash_of(code), self._clock.now()
        async with self._read() as read:
            kept = await read.bank_returns.kept(token_hash)
            visit = await read.bank_returns.visit(now, subject_id=kept.subject_id) if kept else None
        if kept is None or visit is None:
            raise NotFound("This way back from the bank is unknown. Start again in the app.", field=("code",))
        if now >= kept.expires_at and kept.query_encrypted is not None:
            raise ReturnOver(field=("code",))
        is_first = await self._take(token_hash)
        query = self._authorisations.opened_query(kept.query_encrypted) if is_first and kept.query_encrypted else {}
        return await self._settle(visit, sign_in, query, device)

    async def end_untaken(self, job: EndUntakenReturn) -> None:
        """Refuse a return that nobody has come for in time. Safe to repeat."""
        async with self._read() as read:
            kept = await read.bank_returns.kept(job.token_hash)
            visit = await read.bank_returns.visit(self._clock.now(), subject_id=kept.subject_id) if kept else None
        if visit is not None and await self._take(job.token_hash):
            await self._refuse(visit, None)

    async def _settle(
        self, visit: BankVisit, sign_in: SignIn, query: Mapping[str, str], device: Device
    ) -> FinishedVisit:
        if sign_in.user_id != visit.user_id:
            await self._refuse(visit, sign_in.user_id)
            raise ReturnOfAnotherUser
        if ids.is_id(visit.subject_id, ids.CONSENT):
            return await self._consents.finish(visit, query, device)
        return await self._payments.finish(visit, query, device)

    async def _keep(self, visit: BankVisit, query: Mapping[str, str]) -> str:
        code, now = new_token(), self._clock.now()
        token_hash, expires_at = hash_of(code), now + KEPT_FOR
        async with self._work() as work:
            work.bank_returns.keep(
                visit,
                token_hash=token_hash,
                query_encrypted=self._authorisations.sealed_query(query),
                expires_at=expires_at,
            )
            work.jobs.enqueue(EndUntakenReturn(token_hash), due_at=expires_at, now=now)
            await work.commit()
        return code

    async def _take(self, token_hash: str) -> bool:
        async with self._work() as work:
            is_first = await work.bank_returns.take(token_hash, self._clock.now())
            await work.commit()
        return is_first

    async def _refuse(self, visit: BankVisit, by: UserId | None) -> None:
        REFUSED.inc()
        async with self._work() as work:
            await work.audit.record_once(
                "bank_return_refused",
                self._machine_clock.now(),
                user_id=visit.user_id,
                object_id=visit.subject_id,
                detail={"came": by or "nobody"},
            )
            await work.commit()
        # What a payment's user has approved may be on its way: its status is read at the bank, as ever.
        if ids.is_id(visit.subject_id, ids.CONSENT):
            await self._consents.refuse(visit)
