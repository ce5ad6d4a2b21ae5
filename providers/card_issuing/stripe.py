"""Stripe Issuing: cardholders and cards. Source: docs/vendors/stripe.md, Issuing."""

from typing import Final

from stripe.params.issuing import (
    CardCreateParams,
    CardholderCreateParams,
    CardholderCreateParamsBillingAddress,
    CardholderUpdateParams,
)

from domain.card import Card, Cardholder, CardStatus, CardType
from domain.clock import Clock
from domain.errors import InDoubt, InvalidState, Unavailable
from domain.profile import Address
from providers.calling.idempotency import send_once
from providers.calling.json_parts import within
from providers.calling.vendor_http import VendorRefusal
from providers.card_issuing.port import CardState
from providers.card_issuing.stripe_cards import WORDS, card_state, not_issued
from providers.stripe_api import RESILIENCE as RESILIENCE
from providers.stripe_sdk import Stripe
from providers.stripe_values import id_of

# All are safe to repeat: reads, creations with an idempotency key, and updates.
RETRIED: Final = frozenset(
    {
        "create_cardholder",
        "find_cardholder",
        "update_cardholder",
        "issue",
        "find_card",
        "set_status",
        "retrieve",
    }
)
# Stripe's clock and ours may differ by this much.
_CLOCKS_DIFFER_S: Final = 300


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
            reference = await send_once(
                cardholder.id,
                first_sent_at=cardholder.created_at,
                now=self._clock.now(),
                send=lambda key: self._stripe.call(
                    "create_cardholder",
                    lambda: self._api.cardholders.create_async(params, {"idempotency_key": key}),
                    id_of,
                ),
                find=lambda: self._known_cardholder(cardholder),
            )
            if contact:
                await self._stripe.call(
                    "update_cardholder", lambda: self._api.cardholders.update_async(reference, contact), id_of
                )
        except VendorRefusal as refusal:
            message = "The issuer does not take this cardholder."
            raise self._stripe.not_taken(refusal, message, text="CARDHOLDER_NOT_TAKEN") from refusal
        except InDoubt as error:
            raise Unavailable("card_issuing", "the cardholder could not be made") from error
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
            return await send_once(
                card.id,
                first_sent_at=card.created_at,
                now=self._clock.now(),
                send=lambda key: self._stripe.command(
                    "issue", lambda: self._api.cards.create_async(params, {"idempotency_key": key}), card_state
                ),
                find=lambda: self._known_card(card, params["cardholder"]),
            )
        except VendorRefusal as refusal:
            error = self._stripe.not_taken(refusal, "The issuer does not issue this card.")
            raise (not_issued(refusal.answer) if isinstance(error, InvalidState) else error) from refusal

    async def _known_cardholder(self, cardholder: Cardholder) -> str | None:
        """The cardholder that an earlier request made."""
        since = {"gte": int(cardholder.created_at.timestamp()) - _CLOCKS_DIFFER_S}
        found = await self._stripe.every(
            "find_cardholder",
            self._api.cardholders.list_async,
            {"created": since},
            lambda item: id_of(item) if within(item, "metadata", "cardholderId") == cardholder.id else None,
        )
        return next(iter(found), None)

    async def _known_card(self, card: Card, cardholder: str) -> CardState | None:
        """The card that an earlier request issued. A repeat without its key would issue a second card."""
        found = await self._stripe.every(
            "find_card",
            self._api.cards.list_async,
            {"cardholder": cardholder},
            lambda item: card_state(item) if within(item, "metadata", "cardId") == card.id else None,
        )
        return next(iter(found), None)

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


def _address(address: Address) -> CardholderCreateParamsBillingAddress:
    return {
        "line1": address.street or address.formatted,
        "postal_code": address.postal_code or "",
        "city": address.postal_place or "",
        "country": address.country or "NO",
    }
