"""Stripe Issuing: cardholders and cards. Source: docs/vendors/stripe.md, Issuing."""

from collections.abc import Mapping
from typing import Any, Final

from stripe.params.issuing import (
    CardCreateParams,
    CardholderCreateParams,
    CardholderCreateParamsBillingAddress,
    CardholderUpdateParams,
)

from domain.card import Card, Cardholder, CardStatus, CardType
from domain.clock import Clock
from domain.profile import Address
from providers.calling.vendor_http import VendorRefusal
from providers.card_issuing.port import CardState
from providers.card_issuing.stripe_cards import WORDS, card_state
from providers.stripe_api import KEYS_LIVE
from providers.stripe_api import RESILIENCE as RESILIENCE
from providers.stripe_sdk import Stripe

# All are safe to repeat: reads, creations with an idempotency key, and updates.
RETRIED: Final = frozenset({"create_cardholder", "update_cardholder", "issue", "find_card", "set_status", "retrieve"})
_PAGE: Final = 100


class StripeCardIssuing:
    """Issues cards through Stripe Issuing."""

    def __init__(self, stripe: Stripe, *, clock: Clock) -> None:
        self._stripe = stripe
        self._clock = clock
        self._api = stripe.api.issuing

    async def create_cardholder(self, cardholder: Cardholder, *, email: str | None, phone: str | None) -> str:
        params: CardholderCreateParams = {
            "type": "individual",
            "name": cardholder.name,
            "billing": {"address": _address(cardholder.address)},
            "metadata": {"cardholderId": cardholder.id, "userId": cardholder.user_id},
        }
        # Mail and phone, which the user may change, come in a second request: a repeat with the same key must have the
        # same content (stripe.md, Idempotency).
        contact: CardholderUpdateParams = {}
        if email is not None:
            contact["email"] = email
        if phone is not None:
            contact["phone_number"] = phone
        try:
            reference = await self._stripe.call(
                "create_cardholder",
                lambda: self._api.cardholders.create_async(params, {"idempotency_key": cardholder.id}),
                _id,
            )
            if contact:
                await self._stripe.call(
                    "update_cardholder", lambda: self._api.cardholders.update_async(reference, contact), _id
                )
        except VendorRefusal as refusal:
            message = "The issuer does not take this cardholder."
            raise self._stripe.not_taken(refusal, message, text="CARDHOLDER_NOT_TAKEN") from refusal
        return reference

    async def issue(self, card: Card, cardholder: Cardholder) -> CardState:
        params: CardCreateParams = {
            "cardholder": cardholder.vendor_cardholder_id or "",
            "currency": "nok",
            "type": "virtual",
            "status": "active",
            "metadata": {"cardId": card.id, "userId": card.user_id},
        }
        if card.type is CardType.PHYSICAL:
            params["type"] = "physical"
            params["shipping"] = {
                "name": cardholder.name,
                "address": {**_address(cardholder.address)},
                "service": "standard",
            }
        try:
            if self._clock.now() - card.created_at > KEYS_LIVE:
                known = await self._known_card(card, params["cardholder"])
                if known is not None:
                    return known
            return await self._stripe.command(
                "issue", lambda: self._api.cards.create_async(params, {"idempotency_key": card.id}), card_state
            )
        except VendorRefusal as refusal:
            message = "The issuer does not issue this card."
            raise self._stripe.not_taken(refusal, message, text="CARD_NOT_ISSUED") from refusal

    async def _known_card(self, card: Card, cardholder: str) -> CardState | None:
        """The card that an earlier request issued. A repeat without its key would issue a second card."""

        def ours(page: dict[str, Any]) -> CardState | None:
            found = (item for item in page["data"] if item["metadata"].get("cardId") == card.id)
            return next(map(card_state, found), None)

        return await self._stripe.call(
            "find_card", lambda: self._api.cards.list_async({"cardholder": cardholder, "limit": _PAGE}), ours
        )

    async def set_status(self, reference: str, status: CardStatus) -> CardState:
        try:
            # Without an idempotency key: with one, freezing a card for the second time would replay the first answer.
            return await self._stripe.call(
                "set_status",
                lambda: self._api.cards.update_async(reference, {"status": WORDS[status]}),
                card_state,
            )
        except VendorRefusal:
            return await self._retrieve(reference)

    async def _retrieve(self, reference: str) -> CardState:
        """The card's present state, which is the answer if it is cancelled and accepts no other status."""
        try:
            return await self._stripe.call("retrieve", lambda: self._api.cards.retrieve_async(reference), card_state)
        except VendorRefusal as refusal:
            raise self._stripe.refused(refusal) from refusal


def _id(answer: Mapping[str, Any]) -> str:
    return str(answer["id"])


def _address(address: Address) -> CardholderCreateParamsBillingAddress:
    return {
        "line1": address.street or address.formatted,
        "postal_code": address.postal_code or "",
        "city": address.postal_place or "",
        "country": address.country or "NO",
    }
