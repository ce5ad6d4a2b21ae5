"""What a bank pushes to the address that it was given with a consent or payment.

Source: docs/vendors/nextgenpsd2.md, Status push.

The shape of a notification is unverified and its signature differs from bank to bank. So the address carries a token
that only Drop can make, and from the notification only the id in the address is used.
"""

import hashlib
import hmac
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
from pydantic import BaseModel, Field, ValidationError

from domain.errors import BadSignature, BadWebhook
from domain.ids import CONSENT, kind_of
from providers.open_banking.port import BankEvent
from providers.setting_types import valid_secrets

_TOKEN: Final = "token"  # noqa: S105  # a name
_ABOUT: Final = "about"


class _Stored(BaseModel):
    about: str = Field(min_length=1, max_length=100)
    notification: dict[str, object]


class NotificationAddress:
    """Makes and checks the addresses that banks push to. `url` is our webhook's; `secret` signs the tokens.

    Banks keep an address for as long as a consent lives, so that those of the `previous` secret are taken, too.
    """

    def __init__(self, url: str, secret: str, previous: str | None = None) -> None:
        self._url = url
        self._secrets = [one.encode() for one in valid_secrets(secret, previous)]

    def about(self, identifier: str) -> str:
        """The address for notifications about a consent (our id) or a payment (our end-to-end id)."""
        return f"{self._url}?{urlencode({_ABOUT: identifier, _TOKEN: self._tokens(identifier)[0]})}"

    def read(self, raw: bytes, url: str) -> BankEvent:
        """The event of a notification that was posted to `url`. Raises BadSignature, BadWebhook."""
        query = parse_qs(urlsplit(url).query)
        identifier, token = (query.get(name, [""])[0] for name in (_ABOUT, _TOKEN))
        if not any(hmac.compare_digest(token.encode(), made.encode()) for made in self._tokens(identifier)):
            raise BadSignature("The address is not one that a bank was given.")
        try:
            notification = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise BadWebhook("Not a bank's notification: JSON is needed.") from error
        return read(orjson.dumps({"about": identifier, "notification": notification}))

    def _tokens(self, identifier: str) -> list[str]:
        signed = f"notification:{identifier}".encode()
        return [hmac.new(secret, signed, hashlib.sha256).hexdigest() for secret in self._secrets]


def is_notification_address(url: str) -> bool:
    """Whether the URL carries a token, as the addresses do that banks are given. The token is not checked here."""
    return _TOKEN in parse_qs(urlsplit(url).query)


def read(stored: bytes) -> BankEvent:
    """The event of a notification that was verified and stored before. Raises BadWebhook."""
    try:
        about = _Stored.model_validate_json(stored).about
    except ValidationError as error:
        raise BadWebhook("Not a bank's notification: a JSON object is needed.") from error
    is_consent = kind_of(about) == CONSENT
    return BankEvent(
        # Notifications have no id. Two equal ones are one event: the payment or consent is read at the bank anyway.
        event_key=f"notification:{hashlib.sha256(stored).hexdigest()}",
        raw=stored,
        consent_id=about if is_consent else None,
        end_to_end_id=None if is_consent else about,
    )
