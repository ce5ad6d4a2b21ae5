"""Every example tab of GraphiQL works as it stands."""

import json
from itertools import count
from pathlib import Path
from typing import Any

from tests.api.test_subscription import events_of
from tests.builders.gateway import Play, Player

EXAMPLES = Path(__file__).parents[2] / "graphiql" / "examples"
PLACEHOLDERS = {
    "FIRST_ACCOUNT": "{ viewer { bankAccounts(first: 1) { edges { node { id } } } } }",
    "FIRST_CONNECTION": "{ viewer { bankConnections { id } } }",
    "LAST_PAYMENT": "{ viewer { payments(first: 1) { edges { node { id } } } } }",
}
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
    page = (await ingrid.ask(document, bank="bank_handelsbanken"))["connectBank"]["authorisationUrl"]
    await ingrid.press(page, "approve")
    assert (await example("07-accounts"))["bankAccounts"]["edges"][0]["node"]["available"] is True
    await example("08-refresh-balances")
    payment = (await example("09-pay"))["payment"]
    assert (await example("10-follow-payment"))["payment"]["status"] == "AUTHORISATION_REQUIRED"
    assert (await example("11-payments"))["payments"]["edges"][0]["node"]["id"] == payment["id"]
    assert (await example("12-cancel"))["payment"]["status"] == "CANCELLED"
    assert (await example("13-everything-live"))["subject"]["__typename"] == "User"
    await example("14-renew-consent")
    assert (await example("15-disconnect-bank"))["connection"]["status"] == "REVOKED"

    assert sorted(ran) == sorted(path.stem for path in EXAMPLES.glob("*.graphql"))
