"""The key by which the sandbox's mail vendor signs: made from a setting, so that no key stands in a file."""

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, derive_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def private_key_of(secret: str) -> EllipticCurvePrivateKey:
    """A P-256 key. Half of the digest is below the curve's order, whatever the secret."""
    return derive_private_key(int.from_bytes(hashlib.sha256(secret.encode()).digest()[:16]) + 1, SECP256R1())


def public_key_of(secret: str) -> str:
    """Base64 DER without PEM lines, as SendGrid's dashboard shows it."""
    key = private_key_of(secret).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
