"""A payment's way, told line by line: in the sandbox, by command, and behind the operators' token."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.triggers import TRIGGERS
from tests.api.test_commands import gateway
from tests.api.test_scenarios import ask
from tests.builders.cards import card_payment, confirm, create, paid, refund, subscribe
from tests.builders.gateway import PAY, Play, a_payment, connect, pay, payment_of, playing
from tests.builders.server import served
from tests.builders.sockets import events_of
from tests.conftest import NOON


async def lines(play: Play, payment: str) -> list[tuple[str, str, str]]:
    response = await play.browser().http.get(f"/api/operator/payments/{payment}/timeline")
    assert response.status_code == 200, response.text
    return [(one["kind"], one["summary"], one["outcome"]) for one in response.json()["events"]]


async def test_a_bank_payment_is_told_from_the_wish_to_the_push(play: Play) -> None:
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account)))["payment"]
    await kari.press(payment["authorisationUrl"], "approve")
    await play.advance(seconds=1)
    follow = "subscription($id: ID!, $after: String) { paymentUpdated(id: $id, after: $after) { cursor kind } }"
    await events_of(play, kari, follow, 1, id=payment["id"])

    told = await lines(play, payment["id"])

    assert told[0] == ("OPERATION", "initiatePayment", "answered")
    assert ("VENDOR_CALL", "open_banking: initiate", "answered") in told
    assert ("REDIRECT", "back from the bank's page", "the bank is asked") in told
    assert [outcome for kind, _, outcome in told if kind == "TRANSITION"] == [
        "CREATED",
        "AUTHORISATION_REQUIRED",
        "PROCESSING",
        "SETTLED",
    ]
    webhooks = [outcome for kind, summary, outcome in told if kind == "WEBHOOK" and summary.startswith("processed")]
    assert webhooks == ["the payment is PROCESSING already", "PROCESSING -> SETTLED"]


async def test_a_push_is_told(play: Play) -> None:
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account)))["payment"]["id"]
    follow = "subscription($id: ID!, $after: String) { paymentUpdated(id: $id, after: $after) { cursor kind } }"
    (first,) = await events_of(play, kari, follow, 1, id=payment)
    await kari.ask("mutation($id: ID!) { cancelPayment(input: {id: $id}) { payment { status } } }", id=payment)

    await events_of(play, kari, follow, 1, id=payment, after=first["cursor"])

    assert "PUSH" in [kind for kind, _, _ in await lines(play, payment)]


async def test_why_nothing_happened_is_told(play: Play) -> None:
    kari = await play.approved()
    given = {"amount": {"amountMinor": "12500", "currency": "NOK"}, "idempotencyKey": "timeline-key-1"}
    create_it = """mutation($input: CreateCardPaymentInput!) { createCardPayment(input: $input) {
      payment { id } userErrors { code } } }"""
    payment = (await ask(kari, create_it, "webhooks-wrongly-signed", input=given))["payment"]["id"]
    await confirm(kari, payment, "pm_card_visa_chargeDeclined")
    await play.settle()
    await kari.http.post("/sandbox/webhooks/1")
    late = await confirm(kari, payment, idempotencyKey="timeline-key-2")
    await kari.ask("mutation($id: ID!) { cancelPayment(input: {id: $id}) { userErrors { code } } }", id=payment)

    told = await lines(play, payment)

    assert late["payment"]["status"] == "SETTLED"
    assert ("WEBHOOK", "from stripe", "refused: The signature does not match the body.") in told
    assert ("OPERATION", "cancelPayment", "INVALID_STATE") in told
    assert ("TRANSITION", "version 3", "AUTHORISATION_REQUIRED, CARD_DECLINED") in told


async def test_a_lost_answer_and_a_repeated_webhook_are_told(play: Play) -> None:
    kari, account = await play.banked()
    payment = (await ask(kari, PAY, "answer-lost", input=a_payment(account)))["payment"]
    await play.advance(seconds=60)
    page = (await payment_of(kari, payment["id"]))["authorisationUrl"]
    await kari.press(page, "approve")
    await play.advance(seconds=1)
    for number in range(1, 6):
        await kari.http.post(f"/sandbox/webhooks/{number}")

    told = await lines(play, payment["id"])

    assert ("VENDOR_CALL", "open_banking: initiate", "no answer (VendorTrouble)") in told
    assert ("TRANSITION", "version 2", "CREATED, in doubt") in told
    assert ("JOB", "ask_bank", "done") in told
    assert ("WEBHOOK", "from openbanking", "stored before, answered again") in told


async def test_the_picture_shows_it_and_a_webhook_in_it_is_processed_again(play: Play) -> None:
    kari = await play.approved()
    payment = await paid(kari)
    await play.settle()

    page = await kari.http.get(f"/sandbox/timeline/{payment}")
    webhook = page.text.split('name="webhook" value="')[1].split('"')[0]
    again = await kari.http.post(f"/sandbox/timeline/{payment}/replay", data={"webhook": webhook})
    await play.settle()

    assert "card_payments: confirm" in page.text
    assert again.status_code == 303
    told = [outcome for kind, summary, outcome in await lines(play, payment) if summary == "processed, from stripe"]
    assert len(told) >= 2
    assert (await kari.http.get("/sandbox/timeline/pay_unknown")).status_code == 404


async def test_no_number_secret_or_name_is_in_a_timeline(play: Play) -> None:
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account, creditorName="Hemmelig Mottaker")))["payment"]
    card = await create(kari)
    await confirm(kari, card["payment"]["id"])

    for identifier in (payment["id"], card["payment"]["id"]):
        whole = json.dumps(await lines(play, identifier))
        for secret in ("Hemmelig", "32010020009", "_secret_", "Takk for kaffen", "pm_card"):
            assert secret not in whole


async def test_operators_need_their_token_where_one_is_set(database_url: str, tmp_path: Path) -> None:
    async with playing(database_url, tmp_path, NOON, machine_clock=None, operator_token="let-me-in") as play:
        kari = await play.approved()
        payment = await paid(kari)
        path = f"/api/operator/payments/{payment}/timeline"

        assert (await play.browser().http.get(path)).status_code == 401
        assert (await play.browser(authorization="Bearer wrong").http.get(path)).status_code == 401
        assert (await play.browser(authorization="Bearer let-me-in").http.get(path)).status_code == 200
        assert (await kari.http.get(f"/sandbox/timeline/{payment}")).status_code == 200


@pytest.mark.parametrize("event", TRIGGERS)
async def test_every_webhook_of_every_vendor_can_be_fired(play: Play, event: str) -> None:
    kari, account = await play.banked()
    await pay(kari, a_payment(account))
    payment = await paid(kari, 10_000)
    await refund(kari, payment, 100)
    await subscribe(kari)
    await kari.http.post("/sandbox/cards/disputes/pi_000001", data={"decision": "open"})
    await play.browser(**{"user-agent": "Another browser"}).sign_in()
    await play.advance(seconds=2)
    before = await card_payment(kari, payment)

    fired = await kari.http.post("/sandbox/trigger", data={"event": event}, headers={"accept": "application/json"})
    await play.settle()

    listed = (await kari.http.get("/api/operator/webhooks")).json()["webhooks"]
    (received,) = [one for one in listed if fired.json()["event_key"] in one["eventKey"]]
    assert received["status"] in ("PROCESSED", "IGNORED"), received
    assert (await card_payment(kari, payment))["status"] == before["status"]


async def test_a_webhook_is_fired_about_the_object_named(play: Play) -> None:
    kari = await play.approved()
    first, _ = await paid(kari), await paid(kari)
    json_please = {"accept": "application/json"}

    fired = await kari.http.post(
        "/sandbox/trigger", data={"event": "payment_intent.succeeded", "object": first}, headers=json_please
    )
    unknown = await kari.http.post("/sandbox/trigger", data={"event": "chaos"}, headers=json_please)
    nothing = await kari.http.post(
        "/sandbox/trigger", data={"event": "payment.status", "object": "pay_x"}, headers=json_please
    )

    assert fired.json()["about"] == "pi_000001"
    assert (unknown.status_code, nothing.status_code) == (404, 404)
    assert unknown.json()["code"] == "UNKNOWN_EVENT"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("timeline")) as url:
        yield url


@pytest.fixture(scope="module")
def payment(address: str) -> str:
    with httpx.Client(base_url=address, headers={"origin": address}, follow_redirects=True, timeout=30) as http:
        assert http.get("/auth/bankid/login?persona=kari&return_to=/api/health/live").status_code == 200

        def mutate(query: str, **variables: Any) -> Any:
            body = http.post("/graphql", json={"query": query, "variables": variables}).json()
            return next(iter(body["data"].values()))

        mutate("mutation { startKyc { kyc { status } } }")
        http.post("/api/mock/clock", data={"advance": "3s"})
        given = {"amount": {"amountMinor": "12500", "currency": "NOK"}, "idempotencyKey": "command-key"}
        create_it = """mutation($input: CreateCardPaymentInput!) { createCardPayment(input: $input) {
          payment { id } userErrors { code } } }"""
        identifier: str = mutate(create_it, input=given)["payment"]["id"]
        return identifier


class TestTheCommands:
    """Against a gateway in a process of its own."""

    def test_the_clock_is_shown_and_moved(self, address: str, tmp_path: Path) -> None:
        shown = gateway("clock", "show", "--url", address, "--json", folder=tmp_path)
        moved = gateway("clock", "advance", "2h", "--url", address, "--json", folder=tmp_path)
        wrong = gateway("clock", "advance", "soon", "--url", address, folder=tmp_path)

        ahead = json.loads(moved.stdout)["aheadSeconds"] - json.loads(shown.stdout)["aheadSeconds"]
        assert 7_190 < ahead <= 7_200  # the machine's clock ran on meanwhile
        assert "Give a duration such as 180d" in wrong.stderr

    def test_a_payments_events_are_shown_and_followed(self, address: str, payment: str, tmp_path: Path) -> None:
        shown = gateway("events", "show", payment, "--url", address, folder=tmp_path)
        tail = gateway("events", "tail", "--no-follow", "--json", "--url", address, folder=tmp_path)

        assert "OPERATION    createCardPayment: answered" in shown.stdout
        assert payment in [json.loads(line)["payment"] for line in tail.stdout.splitlines()]
        assert "Nothing is known" in gateway("events", "show", "pay_x", "--url", address, folder=tmp_path).stderr

    def test_a_webhook_is_fired_listed_and_processed_again(self, address: str, payment: str, tmp_path: Path) -> None:
        fired = gateway("trigger", "payment_intent.created", payment, "--url", address, folder=tmp_path)
        listed = gateway("webhooks", "list", "--json", "--url", address, folder=tmp_path)
        webhook = json.loads(listed.stdout)[0]
        again = gateway("webhooks", "replay", webhook["id"], "--url", address, folder=tmp_path)
        unknown = gateway("webhooks", "replay", "whk_x", "--url", address, folder=tmp_path)

        assert "stripe payment_intent.created about pi_000001" in fired.stdout
        assert "IGNORED: the payment is AUTHORISATION_REQUIRED already" in fired.stdout.replace("\n", " ")
        assert again.stdout == "Queued.\n"
        assert "There is no such webhook" in unknown.stderr
        assert "stripe       payment_intent.succeeded" in gateway("trigger", "list", folder=tmp_path).stdout

    def test_dead_messages_and_scenarios_are_listed(self, address: str, tmp_path: Path) -> None:
        dead = gateway("notifications", "list", "--json", "--url", address, folder=tmp_path)
        listed = json.loads(gateway("scenarios", "--json", folder=tmp_path).stdout)
        unknown = gateway("notifications", "replay", "ntf_x", "--url", address, folder=tmp_path)

        assert json.loads(dead.stdout) == []
        assert "insufficient-funds" in [one["header"] for one in listed["scenarios"]]
        assert "pm_card_visa" in [one["payment_method"] for one in listed["cards"]]
        assert "no dead message" in unknown.stderr


async def test_two_banks_do_not_mix(play: Play) -> None:
    kari, account = await play.banked()
    await connect(kari, "bank_dnb")
    first = (await pay(kari, a_payment(account)))["payment"]["id"]
    second = (await pay(kari, a_payment(account, amount_minor=700)))["payment"]["id"]

    assert len(await lines(play, first)) > 0
    assert not {"version 3"} & {summary for _, summary, _ in await lines(play, second)}
