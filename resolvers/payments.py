from typing import Annotated

from strawberry import Info

from domain.errors import Refusal
from domain.ids import AccountId, PaymentId
from domain.payment_order import PaymentInput, checked_payee
from resolvers.context import Context
from resolvers.ids import known_form
from schema.types.absent import given
from schema.types.arguments import INPUT
from schema.types.errors import user_errors_of
from schema.types.payee import CheckPayeeInput, PayeeCheck
from schema.types.payment import (
    CancelPaymentInput,
    CancelPaymentPayload,
    ChoosePaymentApprovalMethodInput,
    ChoosePaymentApprovalMethodPayload,
    InitiatePaymentInput,
    InitiatePaymentPayload,
    Payment,
)
from schema.types.warning import MutationWarning


async def initiate_payment(
    info: Info[Context, None], input: Annotated[InitiatePaymentInput, INPUT]
) -> InitiatePaymentPayload | None:
    context = info.context
    viewer = context.viewer()
    try:
        initiated = await context.services.payments.initiate(
            viewer.user_id, _given(input), context.bank_redirects(input.return_to or None)
        )
    except Refusal as refusal:
        return InitiatePaymentPayload(user_errors=user_errors_of(refusal))
    warnings = [MutationWarning.of(warning) for warning in initiated.warnings]
    return InitiatePaymentPayload(payment=Payment.of(initiated.payment), warnings=warnings)


async def check_payee(input: Annotated[CheckPayeeInput, INPUT]) -> PayeeCheck:
    checked = checked_payee(input.creditor_account, given(input.kid))
    return PayeeCheck(
        account=checked.account.shortest if checked.account else None,
        iban=checked.account.iban if checked.account else None,
        kid=checked.kid,
        user_errors=[error for fault in checked.faults for error in user_errors_of(fault)],
    )


async def cancel_payment(
    info: Info[Context, None], input: Annotated[CancelPaymentInput, INPUT]
) -> CancelPaymentPayload | None:
    context = info.context
    viewer = context.viewer()
    try:
        payment = await context.services.cancellations.cancel(
            viewer.user_id,
            known_form(PaymentId, input.id, "input", "id"),
            callback_uri=context.bank_callback_uri,
            device=context.device,
            in_app=not viewer.is_cookie,
        )
    except Refusal as refusal:
        return CancelPaymentPayload(user_errors=user_errors_of(refusal))
    return CancelPaymentPayload(payment=Payment.of(payment))


async def choose_payment_approval_method(
    info: Info[Context, None], input: Annotated[ChoosePaymentApprovalMethodInput, INPUT]
) -> ChoosePaymentApprovalMethodPayload | None:
    context = info.context
    viewer = context.viewer()
    try:
        payment_id = known_form(PaymentId, input.payment_id, "input", "paymentId")
        payment = await context.services.payment_methods.choose(
            viewer.user_id, payment_id, input.method_id, context.device
        )
    except Refusal as refusal:
        return ChoosePaymentApprovalMethodPayload(user_errors=user_errors_of(refusal))
    return ChoosePaymentApprovalMethodPayload(payment=Payment.of(payment))


def _given(input: InitiatePaymentInput) -> PaymentInput:
    duplicate = given(input.accept_duplicate_of)
    return PaymentInput(
        debtor_account_id=known_form(AccountId, input.debtor_account_id, "input", "debtorAccountId"),
        creditor_name=input.creditor_name,
        creditor_account=input.creditor_account,
        amount_minor=input.amount.amount_minor,
        currency=input.amount.currency,
        idempotency_key=input.idempotency_key,
        kid=given(input.kid),
        message=given(input.message),
        execution_date=given(input.execution_date),
        accept_duplicate_of=known_form(PaymentId, duplicate, "input", "acceptDuplicateOf")
        if duplicate is not None
        else None,
    )
