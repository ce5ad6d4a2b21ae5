"""Our certificates: what banks know us by (RFC 8705), and the seal for those that want requests signed."""

import ssl
from collections.abc import Sequence
from pathlib import Path

import httpx
from pydantic import BaseModel, Field

from providers.open_banking.message_signing import MessageSigning


class CertificateSettings(BaseModel):
    """Files in PEM; a key may stand in its certificate's file."""

    openbanking_client_cert: Path | None = Field(
        default=None, description="File of our client certificate in PEM, which production asks for."
    )
    openbanking_client_key: Path | None = Field(
        default=None, description="File of its key in PEM; without it the certificate's file holds it."
    )
    openbanking_ca: Path | None = Field(
        default=None, description="File of a further authority in PEM, whose servers are believed, too."
    )
    openbanking_seal_cert: Path | None = Field(
        default=None, description="File of our seal's certificate (QSealC) in PEM, for banks that want requests signed."
    )
    openbanking_seal_key: Path | None = Field(default=None, description="File of the seal's RSA key in PEM.")


def tls_of(settings: CertificateSettings) -> ssl.SSLContext:
    """With our client certificate where it is set, and the further authority. Raises OSError, ssl.SSLError."""
    context = httpx.create_ssl_context()
    if settings.openbanking_ca is not None:
        context.load_verify_locations(settings.openbanking_ca)
    if settings.openbanking_client_cert is not None:
        context.load_cert_chain(settings.openbanking_client_cert, settings.openbanking_client_key)
    return context


def seal_of(settings: CertificateSettings) -> MessageSigning | None:
    """None where none is set. Raises OSError, ValueError."""
    certificate, key = settings.openbanking_seal_cert, settings.openbanking_seal_key
    if certificate is None or key is None:
        return None
    return MessageSigning(certificate.read_bytes(), key.read_bytes())


def problems_of(settings: CertificateSettings, signing: Sequence[str]) -> Sequence[str]:
    """What is wrong with the files. `signing` are the banks that want requests signed."""
    found = []
    try:
        if settings.openbanking_client_cert or settings.openbanking_client_key or settings.openbanking_ca:
            tls_of(settings)
    except OSError as error:  # ssl.SSLError is one
        names = "OPENBANKING_CLIENT_CERT, OPENBANKING_CLIENT_KEY and OPENBANKING_CA"
        found.append(f"{names} must be files in PEM that belong together ({type(error).__name__}).")
    seal = "OPENBANKING_SEAL_CERT and OPENBANKING_SEAL_KEY"
    try:
        if seal_of(settings) is None and signing:
            found.append(f"{seal} are needed for {', '.join(signing)}.")
    except (OSError, ValueError) as error:
        found.append(f"{seal} must be files in PEM that belong together ({type(error).__name__}).")
    return found
