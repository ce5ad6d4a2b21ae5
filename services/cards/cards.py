"""Cards that Drop issues: cardholder, card, freeze, unfreeze, cancel. All behind flags."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final

import structlog

from db.events import NewEvent
from db.ids import new_id
from db.unit_of_work import Read, UnitOfWork, Work, retry_on_stale
from domain import ids
from domain.card import OVER, Card, CardFailure, Cardholder, CardStatus, CardType
from domain.clock import Clock
from domain.errors import (
    AddressRequired,
    InDoubt,
    InvalidState,
    NotFound,
    ProviderUnavailable,
    Unavailable,
)
from domain.event import ChangeKind, EventKind
from domain.feature import Feature, Features
from domain.idempotency import fingerprint_of
from domain.ids import CardholderId, CardId, UserId
from domain.input import require_key
from domain.job import Job
from domain.kyc import require_approved
from domain.page import Keyset
from domain.snapshot import card_fields
from providers.card_issuing.port import CardIssuing, CardState, NotIssued
from providers.vendors import Vendors
from services.idempotency import earlier, keep, known
from services.shield import Shield, as_it_stands

_ISSUE: Final = "issueCard"
_RECOVER_AFTER: Final = timedelta(seconds=60)
_NEWEST: Final = Keyset(None, None, 100)
# The number of cards that a user may have at once.
_MAX_CARDS: Final = 10
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class IssueCard(Job):
    """Ask the issuer again for a card whose issuing may not have been answered."""

    kind: ClassVar[str] = "issue_card"
    user_id: UserId
    card_id: CardId

    @property
    def row_id(self) -> str:
        return self.card_id


@dataclass(frozen=True, slots=True)
class FreezeCards(Job):
    """Freeze the cards of a user who lost the KYC approval."""

    kind: ClassVar[str] = "freeze_cards"
    user_id: UserId


class Cards:
    """Cards that Drop issues. Every method that changes something raises FeatureDisabled where its flag is off.

    A card is asked for once: where the issuer's answer is lost, a job asks again under the same idempotency key.
    """

    def __init__(
        self,
        work: Work,
        read: Read,
        vendors: Vendors[CardIssuing],
        features: Features,
        shield: Shield,
        clock: Clock,
    ) -> None:
        self._work = work
        self._read = read
        self._vendors = vendors
        self._features = features
        self._shield = shield
        self._clock = clock

    async def page(self, user_id: UserId, keyset: Keyset) -> list[Card]:
        async with self._read() as read:
            return await read.cards.page(user_id, keyset)

    async def by_ids(self, user_id: UserId, wanted: Sequence[CardId]) -> Sequence[Card]:
        async with self._read() as read:
            return await read.cards.by_ids(user_id, wanted)

    async def create_cardholder(self, user_id: UserId) -> Cardholder:
        """The user at the issuer, from their profile. Safe to repeat.

        Raises FeatureDisabled, KycRequired, AddressRequired, InvalidState, ProviderUnavailable.
        """
        self._features.require(Feature.CARDHOLDERS)
        cardholder = await retry_on_stale(lambda: self._cardholder(user_id))
        if cardholder.vendor_cardholder_id is not None:
            return cardholder
        async with self._read() as read:
            user = await read.users.get(user_id)
        assert user is not None
        vendor = self._vendors[cardholder.vendor]
        try:
            reference = await vendor.create_cardholder(cardholder, email=user.email, phone=user.phone)
        except Unavailable as error:
            raise _unavailable() from error
        async with self._work() as work:
            await work.cards.save_cardholder(cardholder.id, reference)
            await work.commit()
        return await self._current_cardholder(user_id)

    async def issue(self, user_id: UserId, kind: CardType, idempotency_key: str) -> Card:
        """Issue a card that can pay at once; the same key gives the same card.

        Raises FeatureDisabled, KycRequired, NotFound (no cardholder), InvalidState, IdempotencyKeyReused.
        """
        before = await known(self._read, user_id, _ISSUE, idempotency_key, fingerprint_of(kind))
        if before is not None:
            return await self._owned(user_id, CardId(before))
        self._features.require(kind.feature)
        require_key(idempotency_key)
        card, is_new = await retry_on_stale(lambda: self._begin(user_id, kind, idempotency_key))
        if is_new:
            await self._shield.run(self._issue_first(card), instead=as_it_stands)
        return await self._owned(user_id, card.id)

    async def _issue_first(self, card: Card) -> None:
        try:
            await self._issue(card)
        except (InDoubt, Unavailable):
            _log.warning("card_unanswered", card_id=card.id)  # the card's job asks again, under the card's own key

    async def issue_again(self, user_id: UserId, card_id: CardId) -> None:
        """Issue a card whose answer was lost, under the card's own key. Safe to repeat.

        Raises Unavailable, also where the issuer's status of it is not known, and InDoubt.
        """
        for card in await self.by_ids(user_id, [card_id]):
            if card.status is CardStatus.REQUESTED:
                with suppress(InvalidState):  # the card says so
                    await self._issue(card)
        for card in await self.by_ids(user_id, [card_id]):
            if card.status is CardStatus.REQUESTED:
                raise Unavailable("card_issuing", "the card's status is not known")

    async def set_status(self, user_id: UserId, card_id: CardId, wanted: CardStatus) -> Card:
        """Freeze, unfreeze or cancel. Safe to repeat. Raises FeatureDisabled, NotFound, InvalidState,
        ProviderUnavailable."""
        card = await self._owned(user_id, card_id)
        self._features.require(card.type.feature)
        card.require(wanted)
        if wanted is CardStatus.ACTIVE:
            async with self._read() as read:
                require_approved((await read.kyc.of_user(user_id)).status)
        try:
            await self._shield.run(self._set_status(card, wanted), instead=as_it_stands)
        except Unavailable as error:
            raise _unavailable() from error
        return await self._owned(user_id, card_id)

    async def freeze_all(self, user_id: UserId) -> None:
        """Freeze the cards of a user who lost the KYC approval. Raises Unavailable."""
        for card in await self.page(user_id, _NEWEST):
            if card.status is CardStatus.ACTIVE:
                await self._set_status(card, CardStatus.FROZEN)

    async def cancel_all(self, user_id: UserId) -> None:
        """Cancel the cards of a user who leaves. Raises Unavailable."""
        for card in await self.page(user_id, _NEWEST):
            if card.vendor_card_id is not None and card.status not in OVER:
                await self._set_status(card, CardStatus.CANCELLED)

    async def _cardholder(self, user_id: UserId) -> Cardholder:
        now = self._clock.now()
        async with self._work() as work:
            await work.users.hold(user_id)
            known = await work.cards.cardholder_of(user_id)
            if known is not None:
                return known
            require_approved((await work.kyc.of_user(user_id)).status)
            user = await work.users.get(user_id)
            assert user is not None
            if user.address is None or not user.address.is_normalised:
                raise AddressRequired
            cardholder = Cardholder(
                CardholderId(new_id(ids.CARDHOLDER, now)),
                user_id,
                self._vendors.for_user(user_id),
                user.name,
                user.address,
                now,
            )
            await work.cards.add_cardholder(cardholder)
            await work.commit()
        return cardholder

    async def _begin(self, user_id: UserId, kind: CardType, key: str) -> tuple[Card, bool]:
        now = self._clock.now()
        fingerprint = fingerprint_of(kind)
        async with self._work() as work:
            await work.users.hold(user_id)
            taken = await earlier(work, user_id, _ISSUE, key, fingerprint)
            if taken is not None:
                card = await work.cards.get(user_id, CardId(taken))
                assert card is not None
                return card, False
            require_approved((await work.kyc.of_user(user_id)).status)
            cardholder = await work.cards.cardholder_of(user_id)
            if cardholder is None or cardholder.vendor_cardholder_id is None:
                raise NotFound("There is no cardholder yet: createCardholder first.", text="CARDHOLDER_REQUIRED")
            alive = [c for c in await work.cards.page(user_id, _NEWEST) if c.status not in OVER]
            if len(alive) >= _MAX_CARDS:
                message = f"You have {_MAX_CARDS} cards already: cancel one first."
                raise InvalidState(message, text="TOO_MANY_CARDS", values={"most": _MAX_CARDS})
            card = Card(CardId(new_id(ids.CARD, now)), user_id, cardholder.id, cardholder.vendor, kind, now)
            await work.cards.add(card)
            await keep(work, user_id, _ISSUE, key, fingerprint, card.id, now)
            self._tell(work, card, ChangeKind.CREATED)
            work.jobs.enqueue(IssueCard(user_id, card.id), due_at=now + _RECOVER_AFTER, now=now)
            await work.commit()
        return card, True

    async def _issue(self, card: Card) -> None:
        cardholder = await self._current_cardholder(card.user_id)
        try:
            state = await self._vendors[card.vendor].issue(card, cardholder)
        except NotIssued as refusal:
            failure = refusal.failure
            await retry_on_stale(lambda: self._refused(card, failure))
            raise
        await retry_on_stale(lambda: self._apply(card, state))

    async def _refused(self, card: Card, failure: CardFailure) -> None:
        async with self._work() as work:
            before = await work.cards.get(card.user_id, card.id)
            assert before is not None
            after = before.refused(failure)
            if after is not before:
                await work.cards.save(before, after)
                self._tell(work, after)
                await work.commit()

    async def _set_status(self, card: Card, wanted: CardStatus) -> None:
        assert card.vendor_card_id is not None
        state = await self._vendors[card.vendor].set_status(card.vendor_card_id, wanted)
        await retry_on_stale(lambda: self._apply(card, state))

    async def _apply(self, card: Card, state: CardState) -> None:
        async with self._work() as work:
            before = await work.cards.get(card.user_id, card.id)
            assert before is not None
            after = before.apply(state.status, state.reference, state.face)
            if after is not before:
                await work.cards.save(before, after)
                self._tell(work, after)
                await work.commit()

    async def _owned(self, user_id: UserId, card_id: CardId) -> Card:
        for card in await self.by_ids(user_id, [card_id]):
            return card
        raise NotFound("There is no such card.", field=("input", "id"))

    async def _current_cardholder(self, user_id: UserId) -> Cardholder:
        async with self._read() as read:
            cardholder = await read.cards.cardholder_of(user_id)
        assert cardholder is not None
        return cardholder

    def _tell(self, work: UnitOfWork, card: Card, change: ChangeKind = ChangeKind.UPDATED) -> None:
        fields, now = card_fields(card), self._clock.now()
        work.publish(NewEvent(card.user_id, EventKind.CARD, card.id, fields, now, change))


def _unavailable() -> ProviderUnavailable:
    message = "The card issuer is temporarily unavailable. Try again soon."
    return ProviderUnavailable("card_issuing", message, text="CARD_ISSUER_AWAY")
