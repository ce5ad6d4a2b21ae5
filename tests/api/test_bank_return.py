"""A return from a bank's page counts for the user who went there, whoever holds the link to that page."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from db.tables.all import METADATA
from tests.api.test_bank_link import bank_links, consent_page
from tests.api.test_login import app_tokens, bearer
from tests.builders.gateway import BASE, CONNECT, Play, Player, a_payment, pay, payment_of, playing, query_of
from tests.builders.odd_banks import odd_bank
from tests.builders.sandbox import MovedClock
from tests.conftest import NOON

CALLBACK = "/api/openbanking/callback"
TRAIL = METADATA.tables["audit_event"]
HTML = {"accept": "text/html"}


async def approve(somebody: Player, page: str) -> str:
    """Approve on the bank's page. Gives where the bank then sends the browser."""
    shown = (await somebody.http.get(page)).text
    form = {"decision": "approve"}
    if 'name="account" value="' in shown:
        form["account"] = shown.split('name="account" value="')[1].split('"')[0]
    response = await somebody.http.post(page, data=form)
    assert response.status_code == 303
    return response.headers["location"]


async def statuses(player: Player) -> list[object]:
    return [link["status"] for link in await bank_links(player)]


async def refusals(play: Play) -> list[str]:
    query = text("SELECT detail FROM audit_event WHERE action = 'bank_return_refused'")
    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        return [str(detail) for (detail,) in await connection.execute(query)]


async def consent_at_bank(play: Play) -> str:
    document: dict[str, Any] = (await play.gateway.sandbox.get("/bank/consents/cons-000001")).json()
    return str(document["consentStatus"])


async def test_a_victim_who_approves_at_an_attackers_link_connects_nothing(play: Play) -> None:
    attacker, victim = await play.person("kari"), await play.person("ola")
    page = await consent_page(attacker)

    back = await approve(victim, page)
    await play.settle()
    before_return = await statuses(attacker)
    refused = await victim.http.get(back, headers=HTML)
    await play.settle()

    assert before_return == ["AWAITING_AUTHORISATION"]
    assert refused.status_code == 403
    assert "startet av en annen bruker" in refused.text
    (link,) = await bank_links(attacker)
    assert (link["status"], link["endedBecause"], link["accounts"]) == ("REJECTED", "NOT_CONFIRMED", [])
    assert await statuses(victim) == []
    assert await consent_at_bank(play) in ("revokedByPsu", "terminatedByTpp")
    assert len(await refusals(play)) == 1


async def test_an_attacker_who_opens_the_way_back_early_gains_nothing_by_it(play: Play) -> None:
    attacker, victim = await play.person("kari"), await play.person("ola")
    page = await consent_page(attacker)
    back = await approve(victim, page)
    await attacker.browse(back)

    refused = await victim.http.get(back)
    await play.settle()

    assert refused.json()["code"] == "FORBIDDEN"
    assert await statuses(attacker) == ["REVOKED"]
    assert [account["available"] for account in (await bank_links(attacker))[0]["accounts"]] == [False]  # type: ignore[attr-defined]


async def test_no_code_of_somebody_elses_return_is_exchanged(database_url: str, tmp_path: Path) -> None:
    async with odd_bank("open_payments", database_url, tmp_path) as bank:
        victim = await bank.play.person("ola")
        url = (await bank.kari.ask(CONNECT, bank=bank.bank_id))["connectBank"]["authorisationUrl"]
        back = await bank.back_from(url)

        refused = await victim.http.get(back)
        await bank.pass_time(seconds=1)
        exchanged = set(bank.face.exchanged)
        link = await bank.link()

    assert refused.status_code == 403
    assert exchanged == set()
    assert (link["status"], link["accounts"]) == ("REJECTED", [])


async def test_who_was_signed_out_meanwhile_signs_in_and_is_connected(play: Play) -> None:
    kari = await play.person()
    back = await approve(kari, await consent_page(kari))
    await kari.http.post("/auth/logout", headers={"x-drop-csrf": "1"})

    to_bankid = await kari.http.get(back, headers=HTML)
    login = await kari.browse(to_bankid.headers["location"])
    done = await kari.http.post(str(login.url), data={"who": "kari"}, follow_redirects=True)

    assert to_bankid.headers["location"].startswith("/auth/bankid/login?")
    assert query_of(str(done.url))["outcome"] == "approved"
    assert await statuses(kari) == ["ACTIVE"]


async def test_who_signs_in_as_somebody_else_ends_it(play: Play) -> None:
    attacker = await play.person("kari")
    victim = play.browser(**HTML)
    back = await approve(victim, await consent_page(attacker))

    login = await victim.browse(back)
    refused = await victim.http.post(str(login.url), data={"who": "ola"}, follow_redirects=True)
    await play.settle()

    assert refused.status_code == 403
    assert await statuses(attacker) == ["REJECTED"]
    assert len(await refusals(play)) == 1


async def test_what_nobody_signs_in_for_is_ended_after_ten_minutes(play: Play) -> None:
    attacker = await play.person("kari")
    victim = play.browser(**HTML)
    back = await approve(victim, await consent_page(attacker))
    to_bankid = await victim.http.get(back)

    await play.advance(minutes=9)
    while_kept = await statuses(attacker)
    await play.advance(minutes=2)

    assert while_kept == ["AWAITING_AUTHORISATION"]
    assert await statuses(attacker) == ["REJECTED"]
    assert await consent_at_bank(play) in ("revokedByPsu", "terminatedByTpp")
    too_late = await attacker.http.get(query_of(to_bankid.headers["location"])["return_to"])
    assert query_of(too_late.headers["location"])["outcome"] == "refused"


async def test_a_return_late_in_the_pages_time_is_waited_for(play: Play) -> None:
    kari = await play.person()
    page = await consent_page(kari)
    await play.advance(minutes=14)
    back = await approve(kari, page)
    await kari.http.post("/auth/logout", headers={"x-drop-csrf": "1"})
    to_bankid = await kari.http.get(back, headers=HTML)
    await play.advance(minutes=4)

    await kari.sign_in()
    await kari.browse(query_of(to_bankid.headers["location"])["return_to"])

    assert await statuses(kari) == ["ACTIVE"]


async def test_a_browser_that_comes_back_signed_out_again_gets_a_page(play: Play) -> None:
    kari = await play.person()
    back = await approve(kari, await consent_page(kari))
    await kari.http.post("/auth/logout", headers={"x-drop-csrf": "1"})
    kept = query_of((await kari.http.get(back, headers=HTML)).headers["location"])["return_to"]

    page = await kari.http.get(kept, headers=HTML)
    program = await kari.http.get(kept, headers={"accept": "application/json"})
    again = await kari.http.get(back, headers={"accept": "application/json"})

    assert (page.status_code, program.status_code, again.status_code) == (401, 401, 401)
    assert 'href="/auth/bankid/login?return_to=' in page.text
    assert program.json()["code"] == again.json()["code"] == "UNAUTHENTICATED"


async def test_an_hour_later_the_way_back_leads_its_own_user_alone(play: Play) -> None:
    kari, ola = await play.person(), await play.person("ola")
    back = await approve(kari, await consent_page(kari))
    first = await kari.http.get(back)
    await play.advance(hours=1)

    again, other, nobody = [await player.http.get(back) for player in (kari, ola, play.browser())]

    assert again.headers["location"] == first.headers["location"]
    assert (other.status_code, nobody.status_code) == (404, 404)
    assert await statuses(kari) == ["ACTIVE"]


async def redeemed(app: Player, code: str) -> tuple[int, dict[str, Any]]:
    response = await app.http.post("/api/openbanking/return", data={"code": code})
    return response.status_code, response.json()


async def test_an_app_completes_with_its_token_what_its_link_brings(play: Play) -> None:
    kari = await play.approved()
    app = bearer(play, (await app_tokens(kari))["access_token"])
    browser = play.browser()

    back = await approve(browser, await consent_page(app))
    link = (await browser.http.get(back)).headers["location"]
    before = await statuses(app)
    code = query_of(link)["returnCode"]
    first, second = await redeemed(app, code), await redeemed(app, code)

    assert before == ["AWAITING_AUTHORISATION"]
    assert first == second
    status, told = first
    assert (status, told["outcome"], told["bankLink"]) == (200, "approved", query_of(link)["bankLink"])
    assert await statuses(app) == ["ACTIVE"]


async def test_another_users_app_ends_what_its_link_brings(play: Play) -> None:
    attacker = bearer(play, (await app_tokens(play.browser()))["access_token"])
    ola = play.browser()
    await ola.sign_in("ola")
    victim = bearer(play, (await app_tokens(ola, "ola"))["access_token"])
    back = await approve(ola, await consent_page(attacker))
    code = query_of((await ola.http.get(back)).headers["location"])["returnCode"]

    status, problem = await redeemed(victim, code)
    await play.settle()

    assert (status, problem["code"]) == (403, "FORBIDDEN")
    assert await statuses(attacker) == ["REJECTED"]
    assert (await redeemed(attacker, code))[1]["outcome"] == "refused"


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [({}, 400, "INVALID_CODE"), ({"code": "unknown"}, 404, "NOT_FOUND"), ({"code": "\0"}, 404, "NOT_FOUND")],
)
async def test_a_code_that_is_none_says_so(play: Play, form: dict[str, str], status: int, code: str) -> None:
    app = bearer(play, (await app_tokens(play.browser()))["access_token"])

    answer = await app.http.post("/api/openbanking/return", data=form)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await play.browser().http.post("/api/openbanking/return", data=form)).status_code == 401


async def test_a_payment_that_somebody_else_comes_back_from_is_theirs_to_see_no_more(play: Play) -> None:
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account)))["payment"]
    ola = await play.person("ola")
    back = await approve(kari, payment["authorisationUrl"])

    for _ in range(3):
        other = await ola.http.get(back)
    own = await kari.http.get(back)
    await play.advance(seconds=30)

    assert other.status_code == 403
    assert query_of(own.headers["location"])["payment"] == payment["id"]
    assert (await payment_of(kari, payment["id"]))["status"] == "SETTLED"
    assert len(await refusals(play)) == 1


async def test_a_refused_return_is_dated_by_the_machines_clock(database_url: str, tmp_path: Path) -> None:
    machine = NOON + timedelta(days=3)
    async with playing(database_url, tmp_path, NOON, machine_clock=MovedClock(machine)) as play:
        kari, account = await play.banked()
        payment = (await pay(kari, a_payment(account)))["payment"]
        back = await approve(kari, payment["authorisationUrl"])
        await (await play.person("ola")).http.get(back)
        query = select(TRAIL.c.at).where(TRAIL.c.action == "bank_return_refused")
        async with play.gateway.infrastructure.database.read_engine.connect() as connection:
            assert list((await connection.execute(query)).scalars()) == [machine]


async def test_an_apps_payment_is_completed_by_the_app(play: Play) -> None:
    kari, account = await play.banked()
    app = bearer(play, (await app_tokens(kari))["access_token"])
    payment = (await pay(app, a_payment(account)))["payment"]

    back = await approve(play.browser(), payment["authorisationUrl"])
    link = (await play.browser().http.get(back)).headers["location"]
    status, told = await redeemed(app, query_of(link)["returnCode"])

    assert back.startswith((CALLBACK, BASE))
    assert (status, told["payment"], told["outcome"]) == (200, payment["id"], "approved")


async def test_what_is_kept_of_a_return_is_not_readable(play: Play) -> None:
    kari = await play.person()
    back = await approve(kari, await consent_page(kari))
    await kari.http.post("/auth/logout", headers={"x-drop-csrf": "1"})

    await kari.http.get(f"{back}&code=bank-secret")

    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        (kept,) = (await connection.execute(text("SELECT query_encrypted FROM bank_return"))).scalars()
    assert kept is not None
    assert "bank-secret" not in kept
