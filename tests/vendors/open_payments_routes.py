"""The addresses of Open Payments' face, and what it demands of every request."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.vendors.face import (
    Endpoint,
    face,
    psu_headers_of,
    tells_only_of_present_users,
)
from tests.vendors.open_payments import HANDELSBANKEN, OpenPayments, refuse


def app(vendor: OpenPayments) -> Starlette:
    def api(path: str, method: str, scope: str, endpoint: Endpoint) -> Route:
        async def checked(request: Request) -> Response:
            headers = request.headers
            vendor.headers.append(headers)
            scopes = vendor.tokens.get(headers.get("authorization", "").removeprefix("Bearer "))
            if scopes is None:
                raise refuse(401, "TOKEN_INVALID")
            if not {scope, "private"} <= scopes:
                raise refuse(403, "SERVICE_BLOCKED")
            if len(headers.get("x-request-id", "")) != 36 or not tells_only_of_present_users(headers):
                raise refuse(400, "FORMAT_ERROR")
            if scope == "paymentinitiation":
                vendor.told_of_payments.append((method, request.url.path, psu_headers_of(headers)))
                if headers.get("x-bicfi") == HANDELSBANKEN:
                    if "psu-ip-address" not in headers:
                        raise refuse(400, "FORMAT_ERROR", "PSU-IP-Address")
                    if endpoint == vendor.read_payment:
                        raise refuse(405, "SERVICE_INVALID")
            if "consent" in request.path_params:
                vendor.told_of_consents.append((method, request.url.path, psu_headers_of(headers)))
                is_sca = "authorisation" in request.url.path
                if headers.get("x-bicfi") == HANDELSBANKEN and is_sca and "psu-ip-address" not in headers:
                    raise refuse(400, "FORMAT_ERROR", "PSU-IP-Address")
            if scope != "aspspinformation":
                await vendor.bank_of(headers.get("x-bicfi", ""))
            if vendor.odd_payments.gone and vendor.odd_payments.has_forgotten(request):
                raise refuse(*vendor.odd_payments.gone)
            return await endpoint(request)

        return Route(f"/psd2{path}", checked, methods=[method])

    consents, payments = "/consent/v1/consents", "/paymentinitiation/v1/payments/domestic"
    accounts, read, pay = "/accountinformation/v1/accounts", "accountinformation", "paymentinitiation"
    one = "/authorisations/{authorisation}"
    return face(
        [
            Route("/connect/token", vendor.token, methods=["POST"]),
            Route("/connect/authorize", vendor.authorize),
            Route("/back/{slot}", vendor.back),
            api("/aspspinformation/v1/aspsps", "GET", "aspspinformation", vendor.banks),
            api(consents, "POST", read, vendor.create_consent),
            api(f"{consents}/{{consent}}", "GET", read, vendor.read_consent),
            api(f"{consents}/{{consent}}", "DELETE", read, vendor.delete_consent),
            api(f"{consents}/{{consent}}/authorisations", "POST", read, vendor.authorise_consent),
            api(f"{consents}/{{consent}}{one}", "PUT", read, vendor.select),
            api(f"{consents}/{{consent}}{one}", "GET", read, vendor.sca),
            api(accounts, "GET", read, vendor.accounts),
            api(f"{accounts}/{{account}}/balances", "GET", read, vendor.balances),
            api(f"{accounts}/{{account}}/transactions", "GET", read, vendor.transactions),
            api(payments, "POST", pay, vendor.create_payment),
            api(f"{payments}/{{payment}}", "GET", pay, vendor.read_payment),
            api(f"{payments}/{{payment}}", "DELETE", pay, vendor.cancel_payment),
            api(f"{payments}/{{payment}}/status", "GET", pay, vendor.payment_status),
            api(f"{payments}/{{payment}}/authorisations", "POST", pay, vendor.authorise_payment),
            api(f"{payments}/{{payment}}/authorisations", "GET", pay, vendor.list_authorisations),
            api(f"{payments}/{{payment}}{one}", "PUT", pay, vendor.select),
            api(f"{payments}/{{payment}}{one}", "GET", pay, vendor.sca),
            api(f"{payments}/{{payment}}/cancellation-authorisations", "POST", pay, vendor.authorise_cancellation),
            api(f"{payments}/{{payment}}/cancellation-authorisations", "GET", pay, vendor.list_cancellations),
            api(f"{payments}/{{payment}}/cancellation-authorisations/{{authorisation}}", "PUT", pay, vendor.select),
            api(f"{payments}/{{payment}}/cancellation-authorisations/{{authorisation}}", "GET", pay, vendor.sca),
        ]
    )
