from datetime import date, datetime
from typing import Self

import strawberry
from strawberry import UNSET, Info

import schema.types.enums  # registers the domain's enums
import schema.types.payment_enums  # noqa: F401  # and those of a payment's history
from domain import dispute, payment, refund
from domain.authorisation import SealedAuthorisation
from domain.dispute import DisputeStatus
from domain.payment import CancellationStatus, FailureCode, PaymentCause, PaymentEventKind, Rail, Status
from domain.refund import PaymentRefundStatus, RefundFailureCode, RefundStatus
from domain.relation import Relation
from domain.text import Text
from schema.texts import sentence
from schema.types.authorisation import Authorisation, opened
from schema.types.bank import BankAccount, BankTransaction
from schema.types.context import HasLoaders, HasLocale
from schema.types.cost import at_most
from schema.types.errors import UserError
from schema.types.message import message
from schema.types.money import Money, MoneyInput
from schema.types.node import VERSION, Node
from schema.types.paging import Connection
from schema.types.view import View, listed, paged, related, shown
from schema.types.warning import MutationWarning


@strawberry.type(description="The person or company that is paid.")
class Creditor(View[payment.Payment]):
    name: str = shown("creditor_name", description="As the user wrote it.")
    account: str = shown("creditor_account.shortest", description="The Norwegian account number, else the IBAN.")


@strawberry.type(description="Why a payment did not succeed.")
class PaymentFailure(View[payment.Failure]):
    code: FailureCode = shown("code", description="Stable: programs decide by it what to do.")

    @strawberry.field(description="What to show to the person who pays, in their language.")
    def message(self, info: Info[HasLocale, None]) -> str:
        return sentence(self.shows.text, info.context.locale)


@strawberry.type(description="One step of a payment's history.")
class PaymentEvent(View[payment.PaymentEvent]):
    status: Status = shown("status", description="The status from this step on.")
    at: datetime = shown("at", description="When Drop learnt of it.")
    kind: PaymentEventKind = shown("kind", description="What changed with this step.")
    cause: PaymentCause = shown("cause", description="Who asked for it, or how Drop came to know.")
    version: int = shown("version", description="Rises by one with each step.")
    failure: PaymentFailure | None = shown("failure", description="Set where the step is a failure.")


@strawberry.type(description="The wish to cancel a payment that the bank has taken.")
class PaymentCancellation:
    status: CancellationStatus = strawberry.field(description="Where the wish to cancel stands at the bank.")
    authorisation_url: str | None = strawberry.field(
        description="Where the user approves the cancellation. Not covered by `version`."
    )
    awaited: strawberry.Private[SealedAuthorisation | None]

    @strawberry.field(
        description="How the user approves the cancellation; null where nothing is awaited. Not covered by `version`."
    )
    def authorisation(self, info: Info[HasLoaders, None]) -> Authorisation | None:
        return opened(info, self.awaited)


@strawberry.type(description="Why a refund came to nothing.")
class RefundFailure:
    code: RefundFailureCode = strawberry.field(description="Stable: programs decide by it what to do.")
    message: str = strawberry.field(
        resolver=message, description="What to show to the person who paid, in their language."
    )
    text: strawberry.Private[Text]

    @classmethod
    def of(cls, code: RefundFailureCode | None) -> Self | None:
        return cls(code=code, text=Text("refund_failure", code)) if code else None


@strawberry.type(description="Money given back to a card.")
class Refund(View[refund.Refund], Node):
    amount: Money = shown("amount", description="What is given back.")
    status: RefundStatus = shown("status", description="Where the refund stands at the card's bank.")
    at: datetime = shown("updated_at", description="When it last changed.")

    @strawberry.field(description="Why it failed; null unless it did.")
    def failure(self) -> RefundFailure | None:
        return RefundFailure.of(self.shows.failure)


@strawberry.type(description="A card holder's objection to a payment, decided by the card's bank.")
class Dispute(View[dispute.Dispute], Node):
    status: DisputeStatus = shown("status", description="Where the objection stands at the card's bank.")
    amount: Money = shown("amount", description="The money that the card holder wants back.")
    reason: str = shown("reason", description="The card network's word, such as `fraudulent`.")
    evidence_due_by: datetime | None = shown("evidence_due_by", description="Until when evidence is taken.")


@strawberry.type(description="What a payer may keep as proof of a settled payment.")
class PaymentReceipt:
    number: str = strawberry.field(description="The payment's reference at the bank or vendor.")
    issued_at: datetime = strawberry.field(description="The moment at which the payment settled.")
    amount: Money = strawberry.field(description="The money that was paid.")
    creditor_name: str = strawberry.field(description="The person or company that was paid.")
    description: str | None = strawberry.field(description="What the payment was for, if the payer said.")


@strawberry.type(description="Money of a payment that the payee's bank has sent back to the payer's account.")
class PaymentReturn:
    amount: Money = strawberry.field(description="What came back; some banks keep a fee.")
    booked_on: date = strawberry.field(description="When the payer's bank booked it, by its local date.")


def _version(text: str) -> int:
    version = int(text)
    if not 0 < version < 2**31:
        raise ValueError
    return version


@strawberry.type(description="A payment from the viewer's bank account or card.")
class Payment(View[payment.Payment], Node):
    rail: Rail = shown("rail", description="The way that it takes.")
    status: Status = shown("status", description="Where it stands now; `history` tells how it got there.")
    amount: Money = shown("amount", description="The money that the creditor gets.")
    creditor: Creditor = shown("", description="The person or company that is paid.")
    reference: str | None = shown("message", description="The message to the creditor.")
    kid: str | None = shown("kid", description="The Norwegian payment reference.")
    scheduled_for: date | None = shown("scheduled_for", description="The date on which the bank carries it out.")
    failure: PaymentFailure | None = shown("failure", description="Why it did not succeed.")
    version: int = shown("version", description=VERSION)
    in_doubt: bool = shown("in_doubt", description="The bank was asked and has not answered; do not pay again.")
    authorisation_url: str | None = shown(
        "awaited.url", description="The same as `authorisation { url }`. Not covered by `version`."
    )
    created_at: datetime = shown("created_at", description="When it was asked for.")
    debtor_account: BankAccount | None = related(
        Relation.ACCOUNT, "debtor_account_id", description="The account that pays; null on the card rail."
    )
    history: Connection[PaymentEvent] = paged(
        Relation.HISTORY,
        "history",
        key=("version",),
        key_parts=(_version,),
        description="Each step until now, oldest first, with its cause. Not covered by `version`.",
    )
    refunds: Connection[Refund] = paged(
        Relation.REFUNDS,
        "refunds",
        description="Money given back, oldest first; the payment stays SETTLED. Not covered by `version`.",
    )
    refunded_amount: Money = shown(
        "refunded", description="What was given back, or is about to be: by refunds and by disputes that were lost."
    )
    overdue_since: datetime | None = shown(
        "overdue_since",
        description="Set once the bank has told no end of it for three banking days after its execution date.",
    )
    disputes: list[Dispute] = listed(
        Relation.DISPUTES,
        directive=at_most(20),
        description="The card holder's objections, oldest first. Not covered by `version`.",
    )

    transactions: list[BankTransaction] = listed(
        Relation.PAYMENT_LINES,
        directive=at_most(20),
        description="The lines of the paying account's statement that show it, oldest first: its debit, and what came "
        "back. Empty until the bank has booked it and the account was read. Not covered by `version`.",
    )

    @strawberry.field(description="Set once the bank was asked to cancel.")
    def cancellation(self) -> PaymentCancellation | None:
        return _cancellation(self.shows)

    @strawberry.field(
        description="How the user approves the payment; null where nothing is awaited. Not covered by `version`."
    )
    def authorisation(self, info: Info[HasLoaders, None]) -> Authorisation | None:
        return opened(info, self.shows.awaited)

    @strawberry.field(description="How much of it was given back.")
    def refund_status(self) -> PaymentRefundStatus:
        return refund.refund_status(self.shows)

    @strawberry.field(description="What the payee's bank has sent back, and null otherwise; the payment stays SETTLED.")
    def returned(self) -> PaymentReturn | None:
        booked_on = self.shows.returned_on
        return PaymentReturn(amount=Money.of(self.shows.returned), booked_on=booked_on) if booked_on else None

    @strawberry.field(description="Null until it has settled.")
    async def receipt(self, info: Info[HasLoaders, None]) -> PaymentReceipt | None:
        settled_at = await info.context.loaders.settled_at.load(self.shows.id)
        if self.shows.status is not Status.SETTLED or settled_at is None:
            return None
        return PaymentReceipt(
            number=self.shows.end_to_end_id,
            issued_at=settled_at,
            amount=Money.of(self.shows.amount),
            creditor_name=self.shows.creditor_name,
            description=self.shows.message,
        )


def _cancellation(payment: payment.Payment) -> PaymentCancellation | None:
    if payment.cancellation_status is None:
        return None
    status = CancellationStatus.CANCELLED if payment.status is Status.CANCELLED else payment.cancellation_status
    awaited = None if payment.status.is_final else payment.cancellation_authorisation
    return PaymentCancellation(status=status, authorisation_url=awaited.url if awaited else None, awaited=awaited)


@strawberry.input(description="A payment from one of the viewer's bank accounts.")
class InitiatePaymentInput:
    debtor_account_id: strawberry.ID = strawberry.field(description="The account that pays; it must be available.")
    creditor_name: str = strawberry.field(description="Who is paid; 1 to 70 characters.")
    creditor_account: str = strawberry.field(description="A Norwegian 11-digit account number or its IBAN.")
    amount: MoneyInput = strawberry.field(description="In NOK, above zero.")
    idempotency_key: str = strawberry.field(
        description="Made by the client, anew for each payment: the same key gives the same payment, never a second."
    )
    kid: str | None = strawberry.field(description="The Norwegian payment reference.", default=UNSET)
    message: str | None = strawberry.field(description="For the creditor, instead of a KID.", default=UNSET)
    execution_date: date | None = strawberry.field(
        description="The date to pay on, at most a year ahead; at once where left out.", default=UNSET
    )
    accept_duplicate_of: strawberry.ID | None = strawberry.field(
        description="The payment in doubt that this one may repeat.", default=UNSET
    )
    return_to: str | None = strawberry.field(
        description="Where the user goes afterwards: a path here, or an allowed address.", default=UNSET
    )


@strawberry.type(description="What `initiatePayment` gives back to the client.")
class InitiatePaymentPayload:
    payment: Payment | None = strawberry.field(description="The payment as it stands.", default=None)
    warnings: list[MutationWarning] = strawberry.field(
        directives=[at_most(10)], description="What the user may want to know before approving.", default_factory=list
    )
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )


@strawberry.input(description="Which payment to cancel.")
class CancelPaymentInput:
    id: strawberry.ID = strawberry.field(description="The id of the payment to cancel.")


@strawberry.input(description="By which of the bank's methods the user approves a payment, or its cancellation.")
class ChoosePaymentApprovalMethodInput:
    payment_id: strawberry.ID = strawberry.field(description="The payment whose `authorisation` is a CHOICE.")
    method_id: strawberry.ID = strawberry.field(description="The `id` of one of its `methods`.")


@strawberry.type(description="What `choosePaymentApprovalMethod` gives back to the client.")
class ChoosePaymentApprovalMethodPayload:
    payment: Payment | None = strawberry.field(
        description="The payment with what is awaited now. A CHOICE still, where the bank was told just now and its "
        "answer is not known: the update comes over subscriptions.",
        default=None,
    )
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )


@strawberry.type(description="What `cancelPayment` gives back to the client.")
class CancelPaymentPayload:
    payment: Payment | None = strawberry.field(description="The payment as it stands.", default=None)
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )
