"""Every example tab of GraphiQL works as it stands."""

import json
import re
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema

from tests.api.test_upload import put
from tests.builders.gateway import Play, Player, a_payment, first_account, nodes, pay, playing
from tests.builders.messages import texts
from tests.builders.sockets import events_of
from tests.conftest import NOON

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "graphiql" / "examples"
# The one file that stands in two languages: what GraphiQL's button puts.
EXAMPLE_FILE = json.loads(
    re.search(r"EXAMPLE_FILE = (\".*\");", (ROOT / "graphiql" / "src" / "main.jsx").read_text()).group(1)  # type: ignore[union-attr]
).encode()
PLACEHOLDERS = {
    "FIRST_ACCOUNT": "{ viewer { bankAccounts(first: 1) { edges { node { id } } } } }",
    "FIRST_BANK_LINK": "{ viewer { bankLinks { edges { node { id } } } } }",
    "LAST_PAYMENT": "{ viewer { payments(first: 1) { edges { node { id } } } } }",
    "LAST_UPLOAD": "{ viewer { uploads(first: 1) { edges { node { id } } } } }",
    "LAST_CARD": "{ viewer { cards { edges { node { id } } } } }",
    "LAST_SESSION": "{ viewer { sessions { edges { node { id } } } } }",
}
# A move to another vendor is there where an operator has begun one.
NEED_A_MOVE = {"consentToVendorMove", "withdrawVendorMoveConsent"}
_KEYS = count(1)


def first_id(value: Any) -> str | None:
    if isinstance(value, dict):
        return value.get("id") or next((found for inner in value.values() if (found := first_id(inner))), None)
    if isinstance(value, list):
        return next((found for inner in value if (found := first_id(inner))), None)
    return None


async def filled(player: Player, value: Any) -> Any:
    """As GraphiQL fills the placeholders in."""
    if value == "NEW_KEY":
        return f"example-key-{next(_KEYS)}"
    if isinstance(value, str) and value in PLACEHOLDERS:
        return first_id(await player.ask(PLACEHOLDERS[value]))
    if isinstance(value, dict):
        return {name: await filled(player, inner) for name, inner in value.items()}
    return value


async def run(play: Play, player: Player, name: str) -> Any:
    document = (EXAMPLES / f"{name}.graphql").read_text()
    variables_file = EXAMPLES / f"{name}.json"
    variables = json.loads(variables_file.read_text()) if variables_file.exists() else {}
    variables = await filled(player, variables)
    if "subscription " in document:
        return (await events_of(play, player, document, 1, **variables))[0]
    (payload,) = (await player.ask(document, **variables)).values()
    return payload


@pytest.fixture
async def play(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    """A gateway with every card flag on."""
    on: dict[str, Any] = {"feature_cardholders": True, "feature_virtual_cards": True, "feature_physical_cards": True}
    async with playing(database_url, tmp_path, NOON, machine_clock=None, **on) as play:
        yield play


def test_every_mutation_has_an_example() -> None:
    schema = build_schema((ROOT / "schema" / "schema.graphql").read_text())
    documents = "".join(path.read_text() for path in EXAMPLES.glob("*.graphql"))

    assert schema.mutation_type is not None
    assert {name for name in schema.mutation_type.fields if f"  {name}" not in documents} == NEED_A_MOVE


async def test_the_examples_play_the_whole_product_in_their_order(play: Play) -> None:
    ran: list[str] = []
    ingrid = await play.person("ingrid")

    async def example(name: str) -> Any:
        ran.append(name)
        payload = await run(play, ingrid, name)
        assert not (isinstance(payload, dict) and payload.get("userErrors")), (name, payload)
        return payload

    assert (await example("01-who-am-i"))["name"] == "Ingrid Berg"
    await example("02-start-kyc")
    await play.advance(seconds=3)
    assert (await example("03-follow-kyc"))["kyc"]["retryRequired"] is True
    await example("04-retry-kyc")
    await play.advance(seconds=3)
    assert len(await example("05-banks")) == 5
    # Ingrid's accounts are at another bank than the example's.
    ran.append("06-connect-bank")
    document = (EXAMPLES / "06-connect-bank.graphql").read_text()
    page = (await ingrid.ask(document, bank="bank_handelsbanken"))["connectBank"]["authorisation"]["url"]
    await ingrid.press(page, "approve")
    assert (await example("07-accounts"))["bankAccounts"]["edges"][0]["node"]["available"] is True
    await example("08-refresh-balances")
    payment = (await example("09-pay"))["payment"]
    assert (await example("10-follow-payment"))["payment"]["status"] == "AUTHORISATION_REQUIRED"
    assert (await example("11-payments"))["payments"]["edges"][0]["node"]["id"] == payment["id"]
    assert (await example("12-cancel"))["payment"]["status"] == "CANCELLED"
    assert (await example("13-everything-live"))["type"] == "VIEWER"
    await example("14-renew-consent")
    renewing, link = (EXAMPLES / "14-renew-consent.graphql").read_text(), await filled(ingrid, "FIRST_BANK_LINK")
    choice = {"query": renewing, "variables": {"bankLink": link}}
    await ingrid.http.post("/graphql", json=choice, headers={"x-drop-scenario": "choice"})
    assert (await example("40-choose-consent-method"))["authorisation"]["kind"] == "DECOUPLED"
    await pay(ingrid, a_payment(await first_account(ingrid), 10_007))
    chosen = (await example("39-choose-payment-method"))["payment"]
    assert chosen["authorisation"]["kind"] == "DECOUPLED"
    assert (await example("15-disconnect-bank"))["bankLink"]["status"] == "REVOKED"
    assert (await example("16-update-profile"))["user"]["address"]["normalised"] is True
    ran.append("41-confirm-contact")
    document = (EXAMPLES / "41-confirm-contact.graphql").read_text()
    await play.settle()
    (code,) = re.findall(r"Koden din er (\d{6}).*?; Drop", await texts(play))
    confirmed = (await ingrid.ask(document, input={"kind": "EMAIL", "code": code}))["confirmContact"]
    assert (confirmed["user"]["email"], confirmed["userErrors"]) == ("kari@example.no", [])
    await example("17-notification-preferences")
    await example("18-card-payment")
    assert (await example("19-confirm-card"))["payment"]["status"] == "SETTLED"
    assert (await example("20-refund"))["payment"]["refundStatus"] == "PARTIAL"
    ran.append("21-what-there-is")
    everything = await ingrid.ask((EXAMPLES / "21-what-there-is.graphql").read_text())
    assert len(everything["plans"]) == 3
    assert (await example("22-subscribe"))["planSubscription"]["status"] == "ACTIVE"
    assert (await example("23-cancel-plan"))["planSubscription"]["cancelAtPeriodEnd"] is True
    assert (await example("24-resume-plan"))["planSubscription"]["cancelAtPeriodEnd"] is False
    assert (await example("38-update-plan-payment-method"))["planSubscription"]["status"] == "ACTIVE"
    created = await example("25-create-upload")
    assert (await put(play, created["target"], EXAMPLE_FILE)).status_code == 200
    assert (await example("26-complete-upload"))["upload"]["status"] == "STORED"
    assert (await example("35-follow-upload"))["upload"]["status"] == "STORED"
    assert (await example("27-delete-upload"))["upload"]["status"] == "DELETED"
    await example("28-data-export")
    await play.settle()
    assert nodes((await example("29-my-things"))["dataExports"])[0]["status"] == "READY"
    await example("30-create-cardholder")
    assert (await example("31-issue-card"))["card"]["status"] == "ACTIVE"
    assert (await example("32-freeze-card"))["card"]["status"] == "FROZEN"
    assert (await example("33-unfreeze-card"))["card"]["status"] == "ACTIVE"
    assert (await example("34-cancel-card"))["card"]["status"] == "CANCELLED"
    assert (await example("36-end-session"))["session"]["endedAt"]
    await ingrid.sign_in("ingrid")
    assert (await example("37-end-all-sessions"))["count"] == 1
    await ingrid.sign_in("ingrid")
    assert (await example("99-delete-account"))["deletedAt"]

    assert sorted(ran) == sorted(path.stem for path in EXAMPLES.glob("*.graphql"))
