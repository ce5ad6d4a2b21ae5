"""Bank payments from the wish to pay to the booking at the bank."""

from tests.builders.gateway import Play, a_payment, pay, payment_of


async def test_an_approved_payment_settles_and_the_history_says_why(play: Play) -> None:
    kari, account = await play.banked()

    payment = (await pay(kari, a_payment(account, amount_minor=12_345)))["payment"]
    assert payment["status"] == "AUTHORISATION_REQUIRED"
    await kari.press(payment["authorisationUrl"], "approve")
    await play.advance(seconds=1)

    settled = await payment_of(kari, payment["id"])
    assert settled["status"] == "SETTLED"
    assert [event["status"] for event in settled["history"]] == [
        "CREATED",
        "AUTHORISATION_REQUIRED",
        "PROCESSING",
        "SETTLED",
    ]
    assert [event["version"] for event in settled["history"]] == [1, 2, 3, 4]
    assert settled["history"][-1]["cause"].startswith("whk_")
    booked = {b["type"]: b["amount"]["amountMinor"] for b in settled["debtorAccount"]["balances"]}
    assert booked == {"BOOKED": str(4_825_050 - 12_345), "AVAILABLE": str(4_825_050 - 12_345)}
    assert [booking["amount"] for booking in await play.ledger()] == [12_345]
