"""Mail by SMTP against a real server, alone and as SendGrid's backup."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage as MimeMessage
from typing import Any

import httpx
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from structlog.testing import capture_logs

from domain.errors import InDoubt, Unavailable, VendorRefusesUs
from domain.ids import NotificationId
from domain.notification import Template
from providers.calling.guard import Guard
from providers.delivery import RecipientRefused
from providers.email import sendgrid, smtp
from providers.email.fallback import WithBackup
from providers.email.mock_key import public_key_of
from providers.email.port import EmailMessage, Sender
from providers.texts import Texts
from tests.builders.counterpart import HANG, answer, counterpart
from tests.builders.sandbox import MAIL_SECRET, MovedClock
from tests.contract.conftest import NOON

PASSWORD = "the-credential"
DROP = Sender("no-reply@drop.example", "Drop", "kundeservice@drop.example")


@dataclass
class Mailbox:
    """`says` are what the server answers to each step, where that is not yes."""

    says: dict[str, str] = field(default_factory=dict)
    got: list[MimeMessage] = field(default_factory=list)
    port: int = 0

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Envelope, address: str, options: Sequence[str]
    ) -> str:
        envelope.mail_from = address
        return self.says.get("MAIL", "250 OK")

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Envelope, address: str, options: Sequence[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.says.get("RCPT", "250 OK")

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.got.append(message_from_bytes(envelope.content, policy=policy.default))
        if self.says.get("DATA") == "cut":
            server.transport.abort()
        return self.says.get("DATA", "250 OK")

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        is_right = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
        return AuthResult(success=is_right, handled=is_right)


@asynccontextmanager
async def mail_server(**says: str) -> AsyncIterator[Mailbox]:
    takes_utf8 = says.pop("enable_SMTPUTF8", "yes") == "yes"
    box = Mailbox(says)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(
            box, authenticator=box.authenticate, auth_require_tls=False, enable_SMTPUTF8=takes_utf8, loop=loop
        ),
        "127.0.0.1",
        0,
    )
    box.port = server.sockets[0].getsockname()[1]
    async with server:
        yield box


def a_mail() -> EmailMessage:
    data = {"firstName": "Kåre"}
    return EmailMessage(NotificationId("ntf_1"), "kare@example.no", "Kåre Ås", Template.WELCOME, "nb-NO", data)


def by_smtp(port: int, password: str = PASSWORD) -> tuple[smtp.SmtpEmail, Guard]:
    guard = Guard("email", smtp.RESILIENCE, smtp.RETRIED)
    server = smtp.server_of(f"smtp://drop:{password}@127.0.0.1:{port}")
    return smtp.SmtpEmail(server, guard, Texts(), sender=DROP), guard


async def test_a_mail_arrives_in_our_own_words() -> None:
    async with mail_server() as box:
        adapter, _ = by_smtp(box.port)
        await adapter.check()
        sent = await adapter.send(a_mail())
        again = await adapter.send(a_mail())

    assert sent == again == "smtp:<ntf_1@drop.example>"
    mail = box.got[0]
    assert (mail["From"], mail["To"]) == ("Drop <no-reply@drop.example>", "Kåre Ås <kare@example.no>")
    assert mail["Message-ID"] == "<ntf_1@drop.example>"
    plain, page = mail.iter_parts()
    assert (plain.get_content_type(), page.get_content_type()) == ("text/plain", "text/html")
    assert "Kåre" in plain.get_content()
    assert '<html lang="nb">' in page.get_content()
    assert mail["Reply-To"] == "kundeservice@drop.example"
    assert mail["Subject"]


@pytest.mark.parametrize(
    ("says", "error"),
    [
        ({"RCPT": "550 no such user"}, RecipientRefused),
        ({"RCPT": "550 5.7.1 relay not permitted"}, VendorRefusesUs),
        ({"RCPT": "554 5.7.1 <kare@example.no>: Relay access denied"}, VendorRefusesUs),
        ({"RCPT": "554 5.7.1 Client host blocked using a list of senders"}, VendorRefusesUs),
        ({"DATA": "550 5.7.1 unauthenticated mail from our domain is not accepted"}, VendorRefusesUs),
        ({"DATA": "552 5.2.2 mailbox full"}, RecipientRefused),
        ({"RCPT": "530 5.7.0 sign in first"}, VendorRefusesUs),
        ({"MAIL": "550 5.7.1 not your address"}, VendorRefusesUs),
        ({"MAIL": "451 try again later"}, Unavailable),
        ({"RCPT": "450 mailbox busy"}, Unavailable),
        ({"DATA": "451 try again later"}, InDoubt),
        ({"DATA": "cut"}, InDoubt),
    ],
)
async def test_a_servers_no_is_told_from_its_trouble(says: dict[str, str], error: type[Exception]) -> None:
    async with mail_server(**says) as box:
        with pytest.raises(error):
            await by_smtp(box.port)[0].send(a_mail())


async def test_letters_beyond_ascii_need_a_server_that_takes_them() -> None:
    async with mail_server() as box:
        await by_smtp(box.port)[0].send(replace(a_mail(), to="kåre.ås@example.no"))
    async with mail_server(enable_SMTPUTF8="no") as plain:
        with pytest.raises(RecipientRefused):
            await by_smtp(plain.port)[0].send(replace(a_mail(), to="kåre.ås@example.no"))

    assert box.got[0]["To"] == "Kåre Ås <kåre.ås@example.no>"
    assert plain.got == []


async def test_a_relay_that_is_not_permitted_is_told_though_sendgrid_failed_first() -> None:
    says = {"RCPT": "550 5.7.1 relay not permitted"}
    async with mail_server(**says) as box, counterpart(answer(503)) as vendor, httpx.AsyncClient() as http:
        with capture_logs() as logs, pytest.raises(VendorRefusesUs):
            await with_backup(http, vendor.url, box.port).send(a_mail())

    assert [(line["status"], line["reason"]) for line in logs if line["event"] == "provider_refuses"] == [
        (550, "policy")
    ]


async def test_a_wrong_password_sends_nothing_and_tells_none() -> None:
    async with mail_server() as box:
        adapter, _ = by_smtp(box.port, "the-credential-of-another")
        with capture_logs() as logs:
            for attempt in (adapter.check(), adapter.send(a_mail())):
                with pytest.raises(VendorRefusesUs) as failed:
                    await attempt

    assert box.got == []
    assert "the-credential" not in f"{logs} {failed.value!r}"


async def test_nobody_listens_and_the_breaker_opens() -> None:
    async with mail_server() as box:
        gone = box.port
    adapter, guard = by_smtp(gone)
    for _ in range(5):
        with pytest.raises(Unavailable):
            await adapter.send(a_mail())

    assert guard.is_open


@pytest.mark.parametrize("url", ["mail.drop.example", "http://mail.drop.example", "smtp://", "smtp://host:port"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ValueError):
        smtp.server_of(url)


def test_only_a_server_on_this_machine_may_lack_encryption() -> None:
    assert smtp.server_of("smtp://mail.drop.example").needs_starttls
    assert smtp.server_of("smtps://mail.drop.example").is_encrypted
    assert not smtp.server_of("smtp://127.0.0.1:2525").needs_starttls


@pytest.mark.parametrize("said", [answer(503, "{}"), answer(429, "{}"), answer(401, "{}"), HANG])
async def test_what_sendgrid_cannot_take_goes_by_smtp(said: bytes) -> None:
    async with mail_server() as box, counterpart(said) as vendor, httpx.AsyncClient() as http:
        sent = await with_backup(http, vendor.url, box.port).send(a_mail())

    assert sent.startswith("smtp:")
    assert len(box.got) == len(vendor.requests) == 1


async def test_where_both_fail_the_first_ones_error_stands() -> None:
    async with mail_server() as box:
        gone = box.port
    async with counterpart(answer(503), answer(429)) as vendor, httpx.AsyncClient() as http:
        mail = with_backup(http, vendor.url, gone)
        with pytest.raises(InDoubt):
            await mail.send(a_mail())
        with pytest.raises(Unavailable):
            await mail.send(a_mail())


async def test_an_address_that_sendgrid_refuses_is_not_tried_again() -> None:
    refusal = answer(400, '{"errors": [{"message": "invalid", "field": "personalizations.0.to.0.email"}]}')
    async with mail_server() as box, counterpart(refusal) as vendor, httpx.AsyncClient() as http:
        with pytest.raises(RecipientRefused):
            await with_backup(http, vendor.url, box.port).send(a_mail())

    assert box.got == []


def with_backup(http: httpx.AsyncClient, url: str, port: int) -> WithBackup:
    patient = Guard("email", replace(sendgrid.RESILIENCE, timeout_s=0.5), sendgrid.RETRIED)
    first = sendgrid.SendgridEmail(
        http,
        patient,
        Texts(),
        api_key="SG.1",
        webhook_public_key=public_key_of(MAIL_SECRET),
        sender=DROP,
        templates={},
        clock=MovedClock(NOON),
        base_url=url,
    )
    return WithBackup(first, by_smtp(port)[0])
