"""What people read comes in their language: the chosen one, else the one that the request accepts, else Norwegian."""

import pytest
from sqlalchemy import text

from tests.builders.answers import check_language
from tests.builders.cards import DECLINED, card_payment, confirm, create
from tests.builders.gateway import Play, Player, a_payment, pay
from tests.builders.messages import update
from tests.builders.sockets import events_of, socket_of

ENGLISH = {"accept-language": "en-US,en;q=0.9"}
VIEWER = "{ viewer { locale chosenLocale } }"
WITHDRAW = 'mutation { cancelPayment(input: { id: "pay_x" }) { userErrors { message developerMessage } } }'
IN_NORWEGIAN, IN_ENGLISH = "Vi finner ikke det du ber om.", "We cannot find what you ask for."
PAYMENTS = "subscription { viewerEvents { kind payment { status failure { code message } } } }"


async def language_of(player: Player, **headers: str) -> tuple[str, str]:
    """The language that an answer says it is in, and the sentence in it."""
    response = await player.http.post("/graphql", json={"query": WITHDRAW}, headers=headers)
    (error,) = response.json()["data"]["cancelPayment"]["userErrors"]
    assert error["developerMessage"] == "There is nothing with this id."
    return response.headers["content-language"], error["message"]


async def test_the_chosen_language_comes_before_the_accepted_and_that_before_norwegian(play: Play) -> None:
    kari = await play.person()

    assert await language_of(kari) == ("nb-NO", IN_NORWEGIAN)
    assert await language_of(kari, **ENGLISH) == ("en-GB", IN_ENGLISH)
    await update(kari, locale="nb-NO")
    assert await language_of(kari, **ENGLISH) == ("nb-NO", IN_NORWEGIAN)
    await update(kari, locale="en-GB")
    assert await language_of(kari) == ("en-GB", IN_ENGLISH)
    await update(kari, locale=None)
    assert await language_of(kari, **ENGLISH) == ("en-GB", IN_ENGLISH)


async def test_a_user_tells_the_language_that_is_chosen_and_the_one_that_they_read(play: Play) -> None:
    kari = play.browser(**ENGLISH)
    await kari.sign_in()

    assert (await kari.ask(VIEWER))["viewer"] == {"locale": "en-GB", "chosenLocale": None}
    await update(kari, locale="nb-NO")
    assert (await kari.ask(VIEWER))["viewer"] == {"locale": "nb-NO", "chosenLocale": "nb-NO"}
    assert (await update(kari, locale=None))["user"]["locale"] == "en-GB"


async def test_who_is_not_signed_in_is_told_so_in_their_language(play: Play) -> None:
    asked = {"query": "mutation { startKyc { kyc { status } } }"}
    for headers, shown in (({}, "Logg inn først."), (ENGLISH, "Sign in first.")):
        response = await play.browser().http.post("/graphql", json=asked, headers=headers)
        (error,) = response.json()["errors"]
        assert error["extensions"] == {"code": "UNAUTHENTICATED", "userMessage": shown}
        assert error["message"] == "Sign in first."


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"authorization": "Bearer unknown"}, b'{"query": "{ viewer { id } }"}', 401),
        ({"content-type": "text/plain"}, b"x", 415),
        ({}, b"{", 400),
        ({}, b"x" * 200_000, 413),
        ({}, b'{"query": "{ nothing }"}', 200),
    ],
)
async def test_what_is_refused_before_it_is_executed_tells_its_language_too(
    play: Play, headers: dict[str, str], body: bytes, status: int
) -> None:
    sent = {"content-type": "application/json", **ENGLISH, **headers}
    response = await play.browser().http.post("/graphql", content=body, headers=sent)

    assert (response.status_code, response.headers["content-language"]) == (status, "en-GB")
    check_language(response)


@pytest.mark.parametrize(
    "header", ["*", "en;q=0", ";q=,,", "\x7f\xff", "en-" * 3_400, "sv," * 3_400 + "en", "en;q=1e999"]
)
async def test_a_header_that_is_long_or_garbage_is_answered_in_norwegian(play: Play, header: str) -> None:
    raw = {b"accept-language": header.encode("latin-1"), b"content-type": b"application/json"}
    response = await play.browser().http.post("/graphql", content=b'{"query": "{ __typename }"}', headers=raw)

    expected = "en-GB" if header.startswith("en-en") else "nb-NO"
    assert (response.status_code, response.headers["content-language"]) == (200, expected)


async def test_amounts_in_a_text_are_written_as_its_language_writes_them(play: Play) -> None:
    kari, account = await play.banked()
    wanted = a_payment(account, 1_250_000_00)

    (error,) = (await pay(kari, wanted))["userErrors"]
    assert error["message"] == "Beløpet kan være høyst 1\u00a0000\u00a0000,00\u00a0kr."
    kari.http.headers.update(ENGLISH)
    (error,) = (await pay(kari, wanted))["userErrors"]
    assert error["message"] == "The amount can be NOK 1,000,000.00 at most."


async def test_why_a_payment_failed_is_kept_as_a_code_and_told_in_the_readers_language(play: Play) -> None:
    kari = await play.approved()
    payment = (await create(kari))["payment"]
    declined = (await confirm(kari, payment["id"], "pm_card_chargeDeclinedIncorrectCvc"))["payment"]

    assert declined["failure"] == {"code": "INCORRECT_CARD_DETAILS", "message": "Sikkerhetskoden er feil."}
    kari.http.headers.update(ENGLISH)
    failure = (await card_payment(kari, payment["id"]))["failure"]
    assert failure == {"code": "INCORRECT_CARD_DETAILS", "message": "The security code is wrong."}

    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        # As a row of the version before is: a code without its detail.
        await connection.execute(text("UPDATE payment SET failure_detail = NULL"))
        events = await connection.execute(text("SELECT fields FROM user_event WHERE kind = 'PAYMENT'"))
        assert "Sikkerhetskoden" not in str(events.all())
    failure = (await card_payment(kari, payment["id"]))["failure"]
    assert failure["message"] == "Something about the card's details is wrong. Enter them again."


async def test_a_socket_is_answered_in_the_language_that_its_first_message_asks_for(play: Play) -> None:
    kari = await play.approved()
    payment = (await create(kari))["payment"]

    async with socket_of(play, kari, init={"acceptLanguage": "en"}) as socket:
        assert (await socket.receive())["payload"] == {"contentLanguage": "en-GB"}
        await socket.subscribe(PAYMENTS)
        assert (await socket.item())["kind"] == "SNAPSHOT"
        await confirm(kari, payment["id"], DECLINED)
        item = await socket.item()
        while (item["payment"] or {}).get("failure") is None:
            item = await socket.item()

    assert item["payment"]["failure"] == {
        "code": "CARD_DECLINED",
        "message": "The card was declined. Try another card.",
    }


async def test_a_sockets_language_is_chosen_then_of_its_first_message_then_of_its_header(play: Play) -> None:
    kari = await play.person()

    async def acknowledged(**init: str) -> object:
        async with socket_of(play, kari, init=init, language="en") as socket:
            return (await socket.receive())["payload"]

    assert await acknowledged() == {"contentLanguage": "en-GB"}
    assert await acknowledged(acceptLanguage="sv") == {"contentLanguage": "nb-NO"}
    await update(kari, locale="en-GB")
    assert await acknowledged(acceptLanguage="nb") == {"contentLanguage": "en-GB"}


@pytest.mark.parametrize("language", [None, 7, {"en": 1}, ["en"], "x" * 10_000])
async def test_a_first_message_with_garbage_for_a_language_opens_the_socket(play: Play, language: object) -> None:
    async with socket_of(play, init={"acceptLanguage": language}) as socket:
        assert (await socket.receive())["payload"] == {"contentLanguage": "nb-NO"}


async def test_an_event_stream_comes_in_the_language_of_its_request(play: Play) -> None:
    kari = await play.approved()
    payment = (await create(kari))["payment"]
    await confirm(kari, payment["id"], DECLINED)
    query = "subscription($id: ID!) { paymentUpdated(id: $id) { payment { failure { message } } } }"

    (item,) = await events_of(play, kari, query, 1, id=payment["id"])
    assert item["payment"]["failure"]["message"] == "Kortet ble avvist. Prøv et annet kort."
    kari.http.headers.update(ENGLISH)
    (item,) = await events_of(play, kari, query, 1, id=payment["id"])
    assert item["payment"]["failure"]["message"] == "The card was declined. Try another card."


async def test_money_and_what_the_law_keeps_are_written_in_the_readers_language(play: Play) -> None:
    kari = await play.person()
    plans = "{ plans { price { formatted } } }"
    leave = "mutation { deleteAccount(input: {confirm: true}) { kept { what because } } }"

    norwegian = (await kari.http.post("/graphql", json={"query": plans})).json()["data"]["plans"]
    english = (await kari.http.post("/graphql", json={"query": plans}, headers=ENGLISH)).json()["data"]["plans"]
    left = (await kari.http.post("/graphql", json={"query": leave}, headers=ENGLISH)).json()["data"]

    assert norwegian[0]["price"]["formatted"].endswith("kr")
    assert english[0]["price"]["formatted"].startswith("NOK")
    assert left["deleteAccount"]["kept"][0]["because"] == "Bookkeeping Act (bokføringsloven), section 13"
