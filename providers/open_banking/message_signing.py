"""Signs requests with an electronic seal, for banks that want it.

Source: docs/vendors/nextgenpsd2.md, Security and headers (draft-cavage-http-signatures).
"""

import base64
import hashlib
import string
from collections.abc import Generator
from typing import Final
from urllib.parse import quote

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

# The signed headers, in this order. Headers that a request does not have are left out.
_SIGNED: Final = ("digest", "x-request-id", "psu-id", "psu-corporate-id", "tpp-redirect-uri")

# The standard's example has the serial number in capital hexadecimal digits, and encodes blanks alone in the name of
# the seal's issuer: SN=9FA1, CN=D-TRUST%20CA%202-1%202015. A quote would end the `keyId`, and only ASCII fits in a
# header.
_AS_IT_IS: Final = "".join(letter for letter in string.punctuation if letter not in '"%')


class MessageSigning(httpx.Auth):
    """Signs requests with a QSealC. `certificate` and `key` are in PEM. Raises ValueError for a key that is not RSA."""

    requires_request_body = True

    def __init__(self, certificate: bytes, key: bytes) -> None:
        found = x509.load_pem_x509_certificate(certificate)
        private = serialization.load_pem_private_key(key, password=None)
        if not isinstance(private, rsa.RSAPrivateKey):
            raise ValueError("a seal's key is of RSA")
        self._key = private
        self._certificate = base64.b64encode(found.public_bytes(serialization.Encoding.DER)).decode()
        authority = quote(found.issuer.rfc4514_string(), safe=_AS_IT_IS)
        self._key_id = f"SN={found.serial_number:X},CA={authority}"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        digest = base64.b64encode(hashlib.sha256(request.content).digest()).decode()
        request.headers["digest"] = f"SHA-256={digest}"
        names = [name for name in _SIGNED if name in request.headers]
        text = "\n".join(f"{name}: {request.headers[name]}" for name in names)
        signature = base64.b64encode(self._key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
        request.headers["signature"] = (
            f'keyId="{self._key_id}",algorithm="rsa-sha256",headers="{" ".join(names)}",signature="{signature}"'
        )
        request.headers["tpp-signature-certificate"] = self._certificate
        yield request
