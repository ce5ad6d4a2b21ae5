"""Which user a person is who has signed in with their eID."""

from db.field_encryption import FieldEncryption
from db.ids import new_id
from db.unit_of_work import UnitOfWork
from domain import ids
from domain.clock import Clock
from domain.ids import KycId, SessionId, UserId
from domain.kyc import Kyc
from domain.notification import Template
from domain.user import User
from providers.identity.port import Identity
from providers.kyc.port import KycProvider
from providers.vendors import Vendors
from services.notifications.compose import NotificationComposer
from services.payments.customers import CreateCustomer
from services.users.sessions import Sessions


class People:
    """Finds a person's user by the eID's subject, then by the identity number, else makes one.

    An eID that was ordered anew may have a new subject. Only a real eID's number proves who somebody is: the simulated
    one gives any number to anybody (`proves_numbers`).
    """

    def __init__(
        self,
        encryption: FieldEncryption,
        notifications: NotificationComposer,
        sessions: Sessions,
        clock: Clock,
        kyc_vendors: Vendors[KycProvider],
        *,
        proves_numbers: bool,
    ) -> None:
        self._encryption = encryption
        self._notifications = notifications
        self._sessions = sessions
        self._clock = clock
        self._kyc_vendors = kyc_vendors
        self._proves_numbers = proves_numbers

    async def user_of(self, work: UnitOfWork, identity: Identity) -> tuple[UserId, list[SessionId]]:
        """The user, in the caller's transaction, and the sign-ins that ended: the caller commits and closes these."""
        number = identity.national_identity_number
        number_hashes = self._encryption.keyed_hashes(number) if number else []
        known, owner = await work.users.of_identity(identity.issuer, identity.subject, number_hashes)
        if known is None and owner is not None and self._proves_numbers:
            ended = await self._link(work, owner.id, identity)
            await self._rename(work, owner, identity)
            return owner.id, ended
        if known is None:
            return await self._add(work, identity, None if owner is not None else number), []
        if owner is None and number is not None:
            await work.users.keep_number(known.id, number, number_hashes[0])
        await self._rename(work, known, identity)
        return known.id, []

    async def _link(self, work: UnitOfWork, user_id: UserId, identity: Identity) -> list[SessionId]:
        await work.users.link(user_id, identity.issuer, identity.subject)
        work.audit.record("identity_linked", self._clock.now(), user_id=user_id)
        await self._notifications.queue(work, user_id, Template.IDENTITY_LINKED)
        return await self._sessions.end_all_within(work, user_id, "signed in with a new eID")

    async def _rename(self, work: UnitOfWork, user: User, identity: Identity) -> None:
        if user.name != identity.name:
            await work.users.rename(user.id, identity.name)

    async def _add(self, work: UnitOfWork, identity: Identity, number: str | None) -> UserId:
        now = self._clock.now()
        user_id = UserId(new_id(ids.USER, now))
        await work.users.add(
            User(user_id, identity.name, now, identity.email, identity.phone),
            issuer=identity.issuer,
            subject=identity.subject,
            national_identity_number=number,
            national_identity_number_hash=self._encryption.keyed_hash(number) if number else None,
        )
        await work.events.begin_stream(user_id)
        work.kyc.add(Kyc(KycId(new_id(ids.KYC, now)), user_id, self._kyc_vendors.for_user(user_id)))
        work.jobs.enqueue(CreateCustomer(user_id), now=now)
        await self._notifications.queue(work, user_id, Template.WELCOME)
        return user_id
