from typing import Annotated

import strawberry
from strawberry import UNSET, Info

from domain import money
from schema.types.context import HasLocale
from schema.types.scalars import CurrencyCode, Int64String
from schema.types.view import View, shown


@strawberry.type(description="An amount of money.")
class Money(View[money.Money]):
    amount_minor: Int64String = shown("amount_minor", description="In the currency's minor unit: NOK 12.50 is 1250.")
    currency: CurrencyCode = shown("currency", description="The currency's code by ISO 4217.")

    @strawberry.field(description="For people, such as `12,50 kr`.")
    def formatted(
        self,
        info: Info[HasLocale, None],
        locale: Annotated[
            str | None,
            strawberry.argument(description="A BCP 47 language tag; else the answer's own."),
        ] = UNSET,
    ) -> str:
        return self.shows.formatted((locale or info.context.locale)[:35])


@strawberry.input(description="An amount of money.")
class MoneyInput:
    amount_minor: Int64String = strawberry.field(description="In the currency's minor unit: NOK 12.50 is 1250.")
    currency: CurrencyCode = strawberry.field(description="The currency's code by ISO 4217.")


def money_of(given: MoneyInput | None) -> money.Money | None:
    """The amount that a client gave, if it gave one."""
    return money.Money(given.amount_minor, given.currency) if given is not None else None
