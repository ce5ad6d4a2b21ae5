"""A new e-mail or phone counts once the code that was sent there is given."""

from pathlib import Path

import pytest
from sqlalchemy import text

from tests.builders.gateway import Play, Player, playing
from tests.builders.line import Line
from tests.builders.messages import code_sent, confirm_contact, notifications, outbox, texts, update
from tests.conftest import NOON

FIELD = ["input", "code"]
CONTACT = "{ viewer { email phone pendingEmail { address expiresAt } pendingPhone { address } } }"


async def contact(player: Player) -> dict[str, object]:
    viewer: dict[str, object] = (await player.ask(CONTACT))["viewer"]
    return viewer


def another(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


async def test_a_new_mail_address_waits_for_its_code_and_the_old_ones_are_told(play: Play) -> None:
    kari = await play.person()
    asked = (await update(kari, email="kari.ny@example.no"))["user"]["email"]
    waiting = await contact(kari)
    code = await code_sent(play)
    confirmed = await confirm_contact(kari, "EMAIL", code)
    again = await confirm_contact(kari, "EMAIL", code)
    await play.settle()

    assert asked == "kari@example.no"
    assert waiting["email"] == "kari@example.no"
    assert waiting["pendingEmail"] == {"address": "kari.ny@example.no", "expiresAt": "2026-11-24T12:10:00.000Z"}
    assert (confirmed["user"]["email"], confirmed["user"]["pendingEmail"]) == ("kari.ny@example.no", None)
    assert [error["code"] for error in again["userErrors"]] == ["NOT_FOUND"]
    page = await texts(play)
    assert "Kontaktopplysningene dine er endret" in await outbox(play)
    assert "to +4740000001" in page
    assert page.count("<kari@example.no>") == 2  # the welcome, and word of the change
    assert page.count("<kari.ny@example.no>") == 1  # the code


async def test_five_wrong_codes_end_it_and_another_code_begins_anew(play: Play) -> None:
    kari = await play.person()
    await update(kari, phone="+4790000001")
    code = await code_sent(play)

    told = [(await confirm_contact(kari, "PHONE", another(code)))["userErrors"][0] for _ in range(5)]
    late = await confirm_contact(kari, "PHONE", code)
    await update(kari, phone="+4790000001")
    second = await code_sent(play)
    confirmed = await confirm_contact(kari, "PHONE", second)

    assert {(error["code"], tuple(error["field"])) for error in told} == {("INVALID_CODE", ("input", "code"))}
    left = [error["developerMessage"].split(": ")[1] for error in told]
    assert left == [f"{tries} tries are left." for tries in (4, 3, 2, 1, 0)]
    assert late["userErrors"][0]["code"] == "CODE_EXPIRED"
    assert confirmed["user"]["phone"] == "+4790000001"


async def test_a_code_has_ten_minutes_and_only_the_last_one_counts(play: Play) -> None:
    kari = await play.person()
    await update(kari, email="kari.ny@example.no")
    first = await code_sent(play)
    await play.advance(minutes=10)
    late = await confirm_contact(kari, "EMAIL", first)
    await update(kari, email="kari.ny@example.no")
    second = await code_sent(play)

    assert late["userErrors"][0]["code"] == "CODE_EXPIRED"
    assert first == second or (await confirm_contact(kari, "EMAIL", first))["userErrors"][0]["code"] == "INVALID_CODE"
    assert (await confirm_contact(kari, "EMAIL", second))["userErrors"] == []


async def test_a_code_that_is_not_sent_yet_is_waited_for(play: Play) -> None:
    kari = await play.person()
    await play.settle()
    line = Line(play.gateway.sandbox)
    await update(kari, email="kari.ny@example.no")
    queued = await confirm_contact(kari, "EMAIL", "123456")
    line.cut()
    await play.settle()
    retrying = [(await confirm_contact(kari, "EMAIL", "123456"))["userErrors"][0]["code"] for _ in range(6)]
    line.mend()
    await play.advance(minutes=1)
    sent = await confirm_contact(kari, "EMAIL", another(await code_sent(play)))

    assert [(error["code"], error["field"]) for error in queued["userErrors"]] == [("CODE_NOT_SENT", FIELD)]
    assert retrying == [*["CODE_NOT_SENT"] * 5, "CODE_EXPIRED"]  # guesses count
    assert sent["userErrors"][0]["code"] == "CODE_EXPIRED"


@pytest.mark.parametrize(("kind", "to"), [("EMAIL", "kari.ny@example.no"), ("PHONE", "+4790000009")])
async def test_a_code_that_could_not_be_delivered_is_asked_for_anew(play: Play, kind: str, to: str) -> None:
    kari = await play.person()
    await play.settle()
    line = Line(play.gateway.sandbox)
    await update(kari, **{kind.lower(): to})
    if kind == "EMAIL":
        line.cut()
        await play.advance(minutes=22)  # its four tries
    else:
        await play.advance(seconds=5)  # the sandbox's number that takes no SMS

    lost = await confirm_contact(kari, kind, "123456")
    line.mend()
    await update(kari, **{kind.lower(): to[:-1] + "1"} if kind == "PHONE" else {kind.lower(): to})
    confirmed = await confirm_contact(kari, kind, await code_sent(play))

    assert [(error["code"], error["field"]) for error in lost["userErrors"]] == [("CODE_NOT_DELIVERED", FIELD)]
    assert confirmed["userErrors"] == []


async def test_codes_are_five_an_hour(play: Play) -> None:
    kari = await play.person()
    for _ in range(5):
        await update(kari, email="kari.ny@example.no")

    refused = await kari.post('mutation { updateProfile(input: {email: "kari.ny@example.no"}) { user { id } } }')

    told = refused.json()["errors"][0]["extensions"]
    assert (told["code"], told["retryAfter"]) == ("RATE_LIMITED", 3600)


async def test_codes_an_hour_are_a_setting(database_url: str, tmp_path: Path) -> None:
    async with playing(database_url, tmp_path, NOON, limit_codes_an_hour=1) as play:
        kari = await play.person()
        await update(kari, email="kari.ny@example.no")

        refused = await kari.post('mutation { updateProfile(input: {email: "kari.ny@example.no"}) { user { id } } }')

    assert refused.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_who_asks_for_what_is_known_or_for_nothing_waits_for_no_code(play: Play) -> None:
    kari = await play.person()
    await update(kari, email="kari.ny@example.no", phone="+4790000001")
    await update(kari, email="kari@example.no", phone=None)
    await play.settle()

    viewer = await contact(kari)

    assert viewer == {"email": "kari@example.no", "phone": None, "pendingEmail": None, "pendingPhone": None}
    codes = [status for template, status in await notifications(play) if template.startswith("contact_code")]
    assert codes == ["BOUNCED", "BOUNCED"]  # nothing was sent: nobody waits for it


async def test_a_contact_whose_code_never_came_back_goes_after_a_day(play: Play) -> None:
    kari = await play.person()
    await update(kari, email="stranger@example.no")
    await play.advance(hours=20)
    await update(kari, phone="+4790000001")
    await play.advance(hours=5)
    await update(kari, locale="en-GB")
    one = await contact(kari)
    await play.advance(days=2)
    none = await contact(kari)

    assert (one["pendingEmail"], one["pendingPhone"]) == (None, {"address": "+4790000001"})
    assert (none["pendingEmail"], none["pendingPhone"]) == (None, None)
    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        kept = await connection.execute(text('SELECT pending_contacts, pending_until FROM "user"'))
        assert set(kept) == {(None, None)}


@pytest.mark.parametrize("odd", ["", "12345", "1234567", "１２３４５６", "12345x"])
async def test_what_is_no_code_is_no_try(play: Play, odd: str) -> None:
    kari = await play.person()

    assert (await confirm_contact(kari, "EMAIL", odd))["userErrors"][0]["code"] == "INVALID_CODE"


async def test_the_code_is_kept_nowhere(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    kari = await play.person()
    await update(kari, email="kari.ny@example.no")
    code = await code_sent(play)
    await confirm_contact(kari, "EMAIL", another(code))
    await play.gateway.services.timeline.flush()

    found = []
    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        for table in ('"user"', "notification", "audit_event", "job", "trace_event", "webhook_event"):
            rows = await connection.execute(text(f"SELECT * FROM {table}"))  # our own tables
            found += [(table, row) for row in rows if code in str(tuple(row))]

    assert found == []
    assert code not in caplog.text
