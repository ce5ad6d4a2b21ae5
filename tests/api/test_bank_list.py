"""The list of banks: an older one is shown while it cannot be read."""

import time

from tests.builders.gateway import Play
from tests.builders.line import Line

BANKS = '{ banks(country: "NO") { id } }'
HOUR_S = 3_600


async def test_an_older_list_is_shown_for_a_day_while_it_cannot_be_read(play: Play) -> None:
    kari = await play.person()
    bank_list = play.gateway.services.bank_list
    listed = await kari.ask(BANKS)
    Line(play.gateway.sandbox).is_silent_to(b"/bank/banks")

    bank_list._now = lambda: time.monotonic() + 2 * HOUR_S
    shown = await kari.ask(BANKS)
    bank_list._now = lambda: time.monotonic() + 25 * HOUR_S
    refused = (await kari.post(BANKS)).json()

    assert len(listed["banks"]) == 5
    assert shown == listed
    assert refused["errors"][0]["extensions"]["code"] == "PROVIDER_UNAVAILABLE"
