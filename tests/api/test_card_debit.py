"""Payment methods whose outcome comes days after they were taken, such as a debit of a bank account."""

from tests.builders.cards import VISA, card_payment, charges, confirm, create
from tests.builders.gateway import Play, nodes

DEBIT, RETURNED = "pm_sandbox_debit", "pm_sandbox_debitFails"


async def test_a_debit_is_under_way_for_days_and_settles(play: Play) -> None:
    kari = await play.approved()
    payment = (await create(kari))["payment"]["id"]

    taken = (await confirm(kari, payment, DEBIT))["payment"]
    await play.advance(hours=36)
    waiting = await card_payment(kari, payment)
    await play.advance(days=1)

    assert (taken["status"], waiting["status"]) == ("PROCESSING", "PROCESSING")
    assert (await card_payment(kari, payment))["status"] == "SETTLED"
    assert len(await charges(play)) == 1


async def test_a_debit_that_comes_back_leaves_the_payment_unpaid_and_it_ends(play: Play) -> None:
    kari = await play.approved()
    payment = (await create(kari))["payment"]["id"]
    await confirm(kari, payment, RETURNED)

    await play.advance(days=3)
    ended = await card_payment(kari, payment)
    again = await confirm(kari, payment, VISA)

    steps = [(step["status"], (step["failure"] or {}).get("code")) for step in nodes(ended["history"])]
    assert steps[-3:] == [
        ("PROCESSING", None),
        ("AUTHORISATION_REQUIRED", "INSUFFICIENT_FUNDS"),
        ("EXPIRED", "AUTHORISATION_EXPIRED"),
    ]
    assert [error["code"] for error in again["userErrors"]] == ["INVALID_STATE"]
    assert await charges(play) == []
