from typing import Annotated

from strawberry import Info

from domain.card_payment import CardPaymentInput
from domain.errors import Refusal
from domain.ids import PaymentId
from domain.money import Money as DomainMoney
from resolvers.context import Context
from resolvers.ids import known_form
from schema.types.absent import given
from schema.types.arguments import INPUT
from schema.types.card_payment import (
    CardForm,
    ConfirmCardPaymentInput,
    ConfirmCardPaymentPayload,
    CreateCardPaymentInput,
    CreateCardPaymentPayload,
    RefundPaymentInput,
    RefundPaymentPayload,
)
from schema.types.errors import user_errors_of
from schema.types.payment import Payment, Refund
from services.payments.card_payments import Confirmation


async def create_card_payment(
    info: Info[Context, None], input: Annotated[CreateCardPaymentInput, INPUT]
) -> CreateCardPaymentPayload | None:
    viewer = info.context.viewer()
    asked = CardPaymentInput(
        input.amount.amount_minor, input.amount.currency, input.idempotency_key, given(input.description)
    )
    try:
        payment = await info.context.services.card_payments.create(viewer.user_id, asked)
    except Refusal as refusal:
        return CreateCardPaymentPayload(user_errors=user_errors_of(refusal))
    form = info.context.services.card_payments.form(payment)
    return CreateCardPaymentPayload(payment=Payment.of(payment), card_form=CardForm.of(form) if form else None)


async def confirm_card_payment(
    info: Info[Context, None], input: Annotated[ConfirmCardPaymentInput, INPUT]
) -> ConfirmCardPaymentPayload | None:
    context = info.context
    viewer = context.viewer()
    try:
        confirmation = Confirmation(
            known_form(PaymentId, input.id, "input", "id"),
            input.payment_method,
            input.idempotency_key,
            context.card_callback_uri,
            input.return_to or context.default_return_to,
        )
        payment = await context.services.card_payments.confirm(viewer.user_id, confirmation)
    except Refusal as refusal:
        return ConfirmCardPaymentPayload(user_errors=user_errors_of(refusal))
    return ConfirmCardPaymentPayload(payment=Payment.of(payment))


async def refund_payment(
    info: Info[Context, None], input: Annotated[RefundPaymentInput, INPUT]
) -> RefundPaymentPayload | None:
    viewer = info.context.viewer()
    wanted = DomainMoney(input.amount.amount_minor, input.amount.currency) if input.amount else None
    try:
        payment, refund = await info.context.services.card_payments.refund(
            viewer.user_id, known_form(PaymentId, input.id, "input", "id"), wanted, input.idempotency_key
        )
    except Refusal as refusal:
        return RefundPaymentPayload(user_errors=user_errors_of(refusal))
    return RefundPaymentPayload(payment=Payment.of(payment), refund=Refund.of(refund))
