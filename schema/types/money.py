from typing import Annotated, Self

import strawberry
from strawberry import UNSET, Info

from domain import money
from schema.types.context import HasLocale
from schema.types.scalars import CurrencyCode, Int64String


@strawberry.type(description="An amount of money.")
class Money:
    amount_minor: Int64String = strawberry.field(description="In the currency's minor unit: NOK 12.50 is 1250.")
    currency: CurrencyCode = strawberry.field(description="The currency's code by ISO 4217.")

    @strawberry.field(description="For people, such as `12,50 kr`.")
    def formatted(
        self,
        info: Info[HasLocale, None],
        locale: Annotated[
            str | None,
            strawberry.argument(description="A BCP 47 language tag; else the answer's own."),
        ] = UNSET,
    ) -> str:
        return money.Money(self.amount_minor, self.currency).formatted((locale or info.context.locale)[:35])

    @classmethod
    def of(cls, amount: money.Money) -> Self:
        return cls(amount_minor=Int64String(amount.amount_minor), currency=CurrencyCode(amount.currency))


@strawberry.input(description="An amount of money.")
class MoneyInput:
    amount_minor: Int64String = strawberry.field(description="In the currency's minor unit: NOK 12.50 is 1250.")
    currency: CurrencyCode = strawberry.field(description="The currency's code by ISO 4217.")
