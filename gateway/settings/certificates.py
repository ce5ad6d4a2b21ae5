"""Our seal, for banks that want requests signed."""

from gateway.settings.settings import Settings
from providers.open_banking.message_signing import MessageSigning


def seal_of(settings: Settings) -> MessageSigning | None:
    """None where none is set. Raises OSError, ValueError."""
    certificate, key = settings.openbanking_seal_cert, settings.openbanking_seal_key
    if certificate is None or key is None:
        return None
    return MessageSigning(certificate.read_bytes(), key.read_bytes())
