"""What is direct banks' alone: signed requests, pages that are the bank's, a breaker each."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import httpx
import pytest
import trustme

from domain.account_number import parse_account_number
from domain.device import Device
from domain.errors import BadSignature, BadWebhook, Unavailable
from domain.ids import BankId, ConsentId
from domain.payment import Status
from providers.calling.guard import Guard
from providers.open_banking import direct_banks
from providers.open_banking.bank_notification import NotificationAddress
from providers.open_banking.message_signing import MessageSigning
from providers.open_banking.port import ConsentRequest, Psu
from providers.open_banking.xs2a import Xs2aAccounts
from providers.open_banking.xs2a_payments import Xs2aPayments
from sandbox.people import personas
from tests.builders.counterpart import answer, counterpart
from tests.builders.gateway import BASE
from tests.builders.sandbox import MovedClock, Sandbox
from tests.conftest import NOON
from tests.contract.banks import HOOK, url_of
from tests.contract.test_payment_initiation import a_bank_payment
from tests.vendors import nextgenpsd2 as face
from tests.vendors import nextgenpsd2_routes

CALLBACK = f"{BASE}/api/openbanking/callback?state=s"
KARI = Psu(personas()["kari"].identity_number, Device("192.0.2.1", "Phone/1"))
SPAREBANK1 = BankId("bank_sparebank1")
NOTIFICATIONS = NotificationAddress(HOOK, "secret")


def a_guard() -> Guard:
    return Guard("open_banking", direct_banks.RESILIENCE, direct_banks.RETRIED, vendor="direct")


def a_seal() -> MessageSigning:
    seal = trustme.CA(key_type=trustme.KeyType.RSA).issue_cert("drop.example", key_type=trustme.KeyType.RSA)
    return MessageSigning(seal.cert_chain_pems[0].bytes(), seal.private_key_pem.bytes())


def a_request(bank_id: str) -> ConsentRequest:
    return ConsentRequest(ConsentId("cns_1"), BankId(bank_id), KARI, CALLBACK, date(2027, 5, 20))


def banks_at(
    http: httpx.AsyncClient, bases: Mapping[str, str], guard: Guard | None = None, **more: Any
) -> direct_banks.DirectBanks:
    return direct_banks.DirectBanks(http, bases, guard or a_guard(), notifications=NOTIFICATIONS, **more)


async def test_a_bank_that_wants_requests_signed_takes_ours(sandbox: Sandbox) -> None:
    await sandbox.sign_in("kari")
    vendor = face.NextGenBanks(sandbox.inner)
    client = banks_at(sandbox.outside(nextgenpsd2_routes.app(vendor)), face.BASES, seal=a_seal())

    await Xs2aAccounts(client, clock=sandbox.clock).start_consent(a_request(SPAREBANK1))
    payments = Xs2aPayments(client, webhook_secret="", clock=sandbox.clock)
    elsewhere = parse_account_number(personas()["kari"].at_bank("bank_dnb")[0].bban)
    state = await payments.initiate(a_bank_payment(), elsewhere, SPAREBANK1, KARI, CALLBACK)

    # Signed as well, and refused for what is in it.
    assert (state.status, vendor.signed) == (Status.REJECTED, 2)


async def test_a_bank_that_wants_requests_signed_takes_no_others(sandbox: Sandbox) -> None:
    client = banks_at(sandbox.outside(nextgenpsd2_routes.app(face.NextGenBanks(sandbox.inner))), face.BASES)

    with pytest.raises(Unavailable, match="SIGNATURE_INVALID"):
        await Xs2aAccounts(client, clock=sandbox.clock).start_consent(a_request(SPAREBANK1))
    with pytest.raises(Unavailable, match="SIGNATURE_INVALID"):
        await client.check()


async def test_a_check_takes_a_banks_no_for_a_yes(sandbox: Sandbox) -> None:
    client = banks_at(
        sandbox.outside(nextgenpsd2_routes.app(face.NextGenBanks(sandbox.inner))), {"bank_dnb": face.BASES["bank_dnb"]}
    )

    await client.check()


@pytest.mark.parametrize(
    ("href", "is_trusted"),
    [
        ("https://www.dnb.no/psd2/1", True),
        ("https://dnb.no/psd2/1", True),
        ("/psd2/1", True),
        ("https://dnb.no.evil.example/1", False),
        ("https://evil.example/dnb.no", False),
        ("http://www.dnb.no/psd2/1", False),
        ("javascript:alert(1)", False),
    ],
)
async def test_browsers_are_sent_to_the_banks_own_pages_alone(href: str, *, is_trusted: bool) -> None:
    async with httpx.AsyncClient() as http:
        client = banks_at(http, {"bank_dnb": "https://api.psd.dnb.no"})
        if is_trusted:
            assert client.page(href, CALLBACK, "DNBANOKK").startswith("https://")
            return
        with pytest.raises(Unavailable, match="not the bank's"):
            client.page(href, CALLBACK, "DNBANOKK")


async def test_a_bank_that_is_away_takes_no_other_with_it(sandbox: Sandbox) -> None:
    await sandbox.sign_in("kari")
    async with counterpart(answer(503)) as away:
        bases = {"bank_nordea": away.url, "bank_dnb": face.BASES["bank_dnb"]}
        http = sandbox.outside(nextgenpsd2_routes.app(face.NextGenBanks(sandbox.inner)))
        accounts = Xs2aAccounts(banks_at(http, bases), clock=sandbox.clock)
        assert url_of((await accounts.start_consent(a_request("bank_dnb"))).authorisation).startswith(face.HOST)

        async with httpx.AsyncClient() as line:
            guard = a_guard()
            accounts = Xs2aAccounts(banks_at(line, bases, guard), clock=sandbox.clock)
            for _ in range(6):
                with pytest.raises(Unavailable):
                    await accounts.start_consent(a_request("bank_nordea"))

    assert guard.open_by_bank == {"bank_nordea": True, "bank_dnb": False}
    assert not guard.is_away


async def test_a_bank_that_is_not_set_up_is_not_reached(sandbox: Sandbox) -> None:
    async with httpx.AsyncClient() as http:
        accounts = Xs2aAccounts(banks_at(http, {"bank_dnb": "https://api.psd.dnb.no"}), clock=sandbox.clock)
        with pytest.raises(Unavailable, match="not reached"):
            await accounts.start_consent(a_request("bank_nordea"))


async def test_a_banks_notification_is_known_by_the_address_that_it_was_given() -> None:
    async with httpx.AsyncClient() as http:
        payments = direct_banks.DirectPayments(
            banks_at(http, {"bank_dnb": "https://api.psd.dnb.no"}), webhook_secret="relay", clock=MovedClock(NOON)
        )
        raw = b'{"paymentId":"p1","transactionStatus":"ACSC"}'
        payment = await payments.parse_webhook(raw, {}, NOTIFICATIONS.about("D-1"))
        consent = await payments.parse_webhook(b'{"consentId":"c1"}', {}, NOTIFICATIONS.about("cns_1"))

        assert (payment.end_to_end_id, payment.consent_id) == ("D-1", None)
        assert (consent.end_to_end_id, consent.consent_id) == (None, "cns_1")
        assert payments.read_webhook(payment.raw) == payment
        for url in (
            f"{HOOK}?about=D-1&token=",
            f"{HOOK}?about=D-2&{NOTIFICATIONS.about('D-1').rpartition('&')[2]}",
            HOOK,
        ):
            with pytest.raises(BadSignature):
                await payments.parse_webhook(raw, {}, url)
        for broken in (b"[]", b"\xff", b""):
            with pytest.raises(BadWebhook):
                await payments.parse_webhook(broken, {}, NOTIFICATIONS.about("D-1"))


@pytest.mark.parametrize(("bank_id", "is_told"), [("bank_dnb", True), ("bank_helgno21", False)])
async def test_the_national_identity_number_goes_where_the_profile_says_so(bank_id: str, is_told: bool) -> None:
    registered = answer(201, '{"consentStatus": "received", "consentId": "1"}', content_type="application/json")
    async with counterpart(registered) as bank, httpx.AsyncClient() as http:
        client = banks_at(http, {bank_id: bank.url})
        await Xs2aAccounts(client, clock=MovedClock(NOON)).start_consent(a_request(bank_id))

    told = bank.requests[0].headers
    assert told["psu-ip-address"] == "192.0.2.1"
    assert ("psu-id" in told) is is_told
