from typing import Self

import strawberry
from strawberry import UNSET

from domain import card_payment
from schema.types.cost import at_most
from schema.types.errors import UserError
from schema.types.money import MoneyInput
from schema.types.payment import Payment, Refund

_KEY = "Made by the client, anew for each wish: the same key gives the same result, never a second."


@strawberry.input(description="A payment to Drop by card.")
class CreateCardPaymentInput:
    amount: MoneyInput = strawberry.field(description="In NOK, 3.00 at least.")
    idempotency_key: str = strawberry.field(description=_KEY)
    description: str | None = strawberry.field(description="What it is for; shown to the payer.", default=UNSET)


@strawberry.type(description="The vendor's form on which the payer types the card.")
class CardForm:
    vendor: str = strawberry.field(description="Whose form it is: `stripe`, or `mock` in mock mode.")
    publishable_key: str | None = strawberry.field(
        description="What the vendor's script is loaded with; null in mock mode."
    )
    client_secret: str = strawberry.field(
        description="Opens the form for this payment; never log it or put it into an address."
    )
    url: str | None = strawberry.field(
        description="A page that shows the form; null where the client loads the vendor's script."
    )

    @classmethod
    def of(cls, form: card_payment.CardForm) -> Self:
        return cls(
            vendor=form.vendor, publishable_key=form.publishable_key, client_secret=form.client_secret, url=form.url
        )


@strawberry.type(description="What `createCardPayment` gives back to the client.")
class CreateCardPaymentPayload:
    payment: Payment | None = strawberry.field(description="The payment as it stands.", default=None)
    card_form: CardForm | None = strawberry.field(
        description="Where the payer types the card; null while the vendor has not answered.", default=None
    )
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )


@strawberry.input(description="With which payment method to pay.")
class ConfirmCardPaymentInput:
    id: strawberry.ID = strawberry.field(description="The id of the card payment to confirm.")
    payment_method: str = strawberry.field(
        description="The vendor's id of it (`pm_...`); card numbers are typed on the vendor's form alone."
    )
    idempotency_key: str = strawberry.field(description=_KEY)
    return_to: str | None = strawberry.field(
        description="Where the user goes after 3-D Secure: a path here, or an allowed address.",
        default=UNSET,
    )


@strawberry.type(description="What `confirmCardPayment` gives back to the client.")
class ConfirmCardPaymentPayload:
    payment: Payment | None = strawberry.field(
        description="SETTLED, or waiting with `authorisationUrl` (3-D Secure) or `failure` (declined).", default=None
    )
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )


@strawberry.input(description="What to give back.")
class RefundPaymentInput:
    id: strawberry.ID = strawberry.field(description="A settled card payment.")
    idempotency_key: str = strawberry.field(description=_KEY)
    amount: MoneyInput | None = strawberry.field(description="All that remains where it is left out.", default=UNSET)


@strawberry.type(description="What `refundPayment` gives back to the client.")
class RefundPaymentPayload:
    payment: Payment | None = strawberry.field(description="The payment as it stands.", default=None)
    refund: Refund | None = strawberry.field(description="The refund as it stands.", default=None)
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )
