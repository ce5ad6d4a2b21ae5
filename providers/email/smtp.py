"""Mail over SMTP (RFC 5321), for when the mail vendor is away. It gets no delivery reports."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage as MimeMessage
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib
from pydantic import BaseModel, Field, SecretStr

from domain.contact import mail_address
from providers.calling.guard import Guard, Resilience, VendorTrouble
from providers.calling.loopback import LOOPBACK
from providers.calling.own_hosts import check_host
from providers.declaration import Tools
from providers.delivery import RecipientRefused
from providers.email.port import EmailMessage, Sender
from providers.texts import Texts

RESILIENCE: Final = Resilience(timeout_s=10, breaker_failures=5, breaker_open_s=30)
RETRIED: Final[frozenset[str]] = frozenset()  # the message's job tries again, minutes later

SMTP: Final = "smtp"
_PORTS: Final = {"smtp": 587, "smtps": 465}
_FOR_GOOD: Final = 500
_SIGN_IN_FIRST: Final = frozenset({530, 538})
# "550 5.7.1 relay not permitted", "554 5.7.1 <...>: Relay access denied", "550 relaying denied".
# RFC 3463, 3.8: X.7.x is the server's policy about us.
_OURS: Final = re.compile(r"\brelay|\b5\.7\.\d+", re.I)


class SmtpSettings(BaseModel):
    """The mail server that takes over where the mail vendor fails, and the sender of all mail."""

    smtp_url: SecretStr | None = Field(
        default=None, description="smtp://user:password@host:587 or smtps://...: takes mail that SendGrid cannot."
    )
    email_from_address: str | None = Field(default=None, description="Who mail is from: an address that may send.")
    email_from_name: str = Field(default="Drop", description="The name beside it.")
    email_reply_to: str | None = Field(
        default=None, description="Where answers go, such as kundeservice@drop.no; left out, to EMAIL_FROM_ADDRESS."
    )

    @property
    def email_sender(self) -> Sender:
        """Who mail is from."""
        return Sender(self.email_from_address or "", self.email_from_name, self.email_reply_to)


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed in, and how the connection is encrypted.

    `is_encrypted` means TLS from the first byte (smtps). `needs_starttls` means that the connection must be encrypted
    by STARTTLS; only servers on this machine may lack it.
    """

    host: str
    port: int
    is_encrypted: bool
    needs_starttls: bool
    username: str | None = None
    password: str | None = None


def server_of(url: str) -> SmtpServer:
    """The server of a URL such as `smtp://user:password@host:587` or `smtps://...`. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("not an SMTP address")
    return SmtpServer(
        host=parts.hostname,
        port=parts.port or _PORTS[parts.scheme],
        is_encrypted=parts.scheme == "smtps",
        needs_starttls=parts.scheme == "smtp" and parts.hostname not in LOOPBACK,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )


class SmtpEmail:
    """Sends mail through an SMTP server; implements `Outgoing`. The id that `send` gives is our own Message-ID."""

    def __init__(self, server: SmtpServer, guard: Guard, texts: Texts, *, sender: Sender) -> None:
        self._server = server
        self._guard = guard
        self._texts = texts
        self._sender = sender

    async def send(self, message: EmailMessage) -> str:
        mime = self._mime(message)
        try:
            await self._guard.command("send", lambda: self._speak(mime, message.to))
        except _RefusesUs as error:
            raise self._guard.refused(error.code, error.reason) from None
        return f"smtp:{mime['Message-ID']}"

    def _mime(self, message: EmailMessage) -> MimeMessage:
        text = self._texts.render(message.template, message.locale, dict(message.data))
        mime = MimeMessage()
        mime["From"] = _header(self._sender.name, self._sender.address)
        mime["To"] = _header(message.to_name, message.to)
        if self._sender.reply_to is not None:
            mime["Reply-To"] = _header("", self._sender.reply_to)
        mime["Subject"] = text.subject
        # The same for every try, so that a mailbox can recognise a repeated mail.
        mime["Message-ID"] = f"<{message.notification_id}@{self._sender.address.rpartition('@')[2]}>"
        mime["Auto-Submitted"] = "auto-generated"
        mime.set_content(text.body)
        mime.add_alternative(self._texts.page(text), subtype="html")
        return mime

    async def check(self) -> None:
        """Check that the server accepts our user name and password. Raises Unavailable."""
        try:
            await self._guard.call("check", lambda: self._speak())
        except _RefusesUs as error:
            raise self._guard.refused(error.code, error.reason) from None

    async def _speak(self, mime: MimeMessage | None = None, to: str = "") -> None:
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.is_encrypted,
            start_tls=True if server.needs_starttls else None,
            timeout=RESILIENCE.timeout_s,
        )
        is_handing_over = False
        try:
            await check_host(server.host)
            async with client:
                if mime is not None:
                    is_handing_over = True
                    await client.send_message(mime, sender=self._sender.address, recipients=[to])
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _refusal(error.recipients[0]) from None
        except aiosmtplib.SMTPSenderRefused as error:
            if error.code >= _FOR_GOOD:
                raise _RefusesUs(error.code, "sender") from None
            raise VendorTrouble("sender later", did_nothing=True) from None
        except aiosmtplib.SMTPAuthenticationError as error:
            if error.code >= _FOR_GOOD:
                raise _RefusesUs(error.code, "credentials") from None
            raise VendorTrouble("credentials later", did_nothing=True) from None
        except aiosmtplib.SMTPDataError as error:
            if error.code >= _FOR_GOOD:
                raise _refusal(error) from None
            raise VendorTrouble("data later") from None
        except aiosmtplib.SMTPNotSupported:
            if not is_handing_over:  # STARTTLS, which we demand
                raise VendorTrouble("not supported", did_nothing=True) from None
            raise RecipientRefused("The mail server takes no addresses with letters beyond ASCII.") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise VendorTrouble(type(error).__name__, did_nothing=not is_handing_over) from None


class _RefusesUs(Exception):
    """The server takes no mail from us, whoever it is for."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def _refusal(refused: aiosmtplib.SMTPResponseException) -> Exception:
    """What a server's no to a recipient or a mail means: a dead address, a later try, or our own settings."""
    if refused.code < _FOR_GOOD:
        return VendorTrouble("recipient later", did_nothing=True)
    if refused.code in _SIGN_IN_FIRST or _OURS.search(refused.message):
        return _RefusesUs(refused.code, "policy")
    return RecipientRefused("The mail server does not take this address.")


def _header(name: str, address: str) -> Address:
    local, _, domain = address.rpartition("@")
    return Address(name, username=local, domain=domain)


def problems_of(settings: SmtpSettings) -> Sequence[str]:
    """Without the server's address, which holds a password."""
    found = []
    if settings.email_reply_to is not None and mail_address(settings.email_reply_to) is None:
        found.append("EMAIL_REPLY_TO must be an address such as kundeservice@drop.no.")
    try:
        if settings.smtp_url is not None:
            server_of(settings.smtp_url.get_secret_value())
    except ValueError:
        found.append("SMTP_URL must be such as smtp://user:password@mail.example.no:587.")
    return found


def build_backup(settings: SmtpSettings, tools: Tools) -> SmtpEmail | None:
    """None where no mail server is set."""
    if settings.smtp_url is None:
        return None
    server = server_of(settings.smtp_url.get_secret_value())
    adapter = SmtpEmail(
        server, Guard("email", RESILIENCE, RETRIED, vendor=SMTP), tools.texts, sender=settings.email_sender
    )
    tools.add_check(adapter.check, name=SMTP, needs=("smtp_url",))
    return adapter
