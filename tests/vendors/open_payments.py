"""Open Payments over HTTP, as docs/vendors/open_payments.md describes it, over the sandbox's banks.

It demands a token of the right scope, the BIC and the user's address; an approval counts only once the code that the
browser brought has been exchanged; a transaction status means nothing until then.
"""

from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from tests.vendors.face import (
    Oddities,
    OddPayments,
    Refused,
    ask,
)
from tests.vendors.xs2a_bodies import bank_transaction, rejected, statement_of

CLIENT_ID = "drop-contract"
CLIENT_SECRET = "open-payments-secret"
HOST = "http://127.0.0.1:8440"
_MARKS = "client_id=[CLIENT_ID]&response_type=code&redirect_uri=[TPP_REDIRECT_URI]&state=[TPP_STATE]"
# Wants the address from which a payment was begun with each call about it, and has no GET of an initiation.
HANDELSBANKEN = "HANDNOKK"
_REASONS = {"FUNDS_NOT_AVAILABLE": "FUNDS_NOT_AVAILABLE", "EXECUTION_FAILED": "PAYMENT_FAILED"}


def refuse(status: int, code: str, text: str = "No.") -> Refused:
    return Refused(status, {"tppMessages": [{"category": "ERROR", "code": code, "text": text}]})


def refused_by_sandbox(status: int, answer: Mapping[str, Any]) -> Refused:
    return refuse(status, answer["code"], answer["message"])


class OpenPayments:
    """What it remembers besides the sandbox: authorisations under way, codes, and what was exchanged."""

    def __init__(self, inner: httpx.AsyncClient, *, callback: str, host: str = HOST) -> None:
        self.inner = inner
        self.callback = callback
        self.host = host
        self.numbers = count(1)
        # By authorisation: what it is about, and where its browser goes.
        self.authorisations: dict[str, dict[str, Any]] = {}
        self.codes: dict[str, str] = {}
        self.exchanged: set[str] = set()
        self.odd = Oddities()
        self.odd_payments = OddPayments()
        self.loses_answers = False
        self.exchanges_codes = True
        # How many reads of a given consent still say that it is not.
        self.late_reads = 0
        # What a test does to it: no approval can be started, or it has no page; called with each accepted payment.
        self.starts_approvals = True
        self.offers_page = True
        # It asks in the bank's own app, as Handelsbanken and SEB do in production.
        self.is_decoupled = False
        self.code = "4711"
        # It wants no approval of payments.
        self.is_exempted = False
        self.deletes_with: int | None = None
        self.on_accepted: Callable[[], Awaitable[None]] | None = None
        self.tokens: dict[str, set[str]] = {}
        self.headers: list[Mapping[str, str]] = []
        # Of each call about payments, or about one consent: its method, its path, and what it told of the user.
        self.told_of_payments: list[tuple[str, str, Mapping[str, str]]] = []
        self.told_of_consents: list[tuple[str, str, Mapping[str, str]]] = []
        self.bics: dict[str, str] = {}
        # Where a browser comes back to, by what it was about; cancellations' pages.
        self.slots: dict[str, str] = {}
        self.pages: dict[str, str] = {}

    async def ask(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        return await ask(self.inner, method, path, refused_by_sandbox, **content)

    async def bank_of(self, bic: str) -> str:
        if not self.bics:
            listed = (await self.ask("GET", "/bank/banks", params={"country": "NO"}))["banks"]
            self.bics = {one["bic"]: one["id"] for one in listed}
        if bic not in self.bics:
            raise refuse(400, "FORMAT_ERROR", "X-BicFi")
        return self.bics[bic]

    def new_slot(self) -> str:
        return f"slot-{next(self.numbers)}"

    # The token host

    async def token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return JSONResponse({"error": "invalid_client"}, status_code=400)
        if form["grant_type"] == "authorization_code":
            if not self.exchanges_codes:
                return Response(status_code=503)
            authorisation = self.codes.pop(form["code"], None)
            named = request.headers.get("x-consentauthorisationid") or request.headers.get("x-paymentauthorisationid")
            if authorisation is None or authorisation != named or form["redirect_uri"] != self.callback:
                return JSONResponse({"error": "invalid_grant"}, status_code=400)
            self.exchanged.add(authorisation)
            return JSONResponse({"access_token": "of no use", "expires_in": 3600, "token_type": "Bearer"})
        token = f"token-{next(self.numbers)}"
        self.tokens[token] = set(form["scope"].split())
        return JSONResponse({"access_token": token, "expires_in": 3600, "token_type": "Bearer"})

    async def authorize(self, request: Request) -> Response:
        """The vendor's own step, on to the bank's page. Only what is registered may be returned to."""
        query = request.query_params
        if query["client_id"] != CLIENT_ID or query["redirect_uri"] != self.callback or not query["state"]:
            return JSONResponse({"error": "invalid_request"}, status_code=400)
        authorisation = query["acr_values"].rpartition(":")[2]
        self.authorisations[authorisation]["state"] = query["state"]
        return RedirectResponse(self.authorisations[authorisation]["page"], 303)

    async def back(self, request: Request) -> Response:
        """From the bank's page, on to whoever asked, with a code or an error."""
        identifier = self.slots[request.path_params["slot"]]
        authorisation, found = [
            (name, one) for name, one in self.authorisations.items() if one["object"] == identifier and "state" in one
        ][-1]
        stands = await self.ask("GET", found["at_sandbox"])
        is_approved = "valid" in (stands.get("consentStatus"),) or stands.get(found["sca"]) == "finalised"
        answer = {"state": found["state"]}
        if is_approved:
            code = f"code-{next(self.numbers)}"
            self.codes[code] = authorisation
            answer["code"] = code
        else:
            answer["error"] = "access_denied"
        return RedirectResponse(f"{self.callback}?{urlencode(answer)}", 303)

    # Authorisations, of consents, payments and cancellations alike

    def start(self, identifier: str, at_sandbox: str, page: str, sca: str = "scaStatus") -> Response:
        authorisation = f"auth-{next(self.numbers)}"
        self.authorisations[authorisation] = {
            "object": identifier,
            "at_sandbox": at_sandbox,
            "page": page,
            "sca": sca,
        }
        methods = [{"authenticationType": "PUSH_OTP", "authenticationMethodId": "bankid_no", "name": "BankID"}]
        body = {"authorisationId": authorisation, "scaStatus": "received", "scaMethods": methods, "_links": {}}
        if self.is_exempted:
            body |= {"scaStatus": "exempted", "scaMethods": []}
        return JSONResponse(body, status_code=201)

    @property
    def shown(self) -> dict[str, Any]:
        return {"psuMessage": "Open your BankID app.", "challengeData": {"data": [self.code]}}

    async def select(self, request: Request) -> Response:
        if (await request.json())["authenticationMethodId"] != "bankid_no":
            raise refuse(400, "SCA_METHOD_UNKNOWN")
        if self.is_decoupled:
            shown = {"scaStatus": "scaMethodSelected", "_links": {}, **self.shown}
            return JSONResponse(shown, headers={"aspsp-sca-approach": "DECOUPLED"})
        authorisation = request.path_params["authorisation"]
        acr = quote(f"idp:{request.headers['x-bicfi']} authorisationId:{authorisation}", safe="")
        href = f"/connect/authorize?{_MARKS}&acr_values={acr}"
        links = {"scaOAuth": {"href": href}} if self.offers_page else {}
        body = {"scaStatus": "scaMethodSelected", "_links": links}
        return JSONResponse(body, headers={"aspsp-sca-approach": "REDIRECT"})

    async def sca(self, request: Request) -> Response:
        if "payment" in request.path_params and (answer := self.odd_payments.answer("read", request)):
            return answer
        if self.is_exempted:
            return JSONResponse({"scaStatus": "exempted"})
        authorisation = request.path_params["authorisation"]
        found = self.authorisations[authorisation]
        stands = await self.ask("GET", found["at_sandbox"])
        messages = []
        if "consentStatus" in stands:
            status = {"valid": "finalised", "rejected": "failed", "expired": "failed"}.get(
                stands["consentStatus"], "received"
            )
        else:
            status = stands[found["sca"]]
        if "AUTHORISATION_EXPIRED" in (stands.get("reason"),) or stands.get("consentStatus") == "expired":
            messages.append({"category": "ERROR", "code": "AUTHENTICATION_SESSION_EXPIRED"})
        if self.is_decoupled:
            shown = self.shown if status == "received" else {}
            return JSONResponse({"scaStatus": status, "tppMessages": messages, **shown})
        if status == "finalised" and authorisation not in self.exchanged:
            status = "started"
        return JSONResponse({"scaStatus": status, "tppMessages": messages})

    def is_approved(self, identifier: str) -> bool:
        return self.is_decoupled or any(self.authorisations[name]["object"] == identifier for name in self.exchanged)

    # Consents

    async def create_consent(self, request: Request) -> Response:
        body = await request.json()
        if set(body) != {"access", "recurringIndicator", "validUntil", "frequencyPerDay", "combinedServiceIndicator"}:
            raise refuse(400, "FORMAT_ERROR")
        given = {
            "reference": f"op-{next(self.numbers)}",
            "bank": await self.bank_of(request.headers["x-bicfi"]),
            "psuId": request.headers.get("psu-id"),
            "redirectUri": f"{self.host}/back/{(slot := self.new_slot())}",
            "validUntil": body["validUntil"],
            "frequencyPerDay": body["frequencyPerDay"],
        }
        made = await self.ask("POST", "/bank/consents", json=given)
        self.slots[slot] = made["consentId"]
        self.odd.consents.append(made["consentId"])
        links = {"startAuthorisation": {"href": f"/psd2/consent/v1/consents/{made['consentId']}/authorisations"}}
        answer = {"consentStatus": "received", "consentId": made["consentId"], "_links": links}
        return JSONResponse({**answer, "tppMessages": self.odd.warns}, 201)

    async def authorise_consent(self, request: Request) -> Response:
        identifier = request.path_params["consent"]
        found = await self.ask("GET", f"/bank/consents/{identifier}")
        return self.start(identifier, f"/bank/consents/{identifier}", found["scaRedirect"])

    async def read_consent(self, request: Request) -> Response:
        if (make := self.odd.instead.get("consent")) and (answer := make(request)):
            return answer
        identifier = request.path_params["consent"]
        found = await self.ask("GET", f"/bank/consents/{identifier}")
        status = found["consentStatus"]
        if status == "valid" and (self.late_reads > 0 or not self.is_approved(identifier)):
            self.late_reads -= 1
            status = "received"
        status = self.odd.consent_word or status
        return JSONResponse(
            {"consentStatus": status, "validUntil": self.odd.consent_until or found["validUntil"], "frequencyPerDay": 4}
        )

    async def delete_consent(self, request: Request) -> Response:
        await self.ask("DELETE", f"/bank/consents/{request.path_params['consent']}")
        return Response(status_code=204)

    # Accounts

    async def _of_consent(self, request: Request, path: str, **params: str) -> dict[str, Any]:
        consent = request.headers.get("consent-id", "")
        if not self.is_approved(consent):
            raise refuse(401, "CONSENT_INVALID")
        attended = request.headers.get("psu-ip-address")
        given = {**params, **({"psuIpAddress": attended} if attended else {})}
        return await self.ask("GET", f"/bank/consents/{consent}/accounts{path}", params=given)

    async def accounts(self, request: Request) -> Response:
        if answer := self.odd.answer("accounts", request):
            return answer
        found = await self._of_consent(request, "")
        card = {"resourceId": "card-1", "currency": "NOK", "product": "Kredittkort"}
        accounts = [*({**one, "status": "enabled"} for one in found["accounts"]), card]
        return JSONResponse({"accounts": self.odd.accounts(accounts)})

    async def balances(self, request: Request) -> Response:
        if answer := self.odd.answer("balances", request):
            return answer
        found = await self._of_consent(request, f"/{request.path_params['account']}/balances")
        other = {"balanceType": "nonInvoiced", "balanceAmount": {"currency": "NOK", "amount": "0.00"}}
        return JSONResponse({"balances": self.odd.balances([*found["balances"], other])})

    async def transactions(self, request: Request) -> Response:
        if answer := self.odd.answer("transactions", request):
            return answer
        query = request.query_params
        if query.get("bookingStatus") not in ("both", "booked"):
            raise refuse(400, "PARAMETER_NOT_SUPPORTED")
        if self.odd.pages is not None:
            items, following = self.odd.page(query.get("page", ""))
        else:
            path = f"/{request.path_params['account']}/transactions"
            found = await self._of_consent(request, path, dateFrom=query["dateFrom"], page=query.get("page", ""))
            items = [{"status": item["status"], **bank_transaction(item)} for item in found["transactions"]]
            if self.odd.gives_ids is False:
                items = [{**item, "endToEndId": "NOTPROVIDED"} for item in items]
            items = [*self.odd.on_top(request.path_params["account"], query.get("page", "")), *items]
            following = found["next"]
        statement = statement_of(items, following)
        if query["bookingStatus"] == "booked":
            del statement["pending"]
        return JSONResponse({"transactions": statement, "balances": []})

    # Payments

    async def create_payment(self, request: Request) -> Response:
        if instead := self.odd_payments.answer("initiate", request):
            return instead
        if "psu-ip-address" not in request.headers:
            raise refuse(400, "FORMAT_ERROR", "PSU-IP-Address")
        body = await request.json()
        text = body.get("remittanceInformationUnstructured")
        is_kid = text is not None and text.isdigit()
        given = {
            "endToEndIdentification": body["endToEndIdentification"],
            "bank": await self.bank_of(request.headers["x-bicfi"]),
            "debtorAccount": body["debtorAccount"],
            "creditorAccount": body["creditorAccount"],
            "creditorName": body["creditorName"],
            "instructedAmount": body["instructedAmount"],
            "requestedExecutionDate": body.get("requestedExecutionDate"),
            "redirectUri": f"{self.host}/back/{(slot := self.new_slot())}",
            "kid": text if is_kid else None,
            "remittanceInformationUnstructured": None if is_kid else text,
        }
        made = await self.ask("POST", "/bank/payments", json=given)
        self.odd_payments.ids.append(made["paymentId"])
        self.slots[slot] = made["paymentId"]
        if self.on_accepted is not None:
            await self.on_accepted()
        if self.loses_answers:
            return Response(status_code=504)
        if self.odd_payments.rejects_with is not None:
            return JSONResponse(rejected(made["paymentId"], self.odd_payments.rejects_with), 201)
        # Older examples say so before anybody has approved anything (open_payments.md, Payments).
        answer = {"transactionStatus": "ACTC", "paymentId": made["paymentId"], "_links": {}}
        return JSONResponse(self.odd_payments.taken({**answer, "tppMessages": self.odd.warns}), 201)

    async def list_authorisations(self, request: Request) -> Response:
        if answer := self.odd_payments.answer("read", request):
            return answer
        identifier = request.path_params["payment"]
        found = [name for name, one in self.authorisations.items() if one["object"] == identifier]
        return JSONResponse({"authorisationIds": found})

    async def authorise_payment(self, request: Request) -> Response:
        if not self.starts_approvals:
            raise refuse(403, "SERVICE_BLOCKED")
        identifier = request.path_params["payment"]
        found = await self.ask("GET", f"/bank/payments/{identifier}")
        return self.start(identifier, f"/bank/payments/{identifier}", found["scaRedirect"])

    async def payment_status(self, request: Request) -> Response:
        if answer := self.odd_payments.answer("read", request):
            return answer
        found = await self.ask("GET", f"/bank/payments/{request.path_params['payment']}")
        reason = _REASONS.get(found["reason"] or "")
        messages = [{"category": "ERROR", "code": reason}] if reason else []
        # Its trap: a payment that nobody approved looks as if it were under way.
        is_refused = found["transactionStatus"] == "RJCT" and found["scaStatus"] == "failed"
        status = "ACSP" if is_refused else found["transactionStatus"]
        begun_here = set(self.cancellations(found["paymentId"]))
        if found.get("cancelSca") == "finalised" and begun_here and not self.exchanged & begun_here:
            status = "ACTC"
        return JSONResponse({"transactionStatus": self.odd_payments.said(status), "tppMessages": messages})

    async def read_payment(self, request: Request) -> Response:
        if answer := self.odd_payments.answer("read", request):
            return answer
        found = await self.ask("GET", f"/bank/payments/{request.path_params['payment']}")
        return JSONResponse(
            {"transactionStatus": found["transactionStatus"], "requestedExecutionDate": found["executionDate"]}
        )

    async def cancel_payment(self, request: Request) -> Response:
        if answer := self.odd_payments.answer("cancel", request):
            return answer
        identifier = request.path_params["payment"]
        if self.deletes_with is not None:
            return JSONResponse({"transactionStatus": "RCVD", "_links": {}}, self.deletes_with)
        slot = self.new_slot()
        self.slots[slot] = identifier
        given = {"redirectUri": f"{self.host}/back/{slot}"}
        found = await self.ask("POST", f"/bank/payments/{identifier}/cancellation", json=given)
        if found["transactionStatus"] == "CANC":
            return Response(status_code=204)
        self.pages[identifier] = found["scaRedirect"]
        return JSONResponse({"transactionStatus": found["transactionStatus"], "_links": {}}, 202)

    def cancellations(self, payment: str) -> list[str]:
        return [
            name for name, one in self.authorisations.items() if one["object"] == payment and one["sca"] == "cancelSca"
        ]

    async def list_cancellations(self, request: Request) -> Response:
        return JSONResponse({"cancellationIds": self.cancellations(request.path_params["payment"])})

    async def authorise_cancellation(self, request: Request) -> Response:
        identifier = request.path_params["payment"]
        return self.start(identifier, f"/bank/payments/{identifier}", self.pages[identifier], "cancelSca")

    async def banks(self, request: Request) -> Response:
        country = request.query_params["isoCountryCodes"]
        listed = (await self.ask("GET", "/bank/banks", params={"country": country}))["banks"]
        return JSONResponse({"aspsps": [{"id": one["id"], "bicFi": one["bic"], "name": one["name"]} for one in listed]})
