"""The contract of card issuing."""

from datetime import timedelta

import httpx
import pytest

from domain.card import Card, CardFailure, Cardholder, CardStatus, CardType
from domain.errors import InDoubt, InvalidState, Unavailable
from domain.ids import CardholderId, CardId, UserId
from domain.profile import Address
from providers.calling.guard import Guard
from providers.card_issuing import mock, stripe
from providers.card_issuing.port import CardIssuing, NotIssued
from providers.card_issuing.stripe_cards import not_issued
from providers.stripe_sdk import Stripe
from tests.builders.line import Line
from tests.builders.sandbox import Sandbox
from tests.contract.conftest import NOON
from tests.vendors import stripe as stripe_face

KARI = UserId("usr_kari")
OSLO = Address("Karl Johans gate 1, 0154 Oslo", "Karl Johans gate 1", "0154", "Oslo", "NO", is_normalised=True)


def a_cardholder(address: Address = OSLO, reference: str | None = None) -> Cardholder:
    return Cardholder(CardholderId("chd_1"), KARI, "mock", "Kari Nordmann", address, NOON, reference)


def a_card(kind: CardType = CardType.VIRTUAL) -> Card:
    return Card(CardId(f"crd_{kind}"), KARI, CardholderId("chd_1"), "mock", kind, NOON)


def a_mock(sandbox: Sandbox) -> CardIssuing:
    return mock.MockCardIssuing(sandbox.client("card_issuing", mock), clock=sandbox.clock)


def a_stripe(sandbox: Sandbox, vendor: stripe_face.Stripe | None = None) -> CardIssuing:
    http = sandbox.outside(stripe_face.app(vendor or stripe_face.Stripe(sandbox.inner, sandbox.clock)))
    guard = Guard("card_issuing", stripe.RESILIENCE, stripe.RETRIED)
    client = Stripe(http, guard, api_key=stripe_face.API_KEY, base_url="https://stripe.example")
    return stripe.StripeCardIssuing(client, clock=sandbox.clock)


@pytest.fixture(params=[a_mock, a_stripe])
def issuer(sandbox: Sandbox, request: pytest.FixtureRequest) -> CardIssuing:
    adapter: CardIssuing = request.param(sandbox)
    return adapter


@pytest.fixture
async def holder(issuer: CardIssuing) -> Cardholder:
    reference = await issuer.create_cardholder(a_cardholder(), email="kari@example.no", phone="+4740000001")
    return a_cardholder(reference=reference)


async def test_a_user_is_one_cardholder(issuer: CardIssuing, holder: Cardholder) -> None:
    again = await issuer.create_cardholder(a_cardholder(), email=None, phone=None)

    assert again == holder.vendor_cardholder_id


async def test_an_address_without_a_postal_code_is_not_taken(issuer: CardIssuing) -> None:
    with pytest.raises(InvalidState):
        await issuer.create_cardholder(a_cardholder(Address("somewhere")), email=None, phone=None)


@pytest.mark.parametrize("kind", CardType)
async def test_the_same_card_is_issued_once(issuer: CardIssuing, holder: Cardholder, kind: CardType) -> None:
    first, again = await issuer.issue(a_card(kind), holder), await issuer.issue(a_card(kind), holder)

    assert first == again
    assert first.status is CardStatus.ACTIVE
    assert first.face is not None
    assert first.face.last4.isdigit()


async def test_a_card_for_nobody_is_not_issued(issuer: CardIssuing) -> None:
    with pytest.raises(NotIssued) as refused:
        await issuer.issue(a_card(), a_cardholder(reference="ich_nobody"))

    assert refused.value.failure is CardFailure.CARDHOLDER_UNKNOWN


@pytest.mark.parametrize("code", ["cardholder_blocked", 7, None])
def test_a_refusal_without_a_code_that_we_know_is_a_reason_too(code: object) -> None:
    assert not_issued({"code": code}).failure is CardFailure.NOT_ISSUED


async def test_a_card_is_frozen_unfrozen_and_cancelled_for_good(issuer: CardIssuing, holder: Cardholder) -> None:
    reference = (await issuer.issue(a_card(), holder)).reference

    wanted = [CardStatus.FROZEN, CardStatus.FROZEN, CardStatus.ACTIVE, CardStatus.CANCELLED, CardStatus.ACTIVE]
    became = [(await issuer.set_status(reference, status)).status for status in wanted]

    assert became == [*wanted[:-1], CardStatus.CANCELLED]


async def test_lost_answers_are_asked_for_again_and_silence_is_told(
    issuer: CardIssuing, holder: Cardholder, line: Line
) -> None:
    line.cut_after_request()
    assert (await issuer.issue(a_card(), holder)).status is CardStatus.ACTIVE
    line.harm(at=1, after=httpx.ReadTimeout("lost"), times=9)
    with pytest.raises(InDoubt):
        await issuer.issue(a_card(CardType.PHYSICAL), holder)
    line.mend()
    line.cut()
    with pytest.raises(Unavailable):
        await issuer.set_status("ic_000001", CardStatus.FROZEN)


@pytest.mark.parametrize(
    ("word", "odd", "status", "has_face"),
    [
        ("of tomorrow", {}, None, True),
        (None, {"last4": None}, CardStatus.ACTIVE, False),
        (None, {"exp_month": "May", "exp_year": {}}, CardStatus.ACTIVE, False),
    ],
)
async def test_what_is_odd_in_a_card_costs_itself_alone(
    sandbox: Sandbox, word: str | None, odd: dict[str, object], status: CardStatus | None, has_face: bool
) -> None:
    vendor = stripe_face.Stripe(sandbox.inner, sandbox.clock)
    issuer = a_stripe(sandbox, vendor)
    holder = a_cardholder(reference=await issuer.create_cardholder(a_cardholder(), email=None, phone=None))
    vendor.words, vendor.odd_card = ({"issuing.card": word} if word else {}), odd

    issued = await issuer.issue(a_card(), holder)
    sandbox.clock.at += timedelta(hours=25)  # its key is forgotten
    found = await issuer.issue(a_card(), holder)

    assert issued == found
    assert (issued.status, issued.face is not None) == (status, has_face)
