"""Lists in pages, in both directions: payments, their history and refunds, a plan's invoices; and their cursors."""

import base64
from typing import Any

import pytest
from sqlalchemy import text

from tests.api.test_bank_payment import CANCEL
from tests.api.test_statements import statements
from tests.builders.cards import paid, refund, subscribe
from tests.builders.gateway import Play, Player, a_payment, nodes, pay

OF_A_PAYMENT = """query($id: ID!, $first: Int, $after: String, $last: Int, $before: String) { node(id: $id) {
  ... on Payment { list: %s(first: $first, after: $after, last: $last, before: $before) {
    edges { node { %s } cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } } }"""
OF_THE_PLAN = """query($first: Int, $after: String, $last: Int, $before: String) { node: viewer { plan {
  list: invoices(first: $first, after: $after, last: $last, before: $before) {
    edges { node { number createdAt } cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } } }"""
HISTORY, REFUNDS = OF_A_PAYMENT % ("history", "version at"), OF_A_PAYMENT % ("refunds", "id amount { amountMinor }")


async def page(player: Player, query: str, **arguments: object) -> Any:
    found = (await player.ask(query, **arguments))["node"]
    return found.get("plan", found)["list"]


async def refunded(play: Play, kari: Player) -> str:
    """The id of a payment of which 1, 2, 3, 4 and 5 kroner were given back."""
    payment = await paid(kari)
    for kroner in range(1, 6):
        await refund(kari, payment, kroner * 100)
        await play.advance(seconds=1)
    return payment


async def check_pages(player: Player, query: str, **of: object) -> list[Any]:
    """The whole list, which its pages make up from both ends."""
    whole = await page(player, query, first=100, **of)
    expected = nodes(whole)
    assert len(expected) >= 5
    assert (whole["pageInfo"]["hasNextPage"], whole["pageInfo"]["hasPreviousPage"]) == (False, False)

    forward: list[Any] = []
    after = None
    while len(forward) < len(expected):
        part = await page(player, query, first=2, after=after, **of)
        forward += nodes(part)
        after = part["pageInfo"]["endCursor"]
        assert part["pageInfo"]["hasNextPage"] is (len(forward) < len(expected))
    backward: list[Any] = []
    before = None
    while len(backward) < len(expected):
        part = await page(player, query, last=2, before=before, **of)
        backward = nodes(part) + backward
        before = part["pageInfo"]["startCursor"]
        assert part["pageInfo"]["hasPreviousPage"] is (len(backward) < len(expected))
    between = await page(
        player, query, first=9, after=whole["edges"][0]["cursor"], before=whole["edges"][3]["cursor"], **of
    )
    assert forward == backward == expected
    assert nodes(between) == expected[1:3]
    return expected


async def test_payments_are_listed_filtered_and_paged(play: Play) -> None:
    kari, account = await play.banked()
    ids = []
    for _ in range(5):
        ids.append((await pay(kari, a_payment(account)))["payment"]["id"])
        await play.advance(seconds=1)
    await kari.ask(CANCEL, id=ids[0])
    query = """query($first: Int, $after: String, $last: Int, $before: String, $filter: PaymentFilter,
      $orderBy: PaymentOrderBy! = NEWEST_FIRST) { viewer {
      payments(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {
        edges { node { id } cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""

    async def page(**variables: object) -> tuple[list[str], dict[str, object]]:
        found = (await kari.ask(query, **variables))["viewer"]["payments"]
        return [edge["node"]["id"] for edge in found["edges"]], found["pageInfo"]

    newest, info = await page(first=2)
    following, last_info = await page(first=3, after=info["endCursor"])
    oldest, _ = await page(first=2, orderBy="OLDEST_FIRST")
    cancelled, _ = await page(filter={"statuses": ["CANCELLED"]})
    back, back_info = await page(last=1, before=last_info["startCursor"])

    assert back == newest[-1:]
    assert (back_info["hasNextPage"], back_info["hasPreviousPage"]) == (True, True)
    assert newest + following == ids[::-1]
    assert (info["hasNextPage"], last_info["hasNextPage"], last_info["hasPreviousPage"]) == (True, False, True)
    assert oldest == ids[:2]
    assert cancelled == ids[:1]


async def test_a_cursor_is_good_for_its_list_filter_and_order_alone(play: Play) -> None:
    kari, account = await play.banked()
    for _ in range(2):
        await pay(kari, a_payment(account))

    async def cursor_of(field: str) -> str:
        viewer = (await kari.ask(f"{{ viewer {{ found: {field} {{ edges {{ cursor }} }} }} }}"))["viewer"]
        cursor: str = viewer["found"]["edges"][0]["cursor"]
        return cursor

    filtered = "filter: {statuses: [SETTLED, AUTHORISATION_REQUIRED]}"
    plain, narrow = await cursor_of("payments"), await cursor_of(f"payments({filtered})")
    of_accounts = await cursor_of("bankAccounts")
    again = "filter: {statuses: [AUTHORISATION_REQUIRED, SETTLED]}"

    assert await cursor_of(f'payments(after: "{plain}")')
    assert await cursor_of(f'payments(after: "{narrow}", {again})')
    for wrong in (
        f'after: "{plain}", {filtered}',
        f'after: "{narrow}"',
        f'before: "{plain}", orderBy: OLDEST_FIRST',
        f'after: "{of_accounts}"',
    ):
        code = await kari.error_code(f"{{ viewer {{ payments({wrong}) {{ edges {{ cursor }} }} }} }}")
        assert code == "INVALID_CURSOR", wrong


@pytest.mark.parametrize("arguments", ["first: 0", "first: 101", "first: -1", "first: 1, last: 1", 'after: "x"'])
async def test_a_page_that_cannot_be_is_an_error(play: Play, arguments: str) -> None:
    kari = await play.person()

    code = await kari.error_code(f"{{ viewer {{ payments({arguments}) {{ edges {{ cursor }} }} }} }}")

    assert code in ("BAD_USER_INPUT", "INVALID_CURSOR")


async def test_a_payments_history_and_refunds_come_oldest_first_in_pages(play: Play) -> None:
    kari = await play.approved()
    payment = await refunded(play, kari)
    await refunded(play, kari)

    history = await check_pages(kari, HISTORY, id=payment)
    refunds = await check_pages(kari, REFUNDS, id=payment)

    assert [event["version"] for event in history] == list(range(1, len(history) + 1))
    assert [one["amount"]["amountMinor"] for one in refunds] == ["100", "200", "300", "400", "500"]


async def test_a_plans_invoices_come_newest_first_in_pages(play: Play) -> None:
    kari = await play.approved()
    await subscribe(kari)
    await play.advance(days=150)

    invoices = await check_pages(kari, OF_THE_PLAN)

    made = [invoice["createdAt"] for invoice in invoices]
    assert made == sorted(made, reverse=True)


@pytest.mark.parametrize("query", [HISTORY, REFUNDS])
async def test_a_cursor_is_good_for_its_payment_and_list_alone(play: Play, query: str) -> None:
    kari = await play.approved()
    payment, other = await refunded(play, kari), await refunded(play, kari)
    cursor = (await page(kari, query, id=payment))["edges"][0]["cursor"]
    of_the_other_list = (await page(kari, REFUNDS if query is HISTORY else HISTORY, id=payment))["edges"][0]["cursor"]
    this_list = base64.b64decode(cursor).decode().partition("/")[0]
    places = [f"{this_list}/{place}" for place in ("", "9" * 30, "-1", "1/2", "x\0")]
    forged = [base64.b64encode(place.encode()).decode() for place in places]
    if query is REFUNDS:
        forged = [forged[0], *forged[3:]]  # Any text may be an id: there is none such, and the page is empty or whole.

    assert await kari.error_code(query, id=other, after=cursor) == "INVALID_CURSOR"
    for wrong in (of_the_other_list, *forged):
        assert await kari.error_code(query, id=payment, before=wrong) == "INVALID_CURSOR", wrong
    for beyond in ({"first": 101}, {"last": 0}, {"first": 1, "last": 1}):
        assert await kari.error_code(query, id=payment, **beyond) == "BAD_USER_INPUT"


async def test_a_cursor_of_an_ended_plan_is_none_of_the_next_plans(play: Play) -> None:
    kari = await play.approved()
    await subscribe(kari)
    cursor = (await page(kari, OF_THE_PLAN))["edges"][0]["cursor"]
    await kari.ask("mutation { cancelPlanSubscription(input: {atPeriodEnd: false}) { userErrors { code } } }")
    await subscribe(kari)

    assert await kari.error_code(OF_THE_PLAN, after=cursor) == "INVALID_CURSOR"


async def test_pages_of_many_payments_cost_one_statement_for_each_list(play: Play) -> None:
    kari = await play.approved()
    for _ in range(4):
        await refunded(play, kari)
    for _ in range(16):
        await paid(kari)
    query = """{ viewer { payments(first: 20) { edges { node { refundedAmount { amountMinor } refundStatus version
      receipt { issuedAt } history(first: 5) { edges { node { version } } }
      refunds(last: 2) { edges { node { amount { amountMinor } } } } } } } } }"""

    with statements(play) as seen:
        payments = nodes((await kari.ask(query))["viewer"]["payments"])

    assert [len(nodes(payment["history"])) for payment in payments] == [3] * 16 + [5] * 4
    assert [len(nodes(payment["refunds"])) for payment in payments] == [0] * 16 + [2] * 4
    assert {payment["refundedAmount"]["amountMinor"] for payment in payments} == {"0", "1500"}
    # The second reads when each settled. How much was given back is read with the payments, as of one moment.
    assert len([sql for sql in seen if "payment_event" in sql]) == 2, seen
    assert len([sql for sql in seen if "refund" in sql]) == 2, seen
    assert len([sql for sql in seen if "FROM payment" in sql]) == 3, seen


async def test_a_bank_link_shows_a_hundred_accounts_at_most(play: Play) -> None:
    kari, account = await play.banked()
    copied = """INSERT INTO bank_account (id, user_id, bank_link_id, bank_id, iban, currency, name, owner_name)
      SELECT :id, user_id, bank_link_id, bank_id, :iban, currency, name, owner_name FROM bank_account WHERE id = :of"""
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        rows = [{"id": f"{account}-{place:03}", "iban": f"NO{place}", "of": account} for place in range(120)]
        await connection.execute(text(copied), rows)

    viewer = (await kari.ask("{ viewer { bankLinks { edges { node { accounts { id } } } } } }"))["viewer"]

    ids = [one["id"] for one in nodes(viewer["bankLinks"])[0]["accounts"]]
    assert (len(ids), ids) == (100, sorted(ids))
