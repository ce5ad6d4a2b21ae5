"""Finding any of the viewer's objects by its id."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Annotated, Final, TypeVar

import strawberry
from strawberry import Info

from domain import ids
from domain.errors import Refusal
from domain.ids import (
    AccountId,
    BankLinkId,
    CardId,
    DataExportId,
    DisputeId,
    PaymentId,
    PlanInvoiceId,
    PlanSubscriptionId,
    RefundId,
    SessionId,
    TransactionId,
    UploadId,
    UserId,
    is_id,
    kind_of,
)
from domain.plan import PLANS
from resolvers.context import Context
from schema.types.arguments import ObjectId
from schema.types.bank import Bank, BankAccount, BankLink, BankTransaction
from schema.types.card import Card
from schema.types.file import DataExport, Upload
from schema.types.kyc import Kyc
from schema.types.node import Node
from schema.types.paging import MAX_PAGE, HasId
from schema.types.payment import Dispute, Payment, Refund
from schema.types.plan import Plan, PlanInvoice, PlanSubscription
from schema.types.user import Session, User
from schema.types.vendor_migration import VendorMove

Object = TypeVar("Object", bound=HasId)
Find = Callable[[Context, UserId, list[str]], Awaitable[Mapping[str, Node]]]
NodeIds = Annotated[list[strawberry.ID], strawberry.argument(description="The objects' ids, at most 100.")]


async def node(info: Info[Context, None], id: ObjectId) -> Node | None:
    return (await _find(info.context, [id]))[0]


async def nodes(info: Info[Context, None], ids: NodeIds) -> list[Node | None]:
    if len(ids) > MAX_PAGE:
        raise Refusal(f"Ask for {MAX_PAGE} ids at most.", field=("ids",))
    return await _find(info.context, ids)


async def _find(context: Context, wanted: Sequence[str]) -> list[Node | None]:
    """The objects in the order of the ids, None for unknown ones, with one query per kind of object."""
    if context.sign_in is None:
        return [None] * len(wanted)
    found: dict[str, Node] = {}
    for kind in dict.fromkeys(map(kind_of, wanted)):
        of_kind = [identifier for identifier in dict.fromkeys(wanted) if is_id(identifier, kind)]
        if kind in _FINDERS and of_kind:
            found |= await _FINDERS[kind](context, context.sign_in.user_id, of_kind)
    return [found.get(identifier) for identifier in wanted]


def _shown(show: Callable[[Object], Node], found: Iterable[Object]) -> Mapping[str, Node]:
    return {shown.id: show(shown) for shown in found}


async def _users(context: Context, user_id: UserId, wanted: list[str]) -> Mapping[str, Node]:
    user = await context.services.profiles.get(user_id)
    return _shown(User.of, [user] if user else [])


async def _sessions(context: Context, user_id: UserId, wanted: list[str]) -> Mapping[str, Node]:
    found = await context.services.sessions.by_ids(user_id, [SessionId(object_id) for object_id in wanted])
    return _shown(Session.of, found)


async def _kyc(context: Context, user_id: UserId, wanted: list[str]) -> Mapping[str, Node]:
    return _shown(Kyc.of, await context.services.kyc.of_users([user_id]))


async def _bank_links(context: Context, user_id: UserId, wanted: list[str]) -> Mapping[str, Node]:
    bank_links = await context.services.bank_links.by_ids(user_id, [BankLinkId(object_id) for object_id in wanted])
    return _shown(BankLink.of, bank_links)


async def _accounts(context: Context, user_id: UserId, wanted: list[str]) -> Mapping[str, Node]:
    accounts = await context.services.accounts.by_ids(user_id, [AccountId(object_id) for object_id in wanted])
    return _shown(BankAccount.of, accounts)


async def _transactions(context: Context, user_id: UserId, wanted: list[str]) -> Mapping[str, Node]:
    lines = await context.services.accounts.transactions_by_ids(
        user_id, [TransactionId(object_id) for object_id in wanted]
    )
    return _shown(BankTransaction.of, lines)


async def _payments(context: Context, user_id: UserId, wanted: list[str]) -> Mapping[str, Node]:
    payments = await context.services.payments.by_ids(user_id, [PaymentId(object_id) for object_id in wanted])
    return _shown(Payment.of, payments)


async def _plans(context: Context, user_id: UserId, wanted: list[str]) -> Mapping[str, Node]:
    return _shown(Plan.of, PLANS.values())


async def _plan_subscriptions(context: Context, user_id: UserId, wanted: list[str]) -> Mapping[str, Node]:
    found = await context.services.plans.by_ids(user_id, [PlanSubscriptionId(object_id) for object_id in wanted])
    return _shown(PlanSubscription.of, found)


async def _uploads(context: Context, user_id: UserId, wanted: list[str]) -> Mapping[str, Node]:
    found = await context.services.uploads.by_ids(user_id, [UploadId(object_id) for object_id in wanted])
    return _shown(Upload.of, found)


async def _exports(context: Context, user_id: UserId, wanted: list[str]) -> Mapping[str, Node]:
    found = await context.services.exports.by_ids(user_id, [DataExportId(object_id) for object_id in wanted])
    return _shown(DataExport.of, found)


async def _cards(context: Context, user_id: UserId, wanted: list[str]) -> Mapping[str, Node]:
    found = await context.services.cards.by_ids(user_id, [CardId(object_id) for object_id in wanted])
    return _shown(Card.of, found)


async def _refunds(context: Context, user_id: UserId, wanted: list[str]) -> Mapping[str, Node]:
    found = await context.services.card_payments.refunds_by_ids(user_id, [RefundId(object_id) for object_id in wanted])
    return _shown(Refund.of, found)


async def _disputes(context: Context, user_id: UserId, wanted: list[str]) -> Mapping[str, Node]:
    found = await context.services.card_payments.disputes_by_ids(
        user_id, [DisputeId(object_id) for object_id in wanted]
    )
    return _shown(Dispute.of, found)


async def _plan_invoices(context: Context, user_id: UserId, wanted: list[str]) -> Mapping[str, Node]:
    found = await context.services.plans.invoices_by_ids(user_id, [PlanInvoiceId(object_id) for object_id in wanted])
    return _shown(PlanInvoice.of, found)


async def _vendor_moves(context: Context, user_id: UserId, wanted: list[str]) -> Mapping[str, Node]:
    moves = await context.services.vendor_migrations.of_user(user_id)
    return {move.migration.id: VendorMove.of(move) for move in moves}


async def _banks(context: Context, user_id: UserId, wanted: list[str]) -> Mapping[str, Node]:
    return _shown(Bank.of, await context.services.bank_list.of("NO"))


_FINDERS: Final[Mapping[str, Find]] = {
    ids.USER: _users,
    ids.SESSION: _sessions,
    ids.KYC: _kyc,
    ids.BANK_LINK: _bank_links,
    ids.ACCOUNT: _accounts,
    ids.TRANSACTION: _transactions,
    ids.PAYMENT: _payments,
    ids.BANK: _banks,
    ids.PLAN: _plans,
    ids.UPLOAD: _uploads,
    ids.CARD: _cards,
    ids.DATA_EXPORT: _exports,
    ids.PLAN_SUBSCRIPTION: _plan_subscriptions,
    ids.PLAN_INVOICE: _plan_invoices,
    ids.REFUND: _refunds,
    ids.DISPUTE: _disputes,
    ids.VENDOR_MIGRATION: _vendor_moves,
}
