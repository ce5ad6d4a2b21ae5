"""An account's changes in its user's stream."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from db.events import NewEvent
from db.unit_of_work import UnitOfWork
from domain.event import ChangeKind, EventKind
from domain.ids import AccountId, UserId
from domain.snapshot import account_fields


async def publish_accounts(
    work: UnitOfWork,
    user_id: UserId,
    account_ids: Sequence[AccountId],
    now: datetime,
    change: ChangeKind = ChangeKind.UPDATED,
) -> None:
    """Append each account with its balances to its user's stream, within the caller's transaction.

    Call it after the change is written and the version raised. An account that was never read is not published yet.
    """
    balances = await work.accounts.balances(account_ids)
    for account in await work.accounts.by_ids(user_id, account_ids):
        if account.balance_refreshed_at is not None:
            fields = account_fields(replace(account, balances=tuple(balances.get(account.id, []))))
            work.publish(NewEvent(user_id, EventKind.BANK_ACCOUNT, account.id, fields, now, change))
