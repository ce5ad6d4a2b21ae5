"""What the user must see to approve, between the vendor's answer and the row in which it is kept encrypted."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import orjson

from domain.authorisation import Authorisation, SealedAuthorisation
from services.field_encryption import FieldEncryption

# A bank's code is good for minutes; after that the status alone says what became of the approval.
CODE_LIVES: Final = timedelta(minutes=10)
CODE_PAUSE: Final = timedelta(seconds=2)
# The user looks at the app meanwhile, so that the answer has to come while they look.
WATCH_PAUSE: Final = timedelta(seconds=2)
# How long a decoupled approval is asked about where the bank gives no end: longer than any is open.
WATCHED: Final = timedelta(minutes=15)


class Authorisations:
    """Encrypts what a decoupled approval shows to the user, and opens it for the user's own client."""

    def __init__(self, encryption: FieldEncryption) -> None:
        self._encryption = encryption

    def sealed(self, awaited: Authorisation) -> SealedAuthorisation:
        """As it is stored. A page's address is stored as it is."""
        if awaited.url is not None:
            return SealedAuthorisation(awaited.url, expires_at=awaited.expires_at)
        shown = orjson.dumps([awaited.message, awaited.challenge]).decode()
        return SealedAuthorisation(encrypted=self._encryption.encrypt(shown), expires_at=awaited.expires_at)

    def newly_awaited(
        self, known: SealedAuthorisation | None, given: Authorisation | None
    ) -> SealedAuthorisation | None:
        """What a vendor's answer changes of the approval that is stored, None if it changes nothing.

        A challenge may change with each answer, and an answer without a message keeps the last one. A page stays.
        """
        if given is None:
            return None
        if known is None or given.url is not None:
            return self.sealed(given)
        if not known.is_decoupled:
            return None
        shown = self.opened(known)
        merged = Authorisation(
            message=given.message or shown.message,
            challenge=given.challenge or shown.challenge,
            expires_at=given.expires_at or shown.expires_at,
        )
        return self.sealed(merged) if merged != shown else None

    def sealed_query(self, query: Mapping[str, str]) -> str:
        """What the browser brought back from the vendor's page, encrypted: a code in it is as good as the approval."""
        return self._encryption.encrypt(orjson.dumps(dict(query)).decode()).decode()

    def opened_query(self, text: str) -> dict[str, str]:
        """What `sealed_query` has encrypted."""
        return dict(orjson.loads(self._encryption.decrypt(text.encode())))

    def opened(self, stored: SealedAuthorisation) -> Authorisation:
        """As the vendor gave it."""
        if stored.encrypted is None:
            return Authorisation(stored.url, expires_at=stored.expires_at)
        message, challenge = orjson.loads(self._encryption.decrypt(stored.encrypted))
        return Authorisation(message=message, challenge=challenge, expires_at=stored.expires_at)
