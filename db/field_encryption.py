"""Fields that are kept encrypted, and the keyed hash by which they are found."""

import hashlib
import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

# A Fernet token begins with "g", and a webhook's body with no control character.
_VERSION: Final = b"\x01"
_ID: Final = 4
_NONCE: Final = 12
_HEAD: Final = len(_VERSION) + _ID
_TEXT: Final = "enc:"


class UnreadableField(ValueError):
    """A value that no key of the ring opens, or that was encrypted for another place."""


class FieldEncryption:
    """A ring of keys: the first encrypts, all decrypt, so that a key can be rotated.

    AES-256-GCM with a random nonce, by a key that is derived (HKDF) from the 32 bytes in the settings. A value begins
    with its form and the id of its key, and its purpose (`db/sealed.py`) is authenticated: it opens nowhere else.
    Fernet tokens of earlier releases are read, too, by the same keys.

    `as_before` writes what the release before reads: Fernet, and what it did not encrypt as it is.
    """

    def __init__(self, keys: Sequence[str], hash_keys: Sequence[str], *, as_before: bool = False) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        ring = [_derived(urlsafe_b64decode(key)) for key in keys]
        self._head = _VERSION + ring[0][0]
        self._current = ring[0][1]
        self._ring = {_VERSION + identifier: cipher for identifier, cipher in ring}
        self._hash_keys = [key.encode() for key in hash_keys]
        self.as_before = as_before

    def encrypt(self, text: str, purpose: str) -> bytes:
        """A secret, of which no release ever kept the text itself."""
        return self._fernet.encrypt(text.encode()) if self.as_before else self.seal(text.encode(), purpose)

    def decrypt(self, secret: bytes, purpose: str) -> str:
        """What `encrypt` has encrypted, or a release before. Raises UnreadableField."""
        if is_sealed(secret):
            return self.unseal(secret, purpose).decode()
        try:
            return self._fernet.decrypt(secret).decode()
        except InvalidToken as error:
            raise UnreadableField(purpose) from error

    def encrypt_text(self, text: str, purpose: str) -> str:
        """As `encrypt`, for a column of texts or the arguments of a job."""
        secret = self.encrypt(text, purpose)
        return as_text(secret) if is_sealed(secret) else secret.decode()

    def decrypt_text(self, stored: str, purpose: str) -> str:
        """What `encrypt_text` has encrypted. Raises UnreadableField."""
        return self.decrypt(from_text(stored) or stored.encode(), purpose)

    def seal(self, value: bytes, purpose: str) -> bytes:
        """Some microseconds a value."""
        nonce = os.urandom(_NONCE)
        return self._head + nonce + self._current.encrypt(nonce, value, purpose.encode())

    def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """What `seal` was given. Raises UnreadableField."""
        cipher = self._ring.get(sealed[:_HEAD])
        if cipher is None:
            raise UnreadableField(f"{purpose}: its key is not set")
        nonce, rest = sealed[_HEAD : _HEAD + _NONCE], sealed[_HEAD + _NONCE :]
        try:
            return cipher.decrypt(nonce, rest, purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise UnreadableField(purpose) from error

    def is_current(self, value: bytes) -> bool:
        """Whether the first key has sealed it, so that it needs no rotation."""
        return value.startswith(self._head)

    def keyed_hash(self, text: str) -> str:
        """The same text gives the same hash, and without the key nothing can be guessed from it."""
        return self.keyed_hashes(text)[0]

    def keyed_hashes(self, text: str) -> Sequence[str]:
        """By each hash key, the current one's first: while one is rotated, either may stand in a row."""
        return [hmac.new(key, text.encode(), hashlib.sha256).hexdigest() for key in self._hash_keys]


def is_sealed(value: bytes) -> bool:
    """Whether `seal` made it: as opposed to a Fernet token, or a value that was never encrypted."""
    return value.startswith(_VERSION)


def as_text(sealed: bytes) -> str:
    """For a column of texts."""
    return _TEXT + urlsafe_b64encode(sealed).decode()


def from_text(stored: str) -> bytes | None:
    """What `as_text` was given, None for a text that was never encrypted."""
    if not stored.startswith(_TEXT):
        return None
    try:
        return urlsafe_b64decode(stored.removeprefix(_TEXT))
    except BadBase64 as error:
        raise UnreadableField("no base64") from error


def _derived(key: bytes) -> tuple[bytes, AESGCM]:
    """The id of a key, which tells nothing of it, and its cipher."""
    made = HKDF(SHA256(), 32 + _ID, salt=None, info=b"drop gateway: fields").derive(key)
    return made[32:], AESGCM(made[:32])
