"""Card payments and plans, as a client uses them."""

from itertools import count
from typing import Any

from tests.builders.gateway import Play, Player

VISA = "pm_card_visa"
DECLINED = "pm_card_visa_chargeDeclined"
CHALLENGED = "pm_card_threeDSecure2Required"
_KEYS = count(1)

CREATE = """mutation($input: CreateCardPaymentInput!) { createCardPayment(input: $input) {
  payment { id rail status failure { code } creditor { name account } inDoubt }
  cardForm { vendor publishableKey clientSecret url }
  userErrors { code field message } } }"""
CONFIRM = """mutation($input: ConfirmCardPaymentInput!) { confirmCardPayment(input: $input) {
  payment { id status authorisationUrl inDoubt failure { code message } } userErrors { code field message } } }"""
REFUND = """mutation($input: RefundPaymentInput!) { refundPayment(input: $input) {
  refund { id status amount { amountMinor } } payment { status refundStatus refundedAmount { amountMinor } }
  userErrors { code field message } } }"""
CARD_PAYMENT = """query($id: ID!) { node(id: $id) { ... on Payment {
  status version inDoubt authorisationUrl failure { code message } refundStatus refundedAmount { amountMinor }
  refunds { edges { node { id status amount { amountMinor } failure { code message } } } }
  disputes { id status reason evidenceDueBy amount { amountMinor } }
  receipt { number issuedAt amount { amountMinor } }
  history { edges { node { status kind cause version failure { code } } } } } } }"""
PLAN = """plan { name price { amountMinor } } status version currentPeriodEnd cancelAtPeriodEnd
  endedBecause isEndInferred failure { code } authorisationUrl
  invoices { edges { node { number status amount { amountMinor } } } }"""
SUBSCRIBE = f"""mutation($input: CreatePlanSubscriptionInput!) {{ createPlanSubscription(input: $input) {{
  planSubscription {{ id {PLAN} }} userErrors {{ code field message }} }} }}"""

PAY_PLAN = f"""mutation($input: UpdatePlanPaymentMethodInput!) {{ updatePlanPaymentMethod(input: $input) {{
  planSubscription {{ id {PLAN} }} userErrors {{ code field message }} }} }}"""


def key() -> str:
    return f"card-key-{next(_KEYS):06d}"


async def create(player: Player, amount_minor: int = 12_500, **changes: object) -> dict[str, Any]:
    """The payload of `createCardPayment`."""
    given = {"amount": {"amountMinor": str(amount_minor), "currency": "NOK"}, "idempotencyKey": key(), **changes}
    payload: dict[str, Any] = (await player.ask(CREATE, input=given))["createCardPayment"]
    return payload


async def confirm(player: Player, payment_id: str, method: str = VISA, **changes: object) -> dict[str, Any]:
    """The payload of `confirmCardPayment`."""
    given = {
        "id": payment_id,
        "paymentMethod": method,
        "idempotencyKey": key(),
        "returnTo": "/api/health/live",
        **changes,
    }
    payload: dict[str, Any] = (await player.ask(CONFIRM, input=given))["confirmCardPayment"]
    return payload


async def refund(player: Player, payment_id: str, amount_minor: int | None = None, **changes: object) -> dict[str, Any]:
    """The payload of `refundPayment`."""
    amount = {"amountMinor": str(amount_minor), "currency": "NOK"} if amount_minor is not None else None
    given = {"id": payment_id, "amount": amount, "idempotencyKey": key(), **changes}
    payload: dict[str, Any] = (await player.ask(REFUND, input=given))["refundPayment"]
    return payload


async def paid(player: Player, amount_minor: int = 12_500, method: str = VISA) -> str:
    """A settled card payment's id."""
    identifier: str = (await create(player, amount_minor))["payment"]["id"]
    assert (await confirm(player, identifier, method))["payment"]["status"] == "SETTLED"
    return identifier


async def card_payment(player: Player, payment_id: str) -> dict[str, Any]:
    payment: dict[str, Any] = (await player.ask(CARD_PAYMENT, id=payment_id))["node"]
    return payment


async def subscribe(player: Player, method: str = VISA, plan: str = "plan_plus", **changes: object) -> dict[str, Any]:
    """The payload of `createPlanSubscription`."""
    given = {
        "planId": plan,
        "paymentMethod": method,
        "idempotencyKey": key(),
        "returnTo": "/api/health/live",
        **changes,
    }
    payload: dict[str, Any] = (await player.ask(SUBSCRIBE, input=given))["createPlanSubscription"]
    return payload


async def pay_plan(player: Player, method: str = VISA, **changes: object) -> dict[str, Any]:
    """The payload of `updatePlanPaymentMethod`."""
    given = {"paymentMethod": method, "idempotencyKey": key(), "returnTo": "/api/health/live", **changes}
    payload: dict[str, Any] = (await player.ask(PAY_PLAN, input=given))["updatePlanPaymentMethod"]
    return payload


async def plan_of(player: Player) -> dict[str, Any] | None:
    plan: dict[str, Any] | None = (await player.ask(f"{{ viewer {{ plan {{ {PLAN} }} }} }}"))["viewer"]["plan"]
    return plan


async def charges(play: Play) -> list[dict[str, Any]]:
    """What the sandbox's card vendor has charged: the judge of whether a card paid."""
    found: list[dict[str, Any]] = (await play.gateway.sandbox.get("/ledger")).json()["charges"]
    return found
