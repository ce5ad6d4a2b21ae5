"""What users tell of themselves: address, phone, e-mail, and which messages they want."""

import pytest
import stamina
from anyio import fail_after

from services.users import profiles
from tests.builders.gateway import Play, Player
from tests.builders.line import Line
from tests.builders.messages import PREFER, codes, update


async def test_null_empties_what_may_be_empty_and_what_is_left_out_stays(play: Play) -> None:
    kari = await play.person()
    before = (await update(kari))["user"]

    after = await update(kari, phone=None)
    assert after["user"] == {**before, "phone": None}
    after = await update(kari, email=None, address=None)
    assert after["user"] == {**before, "phone": None, "email": None, "address": None}

    assert (await update(kari, locale="en-GB"))["user"]["locale"] == "en-GB"
    assert (await update(kari, locale=None))["user"]["locale"] == "nb-NO"


async def test_a_preference_is_never_null(play: Play) -> None:
    kari = await play.person()

    wanted = {"payments": False, "bankLinks": None}
    payload = (await kari.ask(PREFER.replace("{ code }", "{ code field }"), input=wanted))["setNotificationPreferences"]

    assert payload == {"user": None, "userErrors": [{"code": "BAD_USER_INPUT", "field": ["input", "bankLinks"]}]}
    preferences = (await kari.ask("{ viewer { notificationPreferences { payments } } }"))["viewer"]
    assert preferences == {"notificationPreferences": {"payments": True}}


async def test_an_address_that_is_found_in_part_is_asked_back(play: Play) -> None:
    kari = await play.person()
    asked = await update(kari, address="Karl Johans gate 999, Oslo")
    (candidate,) = asked["addressCandidates"]
    assert (asked["user"]["address"], asked["userErrors"]) == (None, [])

    taken = await update(kari, address=candidate["formatted"])

    assert taken["user"]["address"]["normalised"] is True
    assert taken["user"]["address"]["formatted"] == candidate["formatted"]


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"email": "kari"}, "INVALID_EMAIL", "email"),
        ({"email": "kari@example"}, "INVALID_EMAIL", "email"),
        ({"email": "kari@exam ple.no"}, "INVALID_EMAIL", "email"),
        ({"email": f"{'k' * 65}@example.no"}, "INVALID_EMAIL", "email"),
        ({"phone": "90000000"}, "INVALID_PHONE", "phone"),
        ({"phone": "+0123456789"}, "INVALID_PHONE", "phone"),
        ({"phone": "+47 call me"}, "INVALID_PHONE", "phone"),
        ({"locale": "xx"}, "INVALID_LOCALE", "locale"),
        ({"address": " "}, "INVALID_TEXT", "address"),
        ({"address": "Nowhere 1"}, "ADDRESS_NOT_FOUND", "address"),
    ],
)
async def test_what_is_no_contact_detail_is_refused(play: Play, given: dict[str, str], code: str, field: str) -> None:
    kari = await play.person()

    payload = await update(kari, **given)

    assert codes(payload) == [(code, ["input", field])]
    assert payload["user"] is None


async def test_all_faults_come_at_once_and_nothing_is_changed(play: Play) -> None:
    kari = await play.person()

    payload = await update(kari, email="x", phone="y", locale="en-GB")

    assert [code for code, _ in codes(payload)] == ["INVALID_EMAIL", "INVALID_PHONE"]
    assert (await kari.ask("{ viewer { locale } }"))["viewer"] == {"locale": "nb-NO"}


async def test_an_address_is_normalised(play: Play) -> None:
    kari = await play.person()

    payload = await update(kari, address="karl johans gate 1 oslo")

    assert payload["user"]["address"] == {
        "formatted": "Karl Johans gate 1, 0154 Oslo, Norge",
        "postalCode": "0154",
        "postalPlace": "Oslo",
        "normalised": True,
    }


async def test_an_ambiguous_address_gives_candidates_and_changes_nothing(play: Play) -> None:
    kari = await play.person()

    payload = await update(kari, address="Storgata 10", email="new@example.no")
    chosen = await update(kari, address=payload["addressCandidates"][1]["formatted"])

    assert [one["formatted"] for one in payload["addressCandidates"]] == [
        "Storgata 10, 0155 Oslo, Norge",
        "Storgata 10, 9008 Tromsø, Norge",
        "Storgata 10, 2609 Lillehammer, Norge",
    ]
    assert (await kari.ask("{ viewer { pendingEmail { address } } }"))["viewer"] == {"pendingEmail": None}
    assert chosen["user"]["address"]["postalPlace"] == "Tromsø"


async def test_a_map_that_hangs_is_waited_for_shortly_and_left_alone_in_the_end(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "_GEOCODED_WITHIN_S", 0.05)
    kari = await play.person()
    await play.settle()
    line = Line(play.gateway.sandbox)
    line.holds(b"/maps")

    with stamina.set_testing(True, attempts=1):
        payloads = [await update(kari, address="Karl Johans gate 1") for _ in range(5)]
        before = await has_geocoding(kari)
        line.let_go()
        with fail_after(10):
            while after := await has_geocoding(kari):
                pass

    assert [[one["code"] for one in payload["warnings"]] for payload in payloads] == 5 * [["ADDRESS_NOT_CHECKED"]]
    assert (before, after) == (True, False)


async def has_geocoding(player: Player) -> bool:
    found = (await player.ask("{ serviceStatus { providers { port isAvailable } } }"))["serviceStatus"]["providers"]
    return bool({one["port"]: one["isAvailable"] for one in found}["GEOCODING"])


async def test_an_address_is_saved_as_typed_when_the_map_is_away(play: Play) -> None:
    kari = await play.person()
    await play.settle()
    Line(play.gateway.sandbox).cut()

    payload = await update(kari, address="Karl Johans gate 1")

    assert payload["user"]["address"]["normalised"] is False
    assert payload["user"]["address"]["formatted"] == "Karl Johans gate 1"
    assert [warning["code"] for warning in payload["warnings"]] == ["ADDRESS_NOT_CHECKED"]
