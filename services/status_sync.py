"""What bank payments, card payments and plans have in common: their vendor is asked, and its answer is applied."""

from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from db.unit_of_work import Queries, Read, UnitOfWork, Work, retry_on_stale
from domain.clock import Clock
from domain.errors import StaleVersion
from domain.ids import UserId
from domain.job import Job
from domain.outcome import Outcome
from domain.payment import PaymentCause
from services.backoff import LONGEST, longer


class Owned(Protocol):
    """A payment or a plan: it has an id, and one user owns it."""

    @property
    def id(self) -> Any:
        """The product's own id of the object."""

    @property
    def user_id(self) -> UserId:
        """The user who owns the object."""


Object = TypeVar("Object", bound=Owned)
ObjectId = TypeVar("ObjectId", bound=str)


class StatusSync(ABC, Generic[Object, ObjectId]):
    """Asks a vendor about one object, applies the answer, and asks again by a job until the object is final.

    A subclass says how the object is loaded, how its vendor is asked, and which job asks again. The vendor is called
    outside of any transaction; each method but `enqueue_ask` commits its own.
    """

    name: ClassVar[str]

    def __init__(self, work: Work, read: Read, clock: Clock) -> None:
        self._work = work
        self._read = read
        self._clock = clock

    async def refresh(self, user_id: UserId, object_id: ObjectId, cause: PaymentCause) -> Outcome:
        """Ask the vendor and apply its answer. Gives what that changed. Raises Unavailable, InDoubt."""

        async def attempt() -> Outcome:
            async with self._read() as read:
                found = await self._load(read, user_id, object_id)
            return await self._ask(found, cause) if found is not None else Outcome(False, f"the {self.name} is gone")

        return await retry_on_stale(attempt)

    async def ask(self, found: Object, cause: PaymentCause) -> Outcome:
        """As `refresh`, for an object that the caller has just read."""
        try:
            return await self._ask(found, cause)
        except StaleVersion:
            return await self.refresh(found.user_id, found.id, cause)

    async def ask_again(self, user_id: UserId, object_id: ObjectId, pause_s: float) -> None:
        """Ask, and queue the next ask after a longer pause until final: a job finds what a lost webhook has hidden."""
        await self.refresh(user_id, object_id, PaymentCause.VENDOR_READ)
        async with self._read() as read:
            found = await self._load(read, user_id, object_id)
        if found is not None:
            found = await self._end_overdue(found)
        if found is not None and not self._is_final(found):
            pause = longer(pause_s, self._longest_pause(found))
            now = self._clock.now()
            async with self._work() as work:
                next_ask = self._job(found, pause.total_seconds())
                await work.jobs.enqueue_next(next_ask, due_at=self._due(found, now + pause), now=now)
                await work.commit()

    async def current(self, known: Object) -> Object:
        """The object as it is now."""
        async with self._read() as read:
            found = await self._load(read, known.user_id, known.id)
        assert found is not None
        return found

    def enqueue_ask(self, work: UnitOfWork, asked: Object, pause: timedelta) -> None:
        """Queue the job that asks again, within the caller's transaction."""
        now = self._clock.now()
        work.jobs.enqueue(self._job(asked, pause.total_seconds()), due_at=self._due(asked, now + pause), now=now)

    @abstractmethod
    async def _load(self, queries: Queries, user_id: UserId, object_id: ObjectId) -> Object | None: ...

    @abstractmethod
    async def _ask(self, found: Object, cause: PaymentCause) -> Outcome:
        """Ask the vendor and apply its answer to this version of the object. May raise StaleVersion."""

    @abstractmethod
    def _job(self, asked: Object, pause_s: float) -> Job: ...

    @abstractmethod
    def _is_final(self, found: Object) -> bool: ...

    def _longest_pause(self, found: Object) -> timedelta:
        return LONGEST

    def _due(self, asked: Object, due_at: datetime) -> datetime:
        return due_at

    async def _end_overdue(self, found: Object) -> Object:
        """End the object at the vendor if its time is over."""
        return found
