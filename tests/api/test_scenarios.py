"""Every row of the scenario file does what it says, chosen by header and by each magic value, on every rail."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from sandbox.scenarios import BANK, CARD, DELIVERY_FAULTS, FORGOTTEN, KYC, WEBHOOK_FIRST, Scenario, scenarios
from tests.builders.cards import CONFIRM, CREATE, VISA, card_payment, charges, key, paid
from tests.builders.gateway import PAY, Play, Player, a_payment, nodes, payment_of
from tests.builders.messages import notifications, reached_at

HEADER = "x-drop-scenario"
METHODS = "query($id: ID!) { node(id: $id) { ... on Payment { authorisation { methods { id name } } } } }"
CHOOSE = """mutation($id: ID!, $method: ID!) {
  choosePaymentApprovalMethod(input: {paymentId: $id, methodId: $method}) {
  payment { authorisation { kind challenge } } userErrors { code } } }"""
KYC_STATUS = "{ viewer { kyc { status retryRequired } } }"
OUTCOMES = [one for one in scenarios().values() if one.outcome]
# On one success and one failure of each rail.
ON_THE_WAY = [*sorted(DELIVERY_FAULTS), WEBHOOK_FIRST, "answer-lost"]


def of_rail(rail: str) -> list[Scenario]:
    return [one for one in OUTCOMES if rail in one.rails]


def magic(one: Scenario) -> list[tuple[Scenario, str]]:
    """The row with each way to choose it."""
    return [(one, way) for way in ("header", *one.chosen_by)]


def ways(rail: str, *names: str) -> list[Any]:
    return [
        pytest.param(one, way, id=f"{one.id} by {way}")
        for row in of_rail(rail)
        for one, way in magic(row)
        if way == "header" or way in names
    ]


async def ask(player: Player, query: str, scenario: str | None, **variables: object) -> Any:
    headers = {HEADER: scenario} if scenario else {}
    response = await player.http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
    body = response.json()
    assert "errors" not in body, body
    return next(iter(body["data"].values()))


def bank_input(account: str, one: Scenario, way: str) -> dict[str, Any]:
    changes: dict[str, dict[str, Any]] = {
        "amount_minor": {"amount": {"amountMinor": str(one.amount_minor), "currency": "NOK"}},
        "creditor": {"creditorAccount": one.creditor},
        "kid": {"kid": one.kid, "message": None},
    }
    return a_payment(account, **changes.get(way, {}))


async def pay_by_bank(
    play: Play, player: Player, given: dict[str, Any], scenario: str | None, *, approves: bool = True
) -> str:
    """Pay, approve where there is a page, and let everything happen; gives the payment's id."""
    payment = (await ask(player, PAY, scenario, input=given))["payment"]
    if payment["inDoubt"]:
        await play.advance(seconds=60)
        payment = {**payment, **await payment_of(player, payment["id"])}
    awaited = payment["authorisation"]
    if awaited and awaited["kind"] == "CHOICE":
        methods = (await player.ask(METHODS, id=payment["id"]))["node"]["authorisation"]["methods"]
        chosen = await ask(player, CHOOSE, None, id=payment["id"], method=methods[1]["id"])
        awaited = chosen["payment"]["authorisation"]
        assert (awaited["kind"], awaited["challenge"]) == ("DECOUPLED", "4711")
    if awaited and awaited["kind"] == "DECOUPLED":
        # At the bank's own app, which the sandbox plays.
        await player.press("/sandbox/bank/payments/obp-000001", "approve")
    elif awaited and approves:
        await player.press(awaited["url"], "approve")
    await play.advance(hours=2 if approves else 6)
    identifier: str = payment["id"]
    return identifier


async def pay_by_card(play: Play, player: Player, amount_minor: int, scenario: str | None) -> str:
    given = {"amount": {"amountMinor": str(amount_minor), "currency": "NOK"}, "idempotencyKey": key()}
    payment = (await ask(player, CREATE, scenario, input=given))["payment"]
    confirmation = {"id": payment["id"], "paymentMethod": VISA, "idempotencyKey": key()}
    await ask(player, CONFIRM, scenario, input=confirmation)
    await play.advance(hours=2)
    identifier: str = payment["id"]
    return identifier


@pytest.mark.parametrize(("one", "way"), ways(BANK, "amount_minor", "creditor", "kid", "persona"))
async def test_a_bank_payment_ends_as_its_row_says(play: Play, one: Scenario, way: str) -> None:
    persona = one.persona if way == "persona" and one.persona else "kari"
    player, account = await play.banked(persona)

    header = one.id if way == "header" else None
    given, approves = bank_input(account, one, way), one.outcome != FORGOTTEN
    payment = await pay_by_bank(play, player, given, header, approves=approves)

    ended = await payment_of(player, payment)
    assert (ended["status"], (ended["failure"] or {}).get("code")) == (one.status, one.failure)
    assert len(await play.ledger()) == (one.status == "SETTLED")


@pytest.mark.parametrize(("one", "way"), ways(CARD, "amount_minor"))
async def test_a_card_payment_ends_as_its_row_says(play: Play, one: Scenario, way: str) -> None:
    kari = await play.approved()

    amount = one.amount_minor if way == "amount_minor" and one.amount_minor else 12_500
    payment = await pay_by_card(play, kari, amount, one.id if way == "header" else None)

    ended = await card_payment(kari, payment)
    status, failure = one.card_status or one.status, one.card_failure or one.failure
    assert (ended["status"], (ended["failure"] or {}).get("code")) == (status, failure)
    assert len(await charges(play)) == (status == "SETTLED")


@pytest.mark.parametrize(("one", "way"), ways(KYC, "persona"))
async def test_a_verification_ends_as_its_row_says(play: Play, one: Scenario, way: str) -> None:
    player = await play.person(one.persona if way == "persona" and one.persona else "silje")

    await ask(player, "mutation { startKyc { kyc { status } } }", one.id if way == "header" else None)
    await play.advance(seconds=3)

    kyc = (await player.ask(KYC_STATUS))["viewer"]["kyc"]
    assert (kyc["status"], kyc["retryRequired"]) == (one.status, one.outcome == "retry")


@pytest.mark.parametrize("one", of_rail("email"), ids=lambda one: one.id)
async def test_a_mail_ends_as_its_row_says(play: Play, one: Scenario) -> None:
    kari = await play.approved()
    await reached_at(play, kari, email=str(one.address))
    await paid(kari)

    await play.advance(hours=1)

    assert ("order_confirmation", one.status) in await notifications(play)


@pytest.mark.parametrize("one", of_rail("sms"), ids=lambda one: one.id)
async def test_an_sms_ends_as_its_row_says(play: Play, one: Scenario) -> None:
    kari = await play.person()
    await reached_at(play, kari, phone=str(one.address))
    await play.browser(**{"user-agent": "Another browser"}).sign_in()

    await play.advance(hours=1)

    assert ("new_sign_in", one.status) in await notifications(play)


class TestOnTheWay:
    """Whatever happens to answers and webhooks, the outcome is the same, and money moves once."""

    @pytest.mark.parametrize("fault", ON_THE_WAY)
    @pytest.mark.parametrize(("decision", "status"), [("approve", "SETTLED"), ("refuse", "REJECTED")])
    async def test_a_bank_payment(self, play: Play, fault: str, decision: str, status: str) -> None:
        kari, account = await play.banked()
        payment = (await ask(kari, PAY, fault, input=a_payment(account)))["payment"]
        if payment["inDoubt"]:
            await play.advance(seconds=60)
            payment = {**payment, **await payment_of(kari, payment["id"])}
        await kari.press(payment["authorisationUrl"], decision)
        await play.advance(hours=9)

        ended = await payment_of(kari, payment["id"])
        assert ended["status"] == status
        assert len(await play.ledger()) == (status == "SETTLED")
        assert [event["version"] for event in nodes(ended["history"])] == list(range(1, ended["version"] + 1))

    @pytest.mark.parametrize("fault", ON_THE_WAY)
    @pytest.mark.parametrize(("method", "status"), [(VISA, "SETTLED"), ("pm_card_visa_chargeDeclined", "DECLINED")])
    async def test_a_card_payment(self, play: Play, fault: str, method: str, status: str) -> None:
        kari = await play.approved()
        given = {"amount": {"amountMinor": "12500", "currency": "NOK"}, "idempotencyKey": key()}
        payment = (await ask(kari, CREATE, fault, input=given))["payment"]

        confirmation = {"id": payment["id"], "paymentMethod": method, "idempotencyKey": key()}
        await ask(kari, CONFIRM, fault, input=confirmation)
        await play.advance(hours=9)

        ended = await card_payment(kari, payment["id"])
        if status == "SETTLED":
            assert ended["status"] == "SETTLED"
        else:
            assert (ended["status"], ended["failure"]["code"]) == ("AUTHORISATION_REQUIRED", "CARD_DECLINED")
        assert not ended["inDoubt"]
        assert len(await charges(play)) == (status == "SETTLED")

    @pytest.mark.parametrize("fault", ON_THE_WAY)
    @pytest.mark.parametrize(("persona", "status"), [("kari", "APPROVED"), ("per", "REJECTED")])
    async def test_a_verification(self, play: Play, fault: str, persona: str, status: str) -> None:
        player = await play.person(persona)

        await player.http.post(
            "/graphql", json={"query": "mutation { startKyc { kyc { status } } }"}, headers={HEADER: fault}
        )
        await ask(player, "mutation { startKyc { kyc { status } userErrors { code } } }", None)
        await play.advance(hours=2)

        assert (await player.ask(KYC_STATUS))["viewer"]["kyc"]["status"] == status


@pytest.mark.parametrize("fault", ["vendor-slow", "vendor-rate-limits", "vendor-fails"])
async def test_a_vendor_in_trouble_does_nothing_or_does_it_late(play: Play, fault: str) -> None:
    kari, account = await play.banked()

    payment = (await ask(kari, PAY, fault, input=a_payment(account)))["payment"]
    await play.advance(minutes=2)

    ended = await payment_of(kari, payment["id"])
    if fault == "vendor-slow":
        assert ended["status"] == "AUTHORISATION_REQUIRED"
    else:
        assert (ended["status"], ended["failure"]["code"]) == ("FAILED", "PROVIDER_UNAVAILABLE")
    assert await play.ledger() == []


@pytest.mark.parametrize("fault", ["vendor-slow", "vendor-rate-limits", "vendor-fails"])
async def test_a_card_vendor_in_trouble_charges_once_or_not_at_all(play: Play, fault: str) -> None:
    kari = await play.approved()
    given = {"amount": {"amountMinor": "12500", "currency": "NOK"}, "idempotencyKey": key()}
    payment = (await ask(kari, CREATE, None, input=given))["payment"]

    confirmation = {"id": payment["id"], "paymentMethod": VISA, "idempotencyKey": key()}
    await ask(kari, CONFIRM, fault, input=confirmation)
    await play.advance(minutes=2)

    ended = await card_payment(kari, payment["id"])
    if fault == "vendor-slow":
        assert ended["status"] == "SETTLED"
    else:
        assert (ended["status"], ended["failure"]["code"]) == ("AUTHORISATION_REQUIRED", "PROVIDER_UNAVAILABLE")
    assert not ended["inDoubt"]
    assert len(await charges(play)) == (ended["status"] == "SETTLED")


@pytest.mark.parametrize("fault", ["vendor-rate-limits", "vendor-fails"])
async def test_a_kyc_vendor_in_trouble_is_told_of_and_tried_again(play: Play, fault: str) -> None:
    kari = await play.person()
    start = "mutation { startKyc { kyc { status } userErrors { code message provider } } }"

    away = await ask(kari, start, fault)
    again = await ask(kari, start, None)

    assert [error["code"] for error in away["userErrors"]] == ["PROVIDER_UNAVAILABLE"]
    assert away["userErrors"][0]["provider"] == "KYC"
    assert away["userErrors"][0]["message"] == "Verifisering er utilgjengelig akkurat nå. Prøv igjen om litt."
    assert again["kyc"]["status"] == "PENDING"


async def test_an_unknown_scenario_is_named_and_the_known_ones_are_listed(play: Play) -> None:
    response = await play.browser().http.post("/graphql", json={"query": "{ plans { id } }"}, headers={HEADER: "chaos"})

    assert (response.status_code, response.json()["code"]) == (400, "UNKNOWN_SCENARIO")
    assert "insufficient-funds" in response.json()["detail"]


async def test_a_scenario_is_of_one_request_alone(play: Play) -> None:
    kari, account = await play.banked()

    refused = (await ask(kari, PAY, "declined", input=a_payment(account)))["payment"]
    taken = (await ask(kari, PAY, None, input=a_payment(account)))["payment"]

    assert (refused["status"], taken["status"]) == ("REJECTED", "AUTHORISATION_REQUIRED")


async def test_a_webhook_that_the_gateway_refuses_is_said(play: Play) -> None:
    kari = await play.approved()
    with capture_logs() as logs:
        await pay_by_card(play, kari, 100_00, "webhooks-wrongly-signed")

    refused = [line for line in logs if line["event"] == "webhook_not_delivered"]
    assert refused
    assert {(line["vendor"], line["status"], line["note"]) for line in refused} == {("stripe", 401, "Unauthorized")}
