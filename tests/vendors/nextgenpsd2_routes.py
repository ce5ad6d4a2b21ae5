"""The addresses of the direct banks' faces, and what they demand of every request."""

import base64
import hashlib
import re

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.vendors.face import Endpoint, face, tells_only_of_present_users
from tests.vendors.nextgenpsd2 import PRODUCT, SIGNED_BY, NextGenBanks
from tests.vendors.open_payments import refuse


def app(vendor: NextGenBanks) -> Starlette:
    def api(path: str, method: str, endpoint: Endpoint) -> Route:
        async def checked(request: Request) -> Response:
            if len(request.headers.get("x-request-id", "")) != 36 or not tells_only_of_present_users(request.headers):
                raise refuse(400, "FORMAT_ERROR")
            if request.path_params["bank"] == SIGNED_BY:
                await _demand_signature(vendor, request)
            if vendor.odd_payments.gone and vendor.odd_payments.has_forgotten(request):
                raise refuse(*vendor.odd_payments.gone)
            return await endpoint(request)

        return Route(f"/{{bank}}/v1{path}", checked, methods=[method])

    one, payment = "/authorisations/{authorisation}", f"/payments/{PRODUCT}/{{payment}}"
    return face(
        [
            Route("/page/{slot}", vendor.page),
            api("/consents", "POST", vendor.create_consent),
            api("/consents/{consent}", "GET", vendor.read_consent),
            api("/consents/{consent}", "DELETE", vendor.delete_consent),
            api("/consents/{consent}/authorisations", "POST", vendor.start_consent),
            api("/consents/{consent}/authorisations", "GET", vendor.list_consent_authorisations),
            api(f"/consents/{{consent}}{one}", "GET", vendor.consent_sca),
            api(f"/consents/{{consent}}{one}", "PUT", vendor.select),
            api("/accounts", "GET", vendor.accounts),
            api("/accounts/{account}/balances", "GET", vendor.balances),
            api("/accounts/{account}/transactions", "GET", vendor.transactions),
            api(f"/payments/{PRODUCT}", "POST", vendor.create_payment),
            api(payment, "GET", vendor.read_payment),
            api(payment, "DELETE", vendor.cancel),
            api(f"{payment}/status", "GET", vendor.payment_status),
            api(f"{payment}/authorisations", "POST", vendor.start),
            api(f"{payment}/authorisations", "GET", vendor.list_authorisations),
            api(f"{payment}{one}", "GET", vendor.payment_sca),
            api(f"{payment}{one}", "PUT", vendor.select),
            api(f"{payment}/cancellation-authorisations", "POST", vendor.start_cancellation),
            api(f"{payment}/cancellation-authorisations", "GET", vendor.list_cancellations),
            api(f"{payment}/cancellation-authorisations/{{authorisation}}", "GET", vendor.cancellation_sca),
            api(f"{payment}/cancellation-authorisations/{{authorisation}}", "PUT", vendor.select),
        ]
    )


async def _demand_signature(vendor: NextGenBanks, request: Request) -> None:
    """Of the body as it came, by the certificate beside it."""
    headers = request.headers
    digest = base64.b64encode(hashlib.sha256(await request.body()).digest()).decode()
    if headers.get("digest") != f"SHA-256={digest}":
        raise refuse(401, "SIGNATURE_INVALID")
    parts = dict(re.findall(r'(\w+)="([^"]*)"', headers.get("signature", "")))
    names = parts.get("headers", "").split()
    needed = {"digest", "x-request-id"} | ({"psu-id", "tpp-redirect-uri"} & set(headers.keys()))
    certificate = x509.load_der_x509_certificate(base64.b64decode(headers["tpp-signature-certificate"]))
    key = certificate.public_key()
    if not needed <= set(names) or not isinstance(key, rsa.RSAPublicKey):
        raise refuse(401, "SIGNATURE_INVALID")
    authority = certificate.issuer.rfc4514_string().replace(" ", "%20")
    if parts["keyId"] != f"SN={certificate.serial_number:X},CA={authority}":
        raise refuse(401, "CERTIFICATE_INVALID")
    text = "\n".join(f"{name}: {headers[name]}" for name in names).encode()
    try:
        key.verify(base64.b64decode(parts["signature"]), text, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature as error:
        raise refuse(401, "SIGNATURE_INVALID") from error
    vendor.signed += 1
