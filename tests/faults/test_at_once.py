"""Mutations many times at once, at two processes over PostgreSQL: a lost race is no error, nothing is done twice."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from db.engine import async_url
from tests.builders.cards import CONFIRM, CREATE, REFUND, SUBSCRIBE, VISA
from tests.builders.customers import Customer
from tests.builders.fleet import Fleet, fleet
from tests.builders.gateway import OLA, PAY

AT_ONCE = 12
ROUNDS = 3
UNAUTHENTICATED = "UNAUTHENTICATED"
CONNECT_BY_INPUT = (
    "mutation($input: ConnectBankInput!) { connectBank(input: $input) { bankLink { id } userErrors { code } } }"
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet(tmp_path_factory.mktemp("at-once"), "postgresql", serves=2, workers=1) as fleet_:
        yield fleet_


class AtOnce(Customer):
    """One person in many tabs, each of which reaches another process."""

    async def together(self, *sent: tuple[str, dict[str, Any]]) -> list[dict[str, Any] | None]:
        """The payloads of the mutations with their inputs, sent at once, or None where the account has ended.

        No other error may stand beside a payload: a lost race is said in `userErrors`.
        """
        urls = [self.fleet.serves[number % 2].url for number in range(len(sent))]
        answers = await asyncio.gather(*(self._one(url, *one) for url, one in zip(urls, sent, strict=True)))
        broken = [
            body
            for body in answers
            if {error["extensions"]["code"] for error in body.get("errors", [])} - {UNAUTHENTICATED}
        ]
        assert not broken, broken[:3]
        return [next(iter((body.get("data") or {"none": None}).values())) for body in answers]

    async def all_at_once(self, query: str, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The payloads of one mutation with each of the inputs."""
        payloads = await self.together(*((query, given) for given in inputs))
        assert None not in payloads
        return [payload for payload in payloads if payload is not None]

    async def _one(self, url: str, query: str, given: dict[str, Any]) -> dict[str, Any]:
        variables = {"input": given} if given else {}
        response = await self.http.post(
            f"{url}/graphql", json={"query": query, "variables": variables}, headers={"origin": url}
        )
        assert response.status_code in (httpx.codes.OK, httpx.codes.UNAUTHORIZED), response.text
        body: dict[str, Any] = response.json()
        return body


@pytest.fixture
async def person(running: Fleet) -> AsyncIterator[AtOnce]:
    async with httpx.AsyncClient(timeout=60) as http:
        person = AtOnce(running, http, random.Random(1))
        await person.begin()
        yield person


def codes_of(payloads: list[dict[str, Any]]) -> Counter[str]:
    return Counter(error["code"] for payload in payloads for error in payload["userErrors"])


async def a_paid_card_payment(person: AtOnce, number: int) -> str:
    await person.pay_by_card(number)
    edges = (await person.ask("{ viewer { payments(first: 1) { edges { node { id status } } } } }"))["payments"]
    node = edges["edges"][0]["node"]
    assert node["status"] == "SETTLED"
    identifier: str = node["id"]
    return identifier


async def test_refunds_in_part_at_once_are_all_made(person: AtOnce) -> None:
    for number in range(ROUNDS):
        payment = await a_paid_card_payment(person, number)
        given = [
            {
                "id": payment,
                "amount": {"amountMinor": "100", "currency": "NOK"},
                "idempotencyKey": f"refund-{number}-{n}",
            }
            for n in range(8)
        ]

        payloads = await person.all_at_once(REFUND, given)

        assert not codes_of(payloads)
        assert len({payload["refund"]["id"] for payload in payloads}) == 8


async def test_the_first_login_of_one_person_in_many_tabs_signs_all_of_them_in(running: Fleet) -> None:
    urls = [one.url for one in running.serves]
    # A person whom the gateway has not met.
    path = "/auth/bankid/login?persona=silje&return_to=/api/health/live"

    async def tab(url: str) -> httpx.Response:
        async with httpx.AsyncClient(timeout=60) as http:
            return await http.get(f"{url}{path}", follow_redirects=True)

    answers = await asyncio.gather(*(tab(urls[number % 2]) for number in range(AT_ONCE)))

    assert [answer.status_code for answer in answers] == [200] * AT_ONCE
    assert not [answer.url for answer in answers if "error" in str(answer.url)]


async def test_a_plan_is_had_once_and_ended_once(person: AtOnce) -> None:
    order = {"planId": "plan_plus", "paymentMethod": VISA, "returnTo": "/api/health/live"}

    payloads = await person.all_at_once(
        SUBSCRIBE, [{**order, "idempotencyKey": f"plan-key-{n}"} for n in range(AT_ONCE)]
    )

    made = [payload for payload in payloads if payload["planSubscription"] is not None]
    assert len(made) == 1
    assert codes_of(payloads) == {"INVALID_STATE": AT_ONCE - 1}


async def test_one_key_gives_one_payment(person: AtOnce) -> None:
    card = {"amount": {"amountMinor": "5000", "currency": "NOK"}, "idempotencyKey": "one-key-for-all"}
    bank = {
        "debtorAccountId": person.account,
        "creditorName": "Ola Hansen",
        "creditorAccount": OLA,
        "amount": {"amountMinor": "700", "currency": "NOK"},
        "idempotencyKey": "one-key-for-all",
        "returnTo": "/api/health/live",
    }
    for mutation, order in ((CREATE, card), (PAY, bank)):
        payloads = await person.all_at_once(mutation, [order] * AT_ONCE)

        assert not codes_of(payloads)
        assert len({payload["payment"]["id"] for payload in payloads}) == 1


async def test_one_card_payment_is_charged_once_by_many_tries(person: AtOnce) -> None:
    created = await person.ask(
        CREATE, input={"amount": {"amountMinor": "900", "currency": "NOK"}, "idempotencyKey": "created-once"}
    )
    order = {"id": created["payment"]["id"], "paymentMethod": VISA, "returnTo": "/api/health/live"}

    payloads = await person.all_at_once(
        CONFIRM, [{**order, "idempotencyKey": f"tried-{n:04d}"} for n in range(AT_ONCE)]
    )

    assert set(codes_of(payloads)) <= {"INVALID_STATE", "IN_DOUBT"}
    assert "SETTLED" in {payload["payment"]["status"] for payload in payloads if payload["payment"] is not None}


ERRORS = "userErrors { code field message }"
BANK_LINK = "{ viewer { bankLinks(first: 1) { edges { node { id } } } } }"
PLAN = {"planId": "plan_plus", "paymentMethod": VISA, "idempotencyKey": "plan-for-once", "returnTo": "/api/health/live"}
UPLOAD = {"purpose": "RECEIPT", "fileName": "a.png", "contentType": "image/png", "sizeBytes": 8, "sha256": "0" * 64}
GOES_ON = """
    SELECT u.id, p.id, c.id FROM "user" u
    LEFT JOIN plan_subscription p ON p.user_id = u.id AND p.status <> 'ENDED'
    LEFT JOIN consent c ON c.user_id = u.id AND c.status IN ('ACTIVE', 'AWAITING_AUTHORISATION')
    WHERE u.deleted_at IS NOT NULL AND (p.id IS NOT NULL OR c.id IS NOT NULL)
"""
# Mutation, input type, what it gives, the input, what may be refused, and how many of all at once are not (None: any).
# `LINK` and `PAYMENT` stand for the person's own.
TABLE: list[tuple[str, str, dict[str, Any], set[str], int | None]] = [
    ("updateProfile", "user { id }", {"locale": "en-GB"}, set(), AT_ONCE),
    ("setNotificationPreferences", "user { id }", {"payments": False}, set(), AT_ONCE),
    ("connectBank", "bankLink { id }", {"bankId": "bank_nordea", "returnTo": "/api/health/live"}, set(), AT_ONCE),
    ("renewConsent", "bankLink { id }", {"bankLinkId": "LINK", "returnTo": "/api/health/live"}, set(), AT_ONCE),
    ("refreshBalances", "accounts { id }", {"bankLinkId": "LINK"}, set(), AT_ONCE),
    ("createUpload", "upload { id }", UPLOAD, {"INVALID_STATE"}, None),
    ("createPlanSubscription", "planSubscription { id }", PLAN, set(), AT_ONCE),
    ("cancelPlanSubscription", "planSubscription { id }", {"atPeriodEnd": False}, {"NOT_FOUND", "INVALID_STATE"}, None),
    ("cancelPayment", "payment { id }", {"id": "PAYMENT"}, {"INVALID_STATE"}, None),
    ("disconnectBank", "bankLink { id }", {"bankLinkId": "LINK"}, {"INVALID_STATE"}, 1),
]


async def test_whatever_is_asked_for_many_times_at_once_is_done_or_refused_in_words(person: AtOnce) -> None:
    link = (await person.ask(BANK_LINK))["bankLinks"]["edges"][0]["node"]["id"]
    await person.pay_by_card(0)
    made = await person.ask(
        CREATE, input={"amount": {"amountMinor": "900", "currency": "NOK"}, "idempotencyKey": "unpaid-payment"}
    )
    own = {"LINK": link, "PAYMENT": made["payment"]["id"]}
    for name, gives, given, refused, done in TABLE:
        query = (
            f"mutation($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) {{ {gives} {ERRORS} }} }}"
        )
        named = {field: own.get(value, value) if isinstance(value, str) else value for field, value in given.items()}

        payloads = await person.all_at_once(query, [named] * AT_ONCE)

        codes = codes_of(payloads)
        assert set(codes) <= refused, (name, codes)
        assert done is None or sum(codes.values()) == AT_ONCE - done, (name, codes)
        assert sum(codes.values()) < AT_ONCE, (name, codes)


async def test_many_wishes_for_an_export_give_one(person: AtOnce) -> None:
    query = f"mutation {{ requestDataExport {{ dataExport {{ id }} {ERRORS} }} }}"

    payloads = await person.all_at_once(query, [{}] * AT_ONCE)

    assert len({payload["dataExport"]["id"] for payload in payloads}) == 1


async def test_what_several_tabs_change_at_once_is_all_kept(person: AtOnce) -> None:
    set_preferences = (
        "mutation($input: SetNotificationPreferencesInput!) { setNotificationPreferences(input: $input) "
        f"{{ user {{ id }} {ERRORS} }} }}"
    )
    profile = f"mutation($input: UpdateProfileInput!) {{ updateProfile(input: $input) {{ user {{ id }} {ERRORS} }} }}"
    kinds = ("payments", "verification", "bankLinks", "security")
    for number in range(2 * ROUNDS):
        wanted = {kind: number % 2 == 1 for kind in kinds}
        spoken = {"locale": "en-GB" if number % 2 else "nb-NO"}
        sent = [(set_preferences, {kind: wanted[kind]}) for kind in kinds] + [(profile, spoken)]

        await person.together(*sent)

        found = await person.ask(f"{{ viewer {{ locale notificationPreferences {{ {' '.join(kinds)} }} }} }}")
        assert found == {**spoken, "notificationPreferences": wanted}


async def test_the_first_things_that_a_person_does_at_once_wait_for_one_another(running: Fleet) -> None:
    export = f"mutation {{ requestDataExport {{ dataExport {{ id }} {ERRORS} }} }}"
    async with httpx.AsyncClient(timeout=60) as http:
        person = AtOnce(running, http, random.Random(1))
        await person.sign_in()
        sent: list[tuple[str, dict[str, Any]]] = []
        for number in range(4):
            card = {"amount": {"amountMinor": "900", "currency": "NOK"}, "idempotencyKey": f"first-card-{number}"}
            sent += [(CREATE, card), (SUBSCRIBE, {**PLAN, "idempotencyKey": f"first-plan-{number}"}), (export, {})]

        payloads = await person.together(*sent)

    assert codes_of([payload for payload in payloads if payload is not None]) == {"INVALID_STATE": 3}


async def test_nobody_leaves_with_something_that_goes_on(running: Fleet) -> None:
    leave = f"mutation($input: DeleteAccountInput!) {{ deleteAccount(input: $input) {{ deletedAt {ERRORS} }} }}"
    for number in range(ROUNDS):
        async with httpx.AsyncClient(timeout=60) as http:
            person = AtOnce(running, http, random.Random(number))
            await person.sign_in()
            for wave in range(10):
                begun: list[tuple[str, dict[str, Any]]] = [
                    (CONNECT_BY_INPUT, {"bankId": "bank_dnb", "returnTo": "/api/health/live"}),
                    (SUBSCRIBE, {**PLAN, "idempotencyKey": f"leaving-{number}-{wave}"}),
                    (leave, {"confirm": True}),
                ]
                payloads = await person.together(*begun[3 * (wave % 2) :], (leave, {"confirm": True}))
                if any(payload is not None and payload.get("deletedAt") for payload in payloads):
                    break
            else:
                raise AssertionError("the person could not leave")
    engine = create_async_engine(async_url(running.database_url))
    async with engine.connect() as connection:
        goes_on = (await connection.execute(text(GOES_ON))).all()
    await engine.dispose()

    assert goes_on == []
