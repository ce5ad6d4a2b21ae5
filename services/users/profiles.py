"""The user's own data: contact, language, address, and preferences for notifications."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from db.unit_of_work import Read, UnitOfWork, Work, retry_on_stale
from domain.clock import Clock
from domain.contact_code import ContactKind, PendingContact
from domain.errors import InvalidInput, Unavailable
from domain.ids import UserId
from domain.profile import Address, ProfileChange
from domain.user import SignIn, User
from domain.warning import MutationWarning, WarningCode
from providers.geocoding.port import Geocoder
from providers.vendors import Vendors
from services.notifications.compose import NotificationComposer
from services.patience import Patience
from services.users.sessions import Sessions

# A geocoder that takes longer than this counts as away.
_GEOCODED_WITHIN_S: Final = 2


@dataclass(frozen=True, slots=True)
class ProfileChanged:
    """`candidates` are to choose from if the new address is ambiguous or found in part; nothing is saved then."""

    user: User
    candidates: Sequence[Address] = ()
    warnings: Sequence[MutationWarning] = ()


class Profiles:
    """The user's own data: read, changed, and its preferences set. Changes commit."""

    def __init__(
        self,
        work: Work,
        read: Read,
        geocoders: Vendors[Geocoder],
        notifications: NotificationComposer,
        sessions: Sessions,
        clock: Clock,
        machine_clock: Clock,
    ) -> None:
        self._work = work
        self._read = read
        self._geocoders = geocoders
        self._notifications = notifications
        self._sessions = sessions
        self._clock = clock
        self._machine_clock = machine_clock
        self._patience = Patience()

    async def get(self, user_id: UserId) -> User | None:
        """The user, None if the account is deleted."""
        async with self._read() as read:
            return await read.users.get(user_id)

    async def change(self, sign_in: SignIn, change: ProfileChange) -> ProfileChanged:
        """Save what is given or cleared: all of it, or nothing where the address is ambiguous or unknown.

        A new e-mail or phone waits for the code that is sent there; given again, it is sent another one. Raises
        InvalidInput, StepUpRequired where another e-mail or phone is given and the login is not recent, RateLimited,
        Unauthenticated where the user has left.
        """
        warnings: list[MutationWarning] = []
        address = None
        if change.address is not None:
            found = await self._geocode(change.address, warnings)
            address = _meant(change.address, found)
            if address is None:
                return ProfileChanged(await self._user(sign_in.user_id), found)
        after = await retry_on_stale(lambda: self._change(sign_in, change, address))
        return ProfileChanged(after, warnings=warnings)

    async def _change(self, sign_in: SignIn, change: ProfileChange, address: Address | None) -> User:
        async with self._work() as work:
            before = await _held(work, sign_in.user_id)
            asked = {ContactKind.EMAIL: change.email, ContactKind.PHONE: change.phone}
            known = {ContactKind.EMAIL: before.email, ContactKind.PHONE: before.phone}
            new = {kind: to for kind, to in asked.items() if to is not None and to != known[kind]}
            settled = {kind for kind, to in asked.items() if to is not None or kind.lower() in change.cleared}
            now = self._clock.now()
            kept = {kind: pending for kind, pending in before.pending.items() if pending.is_kept(now)}
            waiting = {kind: pending for kind, pending in kept.items() if kind not in settled}
            after = replace(
                before,
                email=None if "email" in change.cleared else before.email,
                phone=None if "phone" in change.cleared else before.phone,
                pending=waiting | {kind: PendingContact.new(to, now) for kind, to in new.items()},
                chosen_locale=None if "locale" in change.cleared else change.locale or before.chosen_locale,
                address=None if "address" in change.cleared else address or before.address,
            )
            is_less = (before.email, before.phone) != (after.email, after.phone)
            if new or is_less:
                # Who has found an open browser must not take the account over: its warnings would go to them.
                self._sessions.require_recent(sign_in)
            await work.users.save(after)
            for kind, to in new.items():
                await self._notifications.contact_code(work, after, kind, to)
            if is_less:
                # The message goes to the contact that was known so far: the person who changed it may not be the user.
                await self._notifications.contact_changed(work, before)
                removed = sorted(change.cleared & {"email", "phone"})
                at = self._machine_clock.now()
                work.audit.record("contact_changed", at, user_id=before.id, detail={"fields": removed})
            await work.commit()
        return after

    async def set_preferences(self, sign_in: SignIn, wanted: Mapping[str, bool]) -> User:
        """Set preferences by the field names of `NotificationPreferences`; the others stay.

        Raises StepUpRequired where security notices are switched off and the login is not recent, Unauthenticated.
        """
        return await retry_on_stale(lambda: self._set_preferences(sign_in, wanted))

    async def _set_preferences(self, sign_in: SignIn, wanted: Mapping[str, bool]) -> User:
        async with self._work() as work:
            before = await _held(work, sign_in.user_id)
            after = replace(before, preferences=replace(before.preferences, **wanted))
            if before.preferences.security and not after.preferences.security:
                self._sessions.require_recent(sign_in)
            await work.users.save(after)
            await work.commit()
        return after

    async def _geocode(self, text: str, warnings: list[MutationWarning]) -> Sequence[Address]:
        """At least one. Where the geocoder is away, what the user typed. Raises InvalidInput."""
        try:
            asking = self._geocoders[self._geocoders.current].geocode(text)
            found = await self._patience.wait(asking, _GEOCODED_WITHIN_S)
        except (Unavailable, TimeoutError):
            warnings.append(MutationWarning(WarningCode.ADDRESS_NOT_CHECKED))
            return [Address(text)]
        if not found:
            raise InvalidInput("ADDRESS_NOT_FOUND", "No such address is known.", field=("input", "address"))
        return found

    async def _user(self, user_id: UserId) -> User:
        async with self._work() as work:
            user = await work.users.get(user_id)
        assert user is not None
        return user


async def _held(work: UnitOfWork, user_id: UserId) -> User:
    """The user, locked: another tab may change other fields at this moment. Raises Unauthenticated."""
    await work.users.hold(user_id)
    user = await work.users.get(user_id)
    assert user is not None
    return user


def _meant(text: str, found: Sequence[Address]) -> Address | None:
    """The address that the text means beyond doubt, else None: the user then chooses, by sending a candidate's text."""
    typed = Address(text)
    if list(found) == [typed]:
        return typed  # nobody could look it up
    chosen = next((one for one in found if one.formatted.casefold() == text.casefold()), None)
    if chosen is not None:
        return replace(chosen, is_normalised=True)
    return found[0] if len(found) == 1 and found[0].is_normalised else None
