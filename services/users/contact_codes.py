"""The codes by which a new e-mail or phone is confirmed: made as they are sent, kept as hashes alone."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from db.field_encryption import FieldEncryption
from db.unit_of_work import UnitOfWork, Work, retry_on_stale
from domain.clock import Clock
from domain.contact_code import CODE_DIGITS, TRIES, ContactKind
from domain.errors import InvalidInput, NotFound, Unauthenticated
from domain.ids import UserId
from domain.notification import CODES, NotificationStatus
from domain.user import User
from services.notifications.compose import NotificationComposer

_FIELD: Final = ("input", "code")


class ContactCodes:
    """Makes the code of a pending contact, and takes it. Each method commits."""

    def __init__(
        self,
        work: Work,
        notifications: NotificationComposer,
        encryption: FieldEncryption,
        clock: Clock,
        machine_clock: Clock,
    ) -> None:
        self._work = work
        self._notifications = notifications
        self._encryption = encryption
        self._clock = clock
        self._machine_clock = machine_clock

    async def issue(self, user_id: UserId, kind: ContactKind, address: str) -> str | None:
        """A new code for the pending contact, to be sent at once; None where this address is awaited no more.

        A code that was made before, by a try to send that failed, counts no more.
        """
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
        return code if await retry_on_stale(lambda: self._issue(user_id, kind, address, code)) else None

    async def _issue(self, user_id: UserId, kind: ContactKind, address: str, code: str) -> bool:
        async with self._work() as work:
            try:
                user = await _held(work, user_id)
            except Unauthenticated:
                return False
            pending = user.pending.get(kind)
            if pending is None or pending.address != address:
                return False
            sent = pending.sent(self._hashes_of(user_id, kind, code)[0], self._clock.now())
            await work.users.save(replace(user, pending={**user.pending, kind: sent}))
            await work.commit()
        return True

    async def confirm(self, user_id: UserId, kind: ContactKind, code: str) -> User:
        """Take the code: the new contact is the user's from now on, and the old one is told.

        Raises InvalidInput, NotFound where none is pending, RateLimited where the old number cannot be told now,
        Unauthenticated.
        """
        if len(code) != CODE_DIGITS or not (code.isascii() and code.isdigit()):
            raise InvalidInput("INVALID_CODE", f"The code has {CODE_DIGITS} digits.", field=_FIELD)
        user, wrong = await retry_on_stale(lambda: self._confirm(user_id, kind, code))
        if wrong is not None:
            raise wrong
        return user

    async def _confirm(self, user_id: UserId, kind: ContactKind, code: str) -> tuple[User, InvalidInput | None]:
        now = self._clock.now()
        async with self._work() as work:
            before = await _held(work, user_id)
            pending = before.pending.get(kind)
            if pending is None:
                raise NotFound("No new contact of this kind waits for a code.", field=("input", "kind"))
            untold = None if pending.is_exhausted else await self._untold(work, user_id, kind)
            if not pending.is_open(now):
                message = "The code has run out, by time or by wrong tries. Send updateProfile again for another one."
                raise untold or InvalidInput("CODE_EXPIRED", message, field=_FIELD)
            others = {other: waits for other, waits in before.pending.items() if other is not kind}
            if not pending.is_code(self._hashes_of(user_id, kind, code)):
                # A wrong try is kept, or there would be no end of them.
                tried = pending.tried()
                await work.users.save(replace(before, pending={**others, kind: tried}))
                self._record(work, "contact_code_wrong", user_id, kind)
                await work.commit()
                message = f"Not the code that was sent last: {TRIES - tried.tries} tries are left."
                return before, untold or InvalidInput("INVALID_CODE", message, field=_FIELD)
            rest = replace(before, pending=others)
            to, is_mail = pending.address, kind is ContactKind.EMAIL
            after = replace(rest, email=to) if is_mail else replace(rest, phone=to)
            await work.users.save(after)
            await self._notifications.contact_changed(work, before)
            self._record(work, "contact_changed", user_id, kind)
            await work.commit()
        return after, None

    async def _untold(self, work: UnitOfWork, user_id: UserId, kind: ContactKind) -> InvalidInput | None:
        """What to say where the message with the code has not arrived; None where it has, as far as is known.

        A code that is right counts all the same: the vendor's answer may be what was lost.
        """
        message = await work.notifications.newest_of(user_id, CODES[kind])
        if message is not None and message.is_waiting:
            text = "The code is not sent yet. Wait for it: the message is on its way, or is tried again in minutes."
            return InvalidInput("CODE_NOT_SENT", text, field=_FIELD)
        if message is not None and message.status in (NotificationStatus.DEAD, NotificationStatus.BOUNCED):
            text = "The code could not be delivered. Check the new contact, and send updateProfile again."
            return InvalidInput("CODE_NOT_DELIVERED", text, field=_FIELD)
        return None

    def _record(self, work: UnitOfWork, action: str, user_id: UserId, kind: ContactKind) -> None:
        work.audit.record(action, self._machine_clock.now(), user_id=user_id, detail={"fields": [kind.lower()]})

    def _hashes_of(self, user_id: UserId, kind: ContactKind, code: str) -> Sequence[str]:
        """Keyed: a million codes are tried at once against a plain hash."""
        return self._encryption.keyed_hashes(f"{user_id} {kind} {code}")


async def _held(work: UnitOfWork, user_id: UserId) -> User:
    await work.users.hold(user_id)
    user = await work.users.get(user_id)
    assert user is not None
    return user
