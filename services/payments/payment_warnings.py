"""What somebody who pays from a bank account may want to know before they approve."""

from typing import Final

from domain.bank_account import BalanceType
from domain.banking_days import banking_day_from
from domain.device import Device
from domain.errors import DropError
from domain.ids import AccountId
from domain.payment import Payment
from domain.warning import MutationWarning, WarningCode
from providers.open_banking.port import AccessExceeded
from services.banks.accounts import Accounts
from services.patience import Patience

_BALANCE_WITHIN_S: Final = 2


class PaymentWarnings:
    """Warnings of a payment that has just been made; none of them keeps it from being sent."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._patience = Patience()

    async def of(self, payment: Payment, account_id: AccountId, device: Device) -> list[MutationWarning]:
        """Reads the account's balance at the bank, for two seconds at most."""
        return [*_of_date(payment), *await self._of_balance(payment, account_id, device)]

    async def _of_balance(self, payment: Payment, account_id: AccountId, device: Device) -> list[MutationWarning]:
        reading = self._accounts.refresh_balance(payment.user_id, account_id, device=device)
        try:
            await self._patience.wait(reading, _BALANCE_WITHIN_S)
        except (AccessExceeded, DropError, TimeoutError):
            return []
        balances = (await self._accounts.balances([account_id])).get(account_id, [])
        available = next((b.amount for b in balances if b.type is BalanceType.AVAILABLE), None)
        if available is None or available.amount_minor >= payment.amount.amount_minor:
            return []
        return [MutationWarning(WarningCode.BALANCE_TOO_LOW, {"available": available})]


def _of_date(payment: Payment) -> list[MutationWarning]:
    if payment.scheduled_for is None:
        return []
    carried_out = banking_day_from(payment.scheduled_for, payment.amount.currency)
    if carried_out == payment.scheduled_for:
        return []
    return [MutationWarning(WarningCode.NOT_A_BANKING_DAY, {"day": carried_out})]
