"""Subscriptions: following the viewer's stream and presenting each item."""

from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry
from strawberry import UNSET, Info

from domain.bank_account import BankAccount as DomainAccount
from domain.card import Card as DomainCard
from domain.consent import BankLink as DomainBankLink
from domain.data_export import DataExport as DomainExport
from domain.ids import PaymentId, UploadId
from domain.kyc import Kyc as DomainKyc
from domain.payment import Payment as DomainPayment
from domain.plan import PlanSubscription as DomainPlan
from domain.upload import Upload as DomainUpload
from domain.user import User as DomainUser
from resolvers.context import Context
from resolvers.ids import known_form
from schema.types.absent import given
from schema.types.bank import BankAccount, BankLink
from schema.types.card import Card
from schema.types.file import DataExport, Upload
from schema.types.kyc import Kyc
from schema.types.payment import Payment
from schema.types.plan import PlanSubscription
from schema.types.stream import BankLinkUpdate, Cursor, KycUpdate, PaymentUpdate, UploadUpdate, ViewerEvent
from schema.types.user import User
from services.subscriptions.streams import StreamItem, ViewerChange

PaymentIdArgument = Annotated[strawberry.ID, strawberry.argument(description="The payment to follow.")]
UploadIdArgument = Annotated[strawberry.ID, strawberry.argument(description="The upload to follow.")]


async def payment_updated(
    info: Info[Context, None], id: PaymentIdArgument, after: Cursor = UNSET
) -> AsyncGenerator[PaymentUpdate, None]:
    context = info.context
    async for item in context.services.streams.payment(context.viewer(), known_form(PaymentId, id, "id"), given(after)):
        context.renew_loaders()
        yield PaymentUpdate(cursor=item.cursor, kind=item.kind, payment=Payment.of(item.value))


async def kyc_updated(info: Info[Context, None], after: Cursor = UNSET) -> AsyncGenerator[KycUpdate, None]:
    context = info.context
    async for item in context.services.streams.kyc(context.viewer(), given(after)):
        context.renew_loaders()
        yield KycUpdate(cursor=item.cursor, kind=item.kind, kyc=Kyc.of(item.value))


async def bank_link_updated(info: Info[Context, None], after: Cursor = UNSET) -> AsyncGenerator[BankLinkUpdate, None]:
    context = info.context
    async for item in context.services.streams.bank_links(context.viewer(), given(after)):
        context.renew_loaders()
        bank_links = [BankLink.of(bank_link) for bank_link in item.value]
        yield BankLinkUpdate(cursor=item.cursor, kind=item.kind, bank_links=bank_links)


async def upload_updated(
    info: Info[Context, None], id: UploadIdArgument, after: Cursor = UNSET
) -> AsyncGenerator[UploadUpdate, None]:
    context = info.context
    async for item in context.services.streams.upload(context.viewer(), known_form(UploadId, id, "id"), given(after)):
        context.renew_loaders()
        yield UploadUpdate(cursor=item.cursor, kind=item.kind, upload=Upload.of(item.value))


async def viewer_events(info: Info[Context, None], after: Cursor = UNSET) -> AsyncGenerator[ViewerEvent, None]:
    context = info.context
    async for item in context.services.streams.viewer(context.viewer(), given(after)):
        context.renew_loaders()
        yield _viewer_event(item)


def _viewer_event(item: StreamItem[ViewerChange]) -> ViewerEvent:
    about = item.value
    event = ViewerEvent(
        cursor=item.cursor,
        kind=item.kind,
        type=about.type,
        change=about.change,
        object_id=strawberry.ID(about.object_id),
    )
    match about.subject:
        case DomainUser() as user:
            event.viewer = User.of(user)
        case DomainPayment() as payment:
            event.payment = Payment.of(payment)
        case DomainKyc() as kyc:
            event.kyc = Kyc.of(kyc)
        case DomainBankLink() as bank_link:
            event.bank_link = BankLink.of(bank_link)
        case DomainAccount() as account:
            event.bank_account = BankAccount.of(account)
        case DomainPlan() as plan:
            event.plan_subscription = PlanSubscription.of(plan)
        case DomainUpload() as upload:
            event.upload = Upload.of(upload)
        case DomainCard() as card:
            event.card = Card.of(card)
        case DomainExport() as export:
            event.data_export = DataExport.of(export)
        case None:
            pass
    return event
