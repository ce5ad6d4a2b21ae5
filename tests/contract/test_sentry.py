"""What leaves for Sentry, read off the wire."""

import gzip
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.profile import Address
from providers.errors.private_shapes import REMOVED, scrubbed_text
from providers.errors.scrubbing import scrubbed
from providers.errors.sentry import SentryCapture
from tests.builders.counterpart import Counterpart, answer, counterpart

PRIVATE = {
    "identity number": "15019000083",
    "identity number, written": "150190 00083",
    "account number": "8601 11 17947",
    "IBAN": "NO93 8601 1117 947",
    "IBAN, together": "NO9386011117947",
    "mail": "kari.nordmann@example.no",
    "phone": "+47 400 00 001",
    "JWT": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "bearer": "Bearer 0123-opaque.token",
    "Stripe key": "sk_live_51Hxyz",
    "webhook secret": "whsec_abc123",
    "client secret": "pi_1_secret_abc",
    "SendGrid key": "SG.abc.def-ghi",
    "Slack address": "https://hooks.slack.com/services/T0/B0/xyz",
    "presigned": "X-Amz-Signature=0a1b2c",
    "password in an address": "postgresql://drop:hunter2@db.example/drop",
    "SQL": "[parameters: ('Kari Nordmann', 'hunter2')]",
    "rejected input": "input_value='Kari Nordmann', input_type=str",
    "name": "Kari Nordmann",
    "name of three": "Bjørn-Erik Ås Østby",
    "one name in a field": "name='Ola'",
    "one name in JSON": '"creditorName": "Ola"',
    "street": "Karl Johans gate 1",
    "street, together": "Storgata 12 B",
    "post place": "0154 Oslo",
    "card number": "4242424242424242",
    "card number, written": "4242 4242 4242 4242",
    "card number, Amex": "378282246310005",
    "phone of 8 digits": "90000001",
    "phone of 8 digits, written": "900 00 001",
    "phone of 8 digits, in pairs": "22 00 00 01",
    "phone with 00": "004790000001",
    "KID": "1234567897",
    "KID in a field": "kid='1234'",
    "session cookie": "drop_session=Yk3vX0aaBBccDDeeFFggHHiiJJkkLLmmNNooPPqqRR1",
    "cookie's header": "Cookie: a=b; c=d",
    "session token alone": "Yk3vX0aaBBccDDeeFFggHHiiJJkkLLmmNNooPPqqRR1",
    "Sumsub's access token": "_act-sbx-0123abc",
    "Sumsub's app token": "prd:0123abc.xyz",
    "Google key": "AIzaSyA-0123456789abc",
    "Slack token": "xoxb-123-abc",
    "mail beyond ASCII": "kåre@blåbær.no",
    "identity number, hyphen": "150190-00083",
    "identity number, dot": "150190.00083",
    "identity number, in pairs": "15 01 90 00083",
    "identity number, copied": "150190\u00a000083",
    "account number, hyphens": "8601-11-17947",
    "account number, copied": "8601\u00a011\u00a017947",
    "IBAN, small": "no9386011117947",
    "IBAN, hyphens": "NO93-8601-1117-947",
    "card number, dots": "4242.4242.4242.4242",
    "card number, slashes": "4242/4242/4242/4242",
    "card number, underscores": "4242_4242_4242_4242",
    "card number, copied": "4242\u202f4242\u202f4242\u202f4242",
    "card number, wide": "4242  4242  4242  4242",
    "card number, in a word": "card4242424242424242",
    "phone, hyphens": "900-12-345",
    "phone, dots": "900.12.345",
    "phone, in halves": "9001 2345",
    "phone, copied": "900\u00a012\u00a0345",
    "phone after a word": "tlf.90012345",
    "phone with hyphens and +": "+47-900-12-345",
    "phone with brackets": "(+47) 900 12 345",
    "phone without +": "4790012345",
    "KID, in groups": "KID 12 345 678 903",
    "name with an initial": "Kari A. Nordmann",
    "name, family first": "Nordmann, Ola",
    "name with a particle": "Kari von Nordmann",
    "post box": "Postboks 123",
    "street by the sea": "Strandkaien 3",
    "secret in JSON": '"client_secret": "opaque"',
    "password in a dict": "'password': 'hunter2'",
    "token by a colon": "token: 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "another scheme": "Authorization: Token opaque",
    "mail in a URL": "kari%40example.no",
    "a row that was there": "Key (name)=(kari) already exists.",
    "date of birth": "birthdate: 01.01.1990",
    "remittance": "remittance='Leie'",
}
HELPFUL = [
    "pay_01KEXAMPLE0000000000000000",
    "2026-11-24T12:00:00.123456+00:00",
    "line 12345678",
    "0a1b2c3d4e5f60718293a4b5",
    "0af7651916cd43dd8448eb211c80319c",
    "Internal Server Error",
    "provider_call_failed",
    "StaleVersion in /graphql",
    "took 12.345678 s at 15:07:53.123456, after 2026-2027",
    "3f2504e0-4f89-41d3-9a0c-0305e82c3301 of 10.0.0.1:5432",
]


LOGGING = """
import json, logging, sys, structlog
from gateway.observability.log import configure_logging
configure_logging("INFO", is_terminal=False)
for text in json.load(sys.stdin).values():
    try:
        raise ValueError(f"it was {text}!")
    except ValueError as error:
        structlog.get_logger().error("unhandled_exception", note=[text], exc_info=error)
        logging.getLogger("a.library").error("it was %s!", text)
"""


@pytest.fixture
async def sentry() -> AsyncIterator[Counterpart]:
    async with counterpart(answer(200, "{}", content_type="application/json")) as sentry:
        yield sentry


def a_capture(sentry: Counterpart) -> SentryCapture:
    dsn = sentry.url.replace("http://", "http://public@") + "/7"
    return SentryCapture(dsn=dsn, environment="staging", release="drop-gateway@1.2.3")


def event_of(sentry: Counterpart) -> dict[str, Any]:
    (heard,) = sentry.requests
    assert heard.path == "/api/7/envelope/"
    body = gzip.decompress(heard.body) if heard.headers.get("content-encoding") == "gzip" else heard.body
    event: dict[str, Any] = json.loads(body.splitlines()[2])
    return event


async def test_an_error_arrives_with_its_stack_and_the_users_reference(sentry: Counterpart) -> None:
    capture = a_capture(sentry)
    try:
        raise ValueError("no such thing")
    except ValueError as error:
        capture.capture(error, reference="0a1b2c3d")
    await capture.close()

    event = event_of(sentry)
    (raised,) = event["exception"]["values"]
    assert (raised["type"], raised["value"]) == ("ValueError", "no such thing")
    assert raised["stacktrace"]["frames"][-1]["function"].startswith("test_an_error_arrives")
    assert event["tags"] == {"reference": "0a1b2c3d"}
    assert (event["environment"], event["release"]) == ("staging", "drop-gateway@1.2.3")


@pytest.mark.parametrize("kind", PRIVATE)
async def test_nothing_private_leaves(sentry: Counterpart, kind: str) -> None:
    capture, text = a_capture(sentry), PRIVATE[kind]
    secret = text
    try:
        try:
            raise KeyError(f"first {secret}")
        except KeyError as cause:
            raise RuntimeError(f"it was {secret}, see https://drop.example/x?code={secret}") from cause
    except RuntimeError as error:
        capture.capture(error, reference="r")
    await capture.close()

    sent = json.dumps(event_of(sentry), ensure_ascii=False)
    assert text not in sent
    for part in ("hunter2", "Kari", "0a1b2c"):
        assert part not in sent
    assert REMOVED in sent


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "clientSecret",
        "Client-Secret",
        "id_token",
        "nnin_altsub",
        "iban",
        "Authorization",
        "set-cookie",
        "x",
    ],
)
def test_what_a_key_calls_private_is_removed_at_any_depth(key: str) -> None:
    event = {"contexts": {"a": [{"b": {key: "value"}}]}, "extra": {"count": 3}, "sdk": {"name": "sentry.python"}}

    found = scrubbed(event)

    expected = {"x": "value"}.get(key, REMOVED)
    assert found["contexts"] == {"a": [{"b": {key: expected}}]}
    assert (found["extra"], found["sdk"]) == ({"count": 3}, {"name": "sentry.python"})


def test_nothing_private_stands_in_values_that_are_no_texts() -> None:
    event = {"a": 4242424242424242, "b": b"kari@example.no", "c": [Address("Storgata 12")], "d": {"kari@example.no": 3}}

    found = scrubbed(event)

    assert found == {"a": REMOVED, "b": REMOVED, "c": [found["c"][0]], "d": {REMOVED: 3}}
    assert "Storgata" not in found["c"][0]


@pytest.mark.parametrize("text", HELPFUL)
def test_what_helps_to_find_the_fault_stays(text: str) -> None:
    assert scrubbed_text(text) == text


def test_nothing_private_stands_in_the_log() -> None:
    """Neither in our own lines nor in those of libraries, which have no line of ours around them."""
    written = subprocess.run(
        [sys.executable, "-c", LOGGING], input=json.dumps(PRIVATE), capture_output=True, text=True, check=True
    ).stderr

    assert [kind for kind, text in PRIVATE.items() if text in written] == []
    assert written.count("unhandled_exception") == written.count("a.library") == len(PRIVATE)


async def test_a_sentry_that_is_away_or_slow_is_nobodys_trouble() -> None:
    async with counterpart(answer(429, retry_after="60")) as sentry:
        capture = a_capture(sentry)
        for number in range(300):
            capture.capture(ValueError(str(number)), reference=str(number))
        await capture.close()

    capture.capture(ValueError("after the end"), reference="r")
