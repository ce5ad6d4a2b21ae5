from datetime import datetime
from typing import Self

import strawberry
from strawberry import UNSET, Info

import schema.types.enums  # noqa: F401  # registers the domain's enums
from domain import authorisation
from domain import plan as plans
from domain.ids import PlanSubscriptionId
from domain.page import Keyset
from domain.plan import PLANS, InvoiceStatus, PlanEnd, PlanInterval, PlanStatus
from schema.types.authorisation import Authorisation
from schema.types.context import HasLoaders
from schema.types.cost import PAGED, at_most
from schema.types.errors import UserError
from schema.types.money import Money
from schema.types.node import VERSION, Node
from schema.types.paging import After, Before, Connection, Cursors, First, Last, PageArguments, by_id
from schema.types.payment import PaymentFailure


@strawberry.type(description="What can be subscribed to.")
class Plan(Node):
    name: str = strawberry.field(description="The plan's name as people read it.")
    price: Money = strawberry.field(description="The money to pay for one interval.")
    interval: PlanInterval = strawberry.field(description="What the price is for.")

    @classmethod
    def of(cls, plan: plans.Plan) -> Self:
        return cls(id=strawberry.ID(plan.id), name=plan.name, price=Money.of(plan.price), interval=plan.interval)


@strawberry.type(description="The bill for one period of the plan.")
class PlanInvoice(Node):
    number: str = strawberry.field(description="The invoice's number as people read it.")
    amount: Money = strawberry.field(description="What is owed for the period.")
    status: InvoiceStatus = strawberry.field(description="Whether it is paid.")
    period_start: datetime = strawberry.field(description="The moment at which the paid period begins.")
    period_end: datetime = strawberry.field(description="The moment at which the paid period ends.")
    created_at: datetime = strawberry.field(description="When it was made.")

    @classmethod
    def of(cls, invoice: plans.PlanInvoice) -> Self:
        return cls(
            id=strawberry.ID(invoice.id),
            number=invoice.number,
            amount=Money.of(invoice.amount),
            status=invoice.status,
            period_start=invoice.period_start,
            period_end=invoice.period_end,
            created_at=invoice.created_at,
        )


@strawberry.type(description="The user's subscription to a plan, paid by card.")
class PlanSubscription(Node):
    status: PlanStatus = strawberry.field(description="Where the subscription to the plan stands.")
    current_period_end: datetime | None = strawberry.field(description="Until when it is paid; then it renews or ends.")
    cancel_at_period_end: bool = strawberry.field(description="Whether it ends with its period.")
    ended_because: PlanEnd | None = strawberry.field(description="Set once it has ended.")
    failure: PaymentFailure | None = strawberry.field(description="Why the newest bill is not paid.")
    authorisation_url: str | None = strawberry.field(
        description="The same as `authorisation { url }`. Not covered by `version` in an event."
    )
    authorisation: Authorisation | None = strawberry.field(
        description="How the user approves the first payment or a renewal; null where nothing is awaited. A new page "
        "raises `version`. Not covered by `version` in an event: a page is not stored there."
    )
    created_at: datetime = strawberry.field(description="When it was asked for.")
    version: int = strawberry.field(description=VERSION)
    plan_id: strawberry.Private[str]

    @strawberry.field(description="What is subscribed to.")
    def plan(self) -> Plan:
        return Plan.of(PLANS[self.plan_id])

    @strawberry.field(directives=[PAGED], description="The bills, newest first. Not covered by `version`.")
    async def invoices(
        self,
        info: Info[HasLoaders, None],
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Connection[PlanInvoice]:
        async def read(keyset: Keyset) -> list[plans.PlanInvoice]:
            return await info.context.loaders.plan_invoices.load((PlanSubscriptionId(self.id), keyset))

        return await Cursors("invoices", self.id).connection(
            PageArguments(first, after, last, before), read, by_id, PlanInvoice.of
        )

    @classmethod
    def of(cls, subscription: plans.PlanSubscription) -> Self:
        page = subscription.authorisation_url
        return cls(
            id=strawberry.ID(subscription.id),
            status=subscription.status,
            current_period_end=subscription.period_end,
            cancel_at_period_end=subscription.cancel_at_period_end,
            ended_because=subscription.ended_because,
            failure=PaymentFailure.of(subscription.failure),
            authorisation_url=page,
            authorisation=Authorisation.of(authorisation.Authorisation(page)) if page else None,
            created_at=subscription.created_at,
            version=subscription.version,
            plan_id=subscription.plan_id,
        )


@strawberry.input(description="What to subscribe to, and how to pay.")
class CreatePlanSubscriptionInput:
    plan_id: strawberry.ID = strawberry.field(description="The id of one of `plans`.")
    payment_method: str = strawberry.field(
        description="The vendor's id of it (`pm_...`); card numbers are typed on the vendor's form alone."
    )
    idempotency_key: str = strawberry.field(
        description="Made by the client, anew for each wish: the same key gives the same result, never a second."
    )
    return_to: str | None = strawberry.field(
        description="Where the user goes after 3-D Secure: a path here, or an allowed address.",
        default=UNSET,
    )


@strawberry.input(description="How the plan is paid from now on.")
class UpdatePlanPaymentMethodInput:
    payment_method: str = strawberry.field(
        description="The vendor's id of it (`pm_...`); card numbers are typed on the vendor's form alone."
    )
    idempotency_key: str = strawberry.field(
        description="Made by the client, anew for each wish: the same key gives the same try, never a second."
    )
    return_to: str | None = strawberry.field(
        description="Where the user goes after 3-D Secure: a path here, or an allowed address.",
        default=UNSET,
    )


@strawberry.input(description="When the plan ends.")
class CancelPlanSubscriptionInput:
    at_period_end: bool = strawberry.field(description="With the paid period, instead of now.", default=True)


@strawberry.type(description="What the plan mutations give.")
class PlanSubscriptionPayload:
    plan_subscription: PlanSubscription | None = strawberry.field(
        description="The subscription as it stands after the change.", default=None
    )
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )
