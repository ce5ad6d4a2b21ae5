"""What the user must see to approve, between the vendor's answer and the row in which it is kept encrypted."""

import orjson

from domain.authorisation import Authorisation, SealedAuthorisation
from services.field_encryption import FieldEncryption


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

    def opened(self, stored: SealedAuthorisation) -> Authorisation:
        """As the vendor gave it."""
        if stored.encrypted is None:
            return Authorisation(stored.url, expires_at=stored.expires_at)
        message, challenge = orjson.loads(self._encryption.decrypt(stored.encrypted))
        return Authorisation(message=message, challenge=challenge, expires_at=stored.expires_at)
