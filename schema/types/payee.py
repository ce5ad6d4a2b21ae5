from datetime import datetime
from typing import Final

import strawberry
from strawberry import UNSET, Info

from domain import payment
from schema.types.context import HasLoaders
from schema.types.cost import at_most
from schema.types.errors import UserError
from schema.types.payment import Payment
from schema.types.view import View, shown

MOST_PAYEES: Final = 50


@strawberry.type(description="Somebody whom the user has paid, by the newest payment to that account.")
class Payee(View[payment.Payee]):
    name: str = shown("name", description="As the user wrote it last.")
    account: str = shown("account.shortest", description="The Norwegian account number, else the IBAN.")
    last_payment_at: datetime = shown("last_payment_at", description="When the newest payment was asked for.")

    @strawberry.field(description="The newest payment to this account.")
    async def last_payment(self, info: Info[HasLoaders, None]) -> Payment | None:
        found = await info.context.loaders.payment.load(self.shows.last_payment_id)
        return Payment.of(found) if found else None


@strawberry.input(description="What is known of a payee before the payment.")
class CheckPayeeInput:
    creditor_account: str = strawberry.field(description="A Norwegian 11-digit account number or its IBAN.")
    kid: str | None = strawberry.field(description="The Norwegian payment reference.", default=UNSET)


@strawberry.type(description="What `checkPayee` finds, by the form alone: whose account it is, only banks know.")
class PayeeCheck:
    account: str | None = strawberry.field(
        description="The Norwegian account number without blanks; null where it cannot be paid."
    )
    iban: str | None = strawberry.field(description="Its IBAN; null where it cannot be paid.")
    kid: str | None = strawberry.field(description="The KID, where it was given and is sound.")
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="What is wrong; empty where nothing is.", default_factory=list
    )
