"""What each later call about a consent needs besides the consent: its bank, its user, and from where it was begun."""

from dataclasses import replace

from db.field_encryption import FieldEncryption
from db.unit_of_work import Read
from domain.consent import Consent
from domain.device import Device
from providers.open_banking.port import ConsentAccess, Psu
from services.kept_device import opened, sealed


class ConsentAccesses:
    """The device of the request that asked for a consent is kept encrypted while the consent is awaited."""

    def __init__(self, read: Read, encryption: FieldEncryption) -> None:
        self._read = read
        self._encryption = encryption

    def to_keep(self, device: Device) -> bytes:
        """What is stored of the device with a new consent."""
        return sealed(self._encryption, device)

    async def of(self, consent: Consent, device: Device | None = None) -> ConsentAccess:
        """A call about the consent, with the device of a present user."""
        async with self._read() as read:
            bank_link = await read.bank_links.get(consent.user_id, consent.bank_link_id)
            number = await read.users.national_identity_number(consent.user_id)
            kept = await read.consents.device_encrypted(consent.id)
        assert bank_link is not None
        psu = Psu(number, device)
        began_from = opened(self._encryption, kept)
        return ConsentAccess(consent.vendor_consent_id or "", bank_link.bank_id, psu, began_from)

    async def of_waiting(self, consent: Consent) -> ConsentAccess:
        """As `of`, for a user who waits for the bank at the device that asked for the consent."""
        access = await self.of(consent)
        return replace(access, psu=replace(access.psu, device=access.began_from))
