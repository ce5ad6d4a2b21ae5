"""An idempotency key is looked up before the input is judged: a repeat has the answer of the first request."""

from pathlib import Path
from typing import Any

from tests.api.test_cards import codes, holder, issue
from tests.builders.cards import confirm, create, key, paid, pay_plan, refund, subscribe
from tests.builders.gateway import Play, playing
from tests.conftest import NOON

ELSEWHERE = "https://elsewhere.example/"
ON: dict[str, Any] = {"feature_cardholders": True, "feature_virtual_cards": True}


async def test_a_repeat_is_answered_where_the_way_back_is_not_allowed_any_more(play: Play) -> None:
    kari = await play.approved()
    payment = (await create(kari))["payment"]["id"]
    confirming, subscribing, changing = key(), key(), key()
    confirmed = await confirm(kari, payment, idempotencyKey=confirming)
    subscribed = await subscribe(kari, idempotencyKey=subscribing)
    changed = await pay_plan(kari, idempotencyKey=changing)

    again = [
        (await confirm(kari, payment, idempotencyKey=confirming, returnTo=ELSEWHERE), confirmed, "payment"),
        (await subscribe(kari, idempotencyKey=subscribing, returnTo=ELSEWHERE), subscribed, "planSubscription"),
        (await pay_plan(kari, idempotencyKey=changing, returnTo=ELSEWHERE), changed, "planSubscription"),
    ]

    for repeated, first, name in again:
        assert codes(repeated) == []
        assert repeated[name]["id"] == first[name]["id"]


async def test_another_input_under_a_used_key_is_told_so_whatever_else_is_wrong_with_it(play: Play) -> None:
    kari = await play.approved()
    creating, confirming, refunding, subscribing, changing = (key() for _ in range(5))
    payment = (await create(kari, idempotencyKey=creating))["payment"]["id"]
    await confirm(kari, payment, idempotencyKey=confirming)
    await refund(kari, payment, 100, idempotencyKey=refunding)
    await subscribe(kari, idempotencyKey=subscribing)
    await pay_plan(kari, idempotencyKey=changing)

    answers = [
        await create(kari, -1, idempotencyKey=creating),
        await confirm(kari, payment, "no method", idempotencyKey=confirming),
        await refund(kari, "pay_01KB0000000000000000000000", idempotencyKey=refunding),
        await subscribe(kari, "no method", "no plan", idempotencyKey=subscribing),
        await pay_plan(kari, "no method", idempotencyKey=changing),
    ]

    assert [codes(answer) for answer in answers] == [["IDEMPOTENCY_KEY_REUSED"]] * len(answers)


async def test_a_repeat_of_a_refund_has_it_when_nothing_is_left_to_give_back(play: Play) -> None:
    kari, same = await play.approved(), key()
    payment = await paid(kari, 10_000)
    first = await refund(kari, payment, 4_000, idempotencyKey=same)
    await refund(kari, payment, 6_000)

    again = await refund(kari, payment, 4_000, idempotencyKey=same)

    assert again["refund"] == first["refund"]


async def test_a_card_that_was_issued_is_given_again_when_its_flag_is_off(database_url: str, tmp_path: Path) -> None:
    same = key()
    async with playing(database_url, tmp_path, NOON, **ON) as play:
        kari = await holder(play)
        first = await issue(kari, idempotencyKey=same)
        cookies = kari.http.cookies
    async with playing(database_url, tmp_path, NOON) as play:
        kari = play.browser()
        kari.http.cookies = cookies
        again, another = await issue(kari, idempotencyKey=same), await issue(kari)

    assert again["card"]["id"] == first["card"]["id"]
    assert codes(another) == ["FEATURE_DISABLED"]
