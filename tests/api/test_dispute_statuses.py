"""The statuses of a dispute that Stripe knows at 2023-10-16, by each of ours: a move, or a stay with its reason."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import text

from tests.builders.at_stripe import at_stripe
from tests.builders.cards import card_payment, paid
from tests.builders.gateway import nodes

# An inquiry (`warning_`) that is closed has taken no money.
THEIRS: Final[Mapping[str, str]] = {
    "warning_needs_response": "NEEDS_RESPONSE",
    "warning_under_review": "UNDER_REVIEW",
    "warning_closed": "WON",
    "needs_response": "NEEDS_RESPONSE",
    "under_review": "UNDER_REVIEW",
    "won": "WON",
    "lost": "LOST",
}
_WON: Final = {status: ours for status, ours in THEIRS.items() if ours == "WON"}
MOVES: Final[Mapping[str | None, Mapping[str, str]]] = {
    None: THEIRS,
    # A bank may ask for more evidence, so that an open one moves either way.
    "NEEDS_RESPONSE": THEIRS,
    "UNDER_REVIEW": THEIRS,
    # Decided: an open one is an older answer, but the card's bank may decide anew.
    "WON": {"lost": "LOST"},
    # The money of a lost one may come back later.
    "LOST": _WON,
}
MOVED: Final = """INSERT INTO ledger_entry
    (id, kind, amount_minor, currency, vendor, vendor_object_id, moved_at, payment_id, dispute_id)
    SELECT 'led_2', 'DISPUTED', amount_minor, currency, 'stripe', vendor_dispute_id, created_at, payment_id, id
    FROM dispute"""


@pytest.mark.parametrize("ours", MOVES)
async def test_a_dispute_moves_or_stays_for_a_reason(database_url: str, tmp_path: Path, ours: str | None) -> None:
    reset = f"UPDATE dispute SET status = '{ours}'" if ours else "DELETE FROM dispute"
    steps = ["DELETE FROM ledger_entry WHERE kind <> 'CHARGED'", reset, *([MOVED] if ours == "LOST" else [])]
    seen, expected = {}, {}
    async with at_stripe(database_url, tmp_path) as stripe:
        kari = await stripe.approved()
        payment = await paid(kari, 10_000)
        await kari.http.post("/sandbox/cards/disputes/pi_000001", data={"decision": "open"})
        await stripe.play.settle()
        for theirs in THEIRS:
            async with stripe.play.gateway.infrastructure.database.write_engine.begin() as connection:
                for step in steps:
                    await connection.execute(text(step))
            before = await card_payment(kari, payment)
            stripe.vendor.words["dispute"] = theirs

            about = {"object": "dispute", "id": "dp_000001", "payment_intent": "pi_000001", "status": theirs}
            await stripe.tell("charge.dispute.updated", about)

            after = await card_payment(kari, payment)
            (shown,) = after["disputes"]
            events = len(nodes(after["history"])) - len(nodes(before["history"]))
            seen[theirs] = shown["status"], after["refundedAmount"]["amountMinor"], events
            then = MOVES[ours].get(theirs, ours)
            expected[theirs] = then, "10000" if then == "LOST" else "0", int(then != ours)

    assert seen == expected


async def test_an_odd_dispute_in_a_list_costs_itself_alone(database_url: str, tmp_path: Path) -> None:
    async with at_stripe(database_url, tmp_path) as stripe:
        kari = await stripe.approved()
        payment = await paid(kari, 10_000)
        stripe.vendor.more["disputes"] = [{"id": "dp_odd", "object": "dispute", "status": "lost", "amount": None}]
        await kari.http.post("/sandbox/cards/disputes/pi_000001", data={"decision": "open"})
        await stripe.play.settle()

        assert [one["status"] for one in (await card_payment(kari, payment))["disputes"]] == ["NEEDS_RESPONSE"]
