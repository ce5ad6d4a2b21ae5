"""At which bank a payment is, and what that bank is told of its user in the calls that follow the initiation."""

from db.unit_of_work import Read
from domain.device import Device
from domain.ids import BankId
from domain.payment import Payment
from providers.open_banking.port import PaymentAccess
from services.banks.accounts import Accounts


class BankAccess:
    """What each later call about a payment needs besides the payment."""

    def __init__(self, read: Read, accounts: Accounts) -> None:
        self._read = read
        self._accounts = accounts

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
        psu = await self._accounts.psu(payment.user_id, device)
        return PaymentAccess(reference, await self.bank_of(payment), psu)
