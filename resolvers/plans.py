from typing import Annotated

from strawberry import Info

from domain.errors import Refusal
from domain.plan import PLANS
from resolvers.context import Context
from schema.types.arguments import INPUT
from schema.types.errors import user_errors_of
from schema.types.plan import (
    CancelPlanSubscriptionInput,
    CreatePlanSubscriptionInput,
    Plan,
    PlanSubscription,
    PlanSubscriptionPayload,
    UpdatePlanPaymentMethodInput,
)
from services.plans.plans import CardOrder, PlanOrder


async def plans() -> list[Plan]:
    return [Plan.of(plan) for plan in PLANS.values()]


async def create_plan_subscription(
    info: Info[Context, None], input: Annotated[CreatePlanSubscriptionInput, INPUT]
) -> PlanSubscriptionPayload | None:
    viewer = info.context.viewer()
    order = PlanOrder(input.plan_id, _card_order(info.context, input))
    try:
        subscription = await info.context.services.plans.create(viewer.user_id, order)
    except Refusal as refusal:
        return PlanSubscriptionPayload(user_errors=user_errors_of(refusal))
    return PlanSubscriptionPayload(plan_subscription=PlanSubscription.of(subscription))


async def update_plan_payment_method(
    info: Info[Context, None], input: Annotated[UpdatePlanPaymentMethodInput, INPUT]
) -> PlanSubscriptionPayload | None:
    viewer = info.context.viewer()
    order = _card_order(info.context, input)
    try:
        subscription = await info.context.services.plans.change_payment_method(viewer.user_id, order)
    except Refusal as refusal:
        return PlanSubscriptionPayload(user_errors=user_errors_of(refusal))
    return PlanSubscriptionPayload(plan_subscription=PlanSubscription.of(subscription))


def _card_order(context: Context, given: CreatePlanSubscriptionInput | UpdatePlanPaymentMethodInput) -> CardOrder:
    return_to = given.return_to or context.default_return_to
    return CardOrder(given.payment_method, given.idempotency_key, context.card_callback_uri, return_to)


async def cancel_plan_subscription(
    info: Info[Context, None], input: Annotated[CancelPlanSubscriptionInput, INPUT]
) -> PlanSubscriptionPayload | None:
    viewer = info.context.viewer()
    try:
        subscription = await info.context.services.plans.cancel(viewer.user_id, at_period_end=input.at_period_end)
    except Refusal as refusal:
        return PlanSubscriptionPayload(user_errors=user_errors_of(refusal))
    return PlanSubscriptionPayload(plan_subscription=PlanSubscription.of(subscription))


async def resume_plan_subscription(info: Info[Context, None]) -> PlanSubscriptionPayload | None:
    viewer = info.context.viewer()
    try:
        subscription = await info.context.services.plans.resume(viewer.user_id)
    except Refusal as refusal:
        return PlanSubscriptionPayload(user_errors=user_errors_of(refusal))
    return PlanSubscriptionPayload(plan_subscription=PlanSubscription.of(subscription))
