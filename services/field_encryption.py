"""Fields that are kept encrypted, and the keyed hash by which they are found."""

import hashlib
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, MultiFernet


class FieldEncryption:
    """A ring of keys: the first encrypts, all decrypt, so that a key can be rotated."""

    def __init__(self, keys: Sequence[str], hash_key: str) -> None:
        self._ring = MultiFernet([Fernet(key) for key in keys])
        self._hash_key = hash_key.encode()

    def encrypt(self, text: str) -> bytes:
        return self._ring.encrypt(text.encode())

    def decrypt(self, secret: bytes) -> str:
        return self._ring.decrypt(secret).decode()

    def keyed_hash(self, text: str) -> str:
        """The same text gives the same hash, and without the key nothing can be guessed from it."""
        return hmac.new(self._hash_key, text.encode(), hashlib.sha256).hexdigest()
