"""What front ends ask is answered by plans: the dashboard with texts, searches, objects by id, and the examples."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.test_plans import DASHBOARD, compared, with_payments
from tests.builders.gateway import Play, playing
from tests.conftest import NOON

EXAMPLES = Path(__file__).resolve().parents[2] / "graphiql" / "examples"
COVERED = ("01-who-am-i", "07-accounts", "11-payments", "21-what-there-is", "29-my-things")


@pytest.fixture
async def both(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    """Each document is answered by its plan and by graphql-core, and a difference is an error."""
    async with playing(database_url, tmp_path, NOON, graphql_plans="compare", graphql_cost="measure") as play:
        yield play


async def test_the_dashboard_with_texts_is_the_same_by_its_plan(both: Play) -> None:
    kari = await with_payments(both, 3)
    texts = DASHBOARD.replace("amountMinor", "amountMinor formatted english: formatted(locale: $locale)")
    asked = texts.replace("status", "status failure { code message } refundStatus returned { bookedOn }")

    found = await compared(
        kari, asked.replace("$first: Int!", "$first: Int!, $locale: String"), first=3, locale="en-GB"
    )

    amounts = [edge["node"]["amount"] for edge in found["viewer"]["payments"]["edges"]]
    assert [amount["english"] for amount in amounts] == ["NOK\xa01.02", "NOK\xa01.01", "NOK\xa01.00"]


async def test_what_is_searched_and_filtered_is_the_same_by_its_plan(both: Play) -> None:
    kari = await with_payments(both, 3)
    await with_payments(both, 1, "silje")
    query = """query($text: String, $order: PaymentOrderBy, $after: String) { viewer { vendorMoves { id }
      transactions(first: 3, filter: {text: $text, direction: OUT}) { pageInfo { hasNextPage endCursor }
        edges { cursor node { id bookingDate amount { formatted } counterpartyName } } }
      payments(first: 2, after: $after, filter: {rails: [BANK]}, orderBy: $order) { pageInfo { hasNextPage endCursor }
        edges { cursor node { id status amount { amountMinor } creditor { name } failure { message } } } } } }"""

    found = (await compared(kari, query, order="OLDEST_FIRST"))["viewer"]
    cursor = found["payments"]["pageInfo"]["endCursor"]
    later = (await compared(kari, query, order="OLDEST_FIRST", after=cursor))["viewer"]
    refused = await kari.error_code(query, order="NEWEST_FIRST", after=cursor)
    again = await compared(kari, query, order="NEWEST_FIRST", text="no such line")

    amounts = [edge["node"]["amount"]["amountMinor"] for page in (found, later) for edge in page["payments"]["edges"]]
    assert amounts == ["100", "101", "102"] and found["transactions"]["edges"]
    assert (refused, again["viewer"]["transactions"]["edges"]) == ("INVALID_CURSOR", [])


async def test_an_object_by_its_id_is_the_same_by_its_plan(both: Play) -> None:
    kari, silje = await with_payments(both, 1), await with_payments(both, 1, "silje")
    first = "{ viewer { bankLinks { edges { node { id } } } payments { edges { node { id debtorAccount { id } } } } } }"
    mine, other = [(await person.ask(first))["viewer"] for person in (kari, silje)]
    asked = """query($payment: ID!, $account: ID!, $link: ID!) { viewer { payment(id: $payment) { id status }
      bankAccount(id: $account) { id iban } bankLink(id: $link) { id status } upload(id: $payment) { id } }
      node(id: $payment) { id __typename ... on Payment { amount { formatted } debtorAccount { id } } } }"""

    def ids_of(viewer: Any) -> dict[str, str]:
        payment = viewer["payments"]["edges"][0]["node"]
        link = viewer["bankLinks"]["edges"][0]["node"]["id"]
        return {"payment": payment["id"], "account": payment["debtorAccount"]["id"], "link": link}

    found = await compared(kari, asked, **ids_of(mine))
    another = await compared(kari, asked, **ids_of(other))
    none = await compared(kari, asked, **{name: given[:-1] + "!" for name, given in ids_of(mine).items()})
    account = await compared(kari, "query($id: ID!) { node(id: $id) { id } }", id=ids_of(mine)["account"])

    assert found["node"]["__typename"] == "Payment" and found["viewer"]["bankAccount"]["iban"]
    assert another == none == {"viewer": dict.fromkeys(found["viewer"]), "node": None}
    assert account["node"] is not None


async def test_ids_of_nothing_take_no_plan_of_a_document_from_others(both: Play) -> None:
    kari = await with_payments(both, 1)
    payments = (await kari.ask("{ viewer { payments { edges { node { id } } } } }"))["viewer"]["payments"]
    asked = "query($id: ID!) { node(id: $id) { id } }"

    for number in range(20):
        assert await kari.ask(asked, id=f"kind{number}_1") == {"node": None}
    await compared(kari, asked, id=payments["edges"][0]["node"]["id"])


@pytest.mark.parametrize("name", COVERED)
async def test_an_example_is_the_same_by_its_plan(both: Play, name: str) -> None:
    kari = await with_payments(both, 1)

    await compared(kari, (EXAMPLES / f"{name}.graphql").read_text())


async def test_an_example_that_reads_has_a_plan() -> None:
    reading = {path.stem for path in EXAMPLES.glob("*.graphql") if "query " in path.read_text().split("{")[0]}

    # The banks are read at a vendor, once in an hour.
    assert reading - {"05-banks"} == set(COVERED)
