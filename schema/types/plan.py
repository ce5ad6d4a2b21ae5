from datetime import datetime

import strawberry
from strawberry import UNSET

import schema.types.enums  # noqa: F401  # registers the domain's enums
from domain import authorisation
from domain import plan as plans
from domain.plan import PLANS, InvoiceStatus, PlanEnd, PlanInterval, PlanStatus
from domain.relation import Relation
from schema.types.authorisation import Authorisation
from schema.types.cost import at_most
from schema.types.errors import UserError
from schema.types.money import Money
from schema.types.node import VERSION, Node
from schema.types.paging import Connection
from schema.types.payment import PaymentFailure
from schema.types.view import View, paged, shown


@strawberry.type(description="What can be subscribed to.")
class Plan(View[plans.Plan], Node):
    name: str = shown("name", description="The plan's name as people read it.")
    price: Money = shown("price", description="The money to pay for one interval.")
    interval: PlanInterval = shown("interval", description="What the price is for.")


@strawberry.type(description="The bill for one period of the plan.")
class PlanInvoice(View[plans.PlanInvoice], Node):
    number: str = shown("number", description="The invoice's number as people read it.")
    amount: Money = shown("amount", description="What is owed for the period.")
    status: InvoiceStatus = shown("status", description="Whether it is paid.")
    period_start: datetime = shown("period_start", description="The moment at which the paid period begins.")
    period_end: datetime = shown("period_end", description="The moment at which the paid period ends.")
    created_at: datetime = shown("created_at", description="When it was made.")


@strawberry.type(description="The user's subscription to a plan, paid by card.")
class PlanSubscription(View[plans.PlanSubscription], Node):
    status: PlanStatus = shown("status", description="Where the subscription to the plan stands.")
    current_period_end: datetime | None = shown(
        "period_end", description="Until when it is paid; then it renews or ends."
    )
    cancel_at_period_end: bool = shown("cancel_at_period_end", description="Whether it ends with its period.")
    ended_because: PlanEnd | None = shown("ended_because", description="Set once it has ended.")
    is_end_inferred: bool = shown(
        "is_end_inferred",
        description="Whether Drop concluded the end: the card vendor has not told it, and is asked ten banking days.",
    )
    failure: PaymentFailure | None = shown("failure", description="Why the newest bill is not paid.")
    authorisation_url: str | None = shown(
        "authorisation_url", description="The same as `authorisation { url }`. Not covered by `version` in an event."
    )
    created_at: datetime = shown("created_at", description="When it was asked for.")
    version: int = shown("version", description=VERSION)
    invoices: Connection[PlanInvoice] = paged(
        Relation.INVOICES, "invoices", description="The bills, newest first. Not covered by `version`."
    )

    @strawberry.field(
        description="How the user approves the first payment or a renewal; null where nothing is awaited. A new page "
        "raises `version`. Not covered by `version` in an event: a page is not stored there."
    )
    def authorisation(self) -> Authorisation | None:
        page = self.shows.authorisation_url
        return Authorisation.of(authorisation.Authorisation(page)) if page else None

    @strawberry.field(description="What is subscribed to.")
    def plan(self) -> Plan:
        return Plan.of(PLANS[self.shows.plan_id])


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
