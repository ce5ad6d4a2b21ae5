"""The key ring of the settings."""

from db.field_encryption import FieldEncryption
from gateway.settings.settings import Settings


def field_encryption(settings: Settings) -> FieldEncryption:
    """By which fields are encrypted, and found by their hashes."""
    keys = [key.get_secret_value() for key in settings.field_encryption_keys]
    hash_keys = [key.get_secret_value() for key in (settings.field_hash_key, *settings.field_hash_keys_old)]
    return FieldEncryption(keys, hash_keys, as_before=settings.field_encryption_as_before)
