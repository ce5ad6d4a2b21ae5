"""The sandbox's card issuer, which answers as Stripe Issuing does."""

from typing import Final

from domain.card import Card, Cardholder, CardStatus, CardType
from domain.clock import Clock
from domain.errors import InDoubt, InvalidState, Unavailable
from providers.calling.guard import Resilience
from providers.calling.sandbox_client import SandboxClient, SandboxRefusal
from providers.card_issuing.port import CardState
from providers.card_issuing.stripe_cards import WORDS, card_state, not_issued
from providers.declaration import MOCK, NoSettings, Tools, Vendor

RESILIENCE: Final = Resilience(timeout_s=10, breaker_failures=5, breaker_open_s=30, retry_after_s=(0.5, 1))
# All are safe to repeat: reads, creations with an idempotency key, and status changes.
RETRIED: Final = frozenset({"create_cardholder", "issue", "find", "set_status", "retrieve"})


class MockCardIssuing:
    """Issues cards at the sandbox."""

    def __init__(self, sandbox: SandboxClient, *, clock: Clock) -> None:
        self._sandbox = sandbox
        self._clock = clock

    async def create_cardholder(self, cardholder: Cardholder, *, email: str | None, phone: str | None) -> str:
        address = cardholder.address
        body = {
            "type": "individual",
            "name": cardholder.name,
            "email": email,
            "phone_number": phone,
            "billing": {
                "address": {
                    "line1": address.street or address.formatted,
                    "postal_code": address.postal_code,
                    "city": address.postal_place,
                    "country": address.country or "NO",
                }
            },
            "metadata": {"cardholderId": cardholder.id, "userId": cardholder.user_id},
        }
        try:
            made = await self._sandbox.make_once(
                "create_cardholder",
                "cardholder",
                "/issuing/cardholders",
                body,
                by="cardholderId",
                first_sent_at=cardholder.created_at,
                now=self._clock.now(),
            )
        except SandboxRefusal as refusal:
            raise InvalidState("The issuer does not take this cardholder.", text="CARDHOLDER_NOT_TAKEN") from refusal
        except InDoubt as error:
            raise Unavailable("card_issuing", "the cardholder could not be made") from error
        return str(made["id"])

    async def issue(self, card: Card, cardholder: Cardholder) -> CardState:
        body: dict[str, object] = {
            "cardholder": cardholder.vendor_cardholder_id,
            "currency": "nok",
            "type": card.type.lower(),
            "status": "active",
            "metadata": {"cardId": card.id, "userId": card.user_id},
        }
        if card.type is CardType.PHYSICAL:
            body["shipping"] = {"name": cardholder.name, "address": cardholder.address.formatted, "service": "standard"}
        try:
            return card_state(
                await self._sandbox.make_once(
                    "issue",
                    "card",
                    "/issuing/cards",
                    body,
                    by="cardId",
                    first_sent_at=card.created_at,
                    now=self._clock.now(),
                )
            )
        except SandboxRefusal as refusal:
            raise not_issued(refusal.answer) from refusal

    async def set_status(self, reference: str, status: CardStatus) -> CardState:
        path = f"/issuing/cards/{reference}"
        try:
            return card_state(await self._sandbox.post("set_status", path, {"status": WORDS[status]}))
        except SandboxRefusal:
            # A cancelled card accepts no other status: the answer is the card's present state.
            return card_state(await self._sandbox.get("retrieve", path))


def _build(settings: NoSettings, tools: Tools) -> MockCardIssuing:
    return MockCardIssuing(tools.sandbox(RESILIENCE, RETRIED), clock=tools.clock)


VENDOR: Final = Vendor(MOCK, NoSettings, _build)
