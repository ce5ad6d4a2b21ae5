"""At which bank a payment is, and what that bank is told of its user in the calls that follow the initiation."""

from db.field_encryption import FieldEncryption
from db.unit_of_work import Read
from domain.banking_days import banking_day_from
from domain.device import Device
from domain.ids import BankId
from domain.payment import Payment
from providers.open_banking.port import PaymentAccess, PaymentInitiation, Psu
from services.banks.accounts import Accounts
from services.kept_device import opened, sealed


class BankAccess:
    """What each later call about a payment needs besides the payment.

    The device of the request that began a payment is kept encrypted where the bank wants it later, until the payment is
    final.
    """

    def __init__(self, read: Read, accounts: Accounts, encryption: FieldEncryption) -> None:
        self._read = read
        self._accounts = accounts
        self._encryption = encryption

    async def bank_of(self, payment: Payment) -> BankId:
        """The bank of the account that pays."""
        assert payment.debtor_account_id is not None
        async with self._read() as read:
            account = await read.accounts.get(payment.user_id, payment.debtor_account_id)
        # An account that a payment names stays, whatever becomes of its consent or its user.
        assert account is not None
        return account.bank_id

    async def of(self, payment: Payment, reference: str, device: Device | None = None) -> PaymentAccess:
        """A call about the payment, which its vendor knows by `reference`; with the device of a present user."""
        psu, bank_id = await self._accounts.psu(payment.user_id, device), await self.bank_of(payment)
        async with self._read() as read:
            kept = await read.payments.device_encrypted(payment.id)
        return access_of(payment, reference, bank_id, psu, opened(self._encryption, kept))

    def to_keep(self, vendor: PaymentInitiation, bank_id: BankId, device: Device) -> bytes | None:
        """What is stored of the device with a new payment; None where the bank does not ask for it later."""
        if not vendor.wants_device_later(bank_id):
            return None
        return sealed(self._encryption, device)


def access_of(
    payment: Payment, reference: str, bank_id: BankId, psu: Psu, began_from: Device | None = None
) -> PaymentAccess:
    """As `BankAccess.of`, where bank and user are known."""
    day = payment.scheduled_for
    carried_out = banking_day_from(day, payment.amount.currency) if day is not None else None
    return PaymentAccess(reference, bank_id, psu, began_from, carried_out)
