"""Banks that speak NextGenPSD2 themselves, as docs/vendors/nextgenpsd2.md describes it, over the sandbox's banks.

Each at a path of its own. A consent's answer has the page in it, a payment's authorisation has to be started; links are
relative; SpareBank 1 wants requests signed.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from domain.ids import BankId
from sandbox.people import personas
from tests.vendors.face import Oddities, OddPayments, ask
from tests.vendors.open_payments import refuse, refused_by_sandbox
from tests.vendors.xs2a_bodies import bank_transaction, rejected, statement_of

HOST = "http://127.0.0.1:8460"
BANKS = ("bank_dnb", "bank_nordea", "bank_handelsbanken", "bank_sparebank1", "bank_sbanken")
BASES = {bank: f"{HOST}/{bank}" for bank in BANKS}
SIGNED_BY = "bank_sparebank1"
PRODUCT = "norwegian-domestic-credit-transfers"
_REASONS = {
    "FUNDS_NOT_AVAILABLE": "FUNDS_NOT_AVAILABLE",
    "EXECUTION_FAILED": "PAYMENT_FAILED",
    "AUTHORISATION_EXPIRED": "RESOURCE_EXPIRED",
}


class Sca(StrEnum):
    """How the banks let payments be approved."""

    REDIRECT = "redirect"
    # Begun with the payment, or after its one method was chosen.
    DECOUPLED = "decoupled"
    CHOSEN_DECOUPLED = "chosen decoupled"
    # Begun with the object, whose answer alone offers the methods.
    OFFERED_AT_ONCE = "offered at once"
    EXEMPTED = "exempted"
    EXEMPTED_AT_ONCE = "exempted at once"
    TYPED_CODE = "typed code"
    NO_PAGE = "no page"
    ERROR = "error"


class NextGenBanks:
    """What they remember besides the sandbox: pages by slot, and authorisations of cancellations."""

    def __init__(
        self, inner: httpx.AsyncClient, *, host: str = HOST, pages_at: httpx.AsyncClient | None = None
    ) -> None:
        self.inner = inner
        # A browser at the sandbox's pages, where a user approves without the product's help.
        self.pages_at = pages_at or inner
        self.host = host
        self.numbers = count(1)
        self.pages: dict[str, str] = {}
        # By the bank's id, the kind of the object and the address that its notifications go to.
        self.told: dict[str, tuple[str, str]] = {}
        self.signed = 0
        self.odd = Oddities()
        self.odd_payments = OddPayments()
        self.started: set[str] = set()
        self.begun_consents: list[str] = []
        # Whether the answer to a new consent links to the approval that the bank has begun with it.
        self.links_to_approvals = True
        # What a test does to them: how payments are approved, what DELETE answers, and whether answers get lost.
        self.sca = Sca.REDIRECT
        self.consents_by = Sca.REDIRECT
        self.deletes_with: int | None = None
        self.loses_selections = False
        self.on_selected: Callable[[], Awaitable[object]] | None = None
        # What a bank offers to approve by, in place of one method.
        self.methods: list[dict[str, str]] | None = None
        self.chosen: list[str] = []
        # How often it was told a method, whether that gets lost on the way, and which methods it does not take.
        self.select_calls = 0
        self.drops_selections = False
        self.unknown_methods: set[str] = set()
        self.loses_answers = False
        self.code = "4711"
        self.selected = 0
        self.on_accepted: Callable[[], Awaitable[None]] | None = None

    async def ask(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        return await ask(self.inner, method, path, refused_by_sandbox, **content)

    def page_at(self, url: str) -> str:
        """A page of the bank that leads on to the sandbox's."""
        slot = f"slot-{next(self.numbers)}"
        self.pages[slot] = f"{self.host}{urlsplit(url).path}"
        return f"{self.host}/page/{slot}"

    async def page(self, request: Request) -> Response:
        return RedirectResponse(self.pages[request.path_params["slot"]], 303)

    async def create_consent(self, request: Request) -> Response:
        body = await request.json()
        given = {
            "reference": f"ng-{next(self.numbers)}",
            "bank": request.path_params["bank"],
            "psuId": request.headers.get("psu-id"),
            "redirectUri": request.headers["tpp-redirect-uri"],
            "validUntil": body["validUntil"],
            "frequencyPerDay": body["frequencyPerDay"],
        }
        made = await self.ask("POST", "/bank/consents", json=given)
        identifier = made["consentId"]
        self.odd.consents.append(made["consentId"])
        self.told[identifier] = ("consent", request.headers["tpp-notification-uri"])
        base = f"/v1/consents/{identifier}/authorisations"
        answer: dict[str, Any] = {"consentStatus": "received", "consentId": identifier, "tppMessages": self.odd.warns}
        links: dict[str, Any] = {"scaStatus": {"href": f"{base}/auth-{identifier}"}} if self.links_to_approvals else {}
        if self.consents_by in (Sca.REDIRECT, Sca.DECOUPLED):
            self.begun_consents.append(identifier)
        if self.consents_by is Sca.REDIRECT:
            links["scaRedirect"] = {"href": self.page_at(made["scaRedirect"])}
        elif self.consents_by is Sca.DECOUPLED:
            headers = {"aspsp-sca-approach": "DECOUPLED"}
            return JSONResponse({**answer, **self.shown, "_links": links}, 201, headers)
        elif self.consents_by is Sca.OFFERED_AT_ONCE:
            self.begun_consents.append(identifier)
            return JSONResponse({**answer, **self.offered(f"{base}/auth-{identifier}")}, 201)
        elif self.consents_by is Sca.EXEMPTED_AT_ONCE:
            await self.approve_consent(identifier)
            return JSONResponse({**answer, "consentStatus": "valid", "scaStatus": "exempted", "_links": {}}, 201)
        else:
            links = {"startAuthorisation": {"href": base}}
        return JSONResponse({**answer, "_links": links}, 201)

    async def approve_consent(self, identifier: str, decision: str = "approve") -> None:
        """The user approves in the bank's app, or the bank needs no approval."""
        accounts = [account.resource_id for account in personas()["kari"].at_bank(BankId("bank_dnb"))]
        form = {"decision": decision, "account": accounts}
        await self.pages_at.post(f"/sandbox/bank/consents/{identifier}", data=form)

    async def start_consent(self, request: Request) -> Response:
        identifier = request.path_params["consent"]
        if self.consents_by is Sca.OFFERED_AT_ONCE:
            raise refuse(409, "STATUS_INVALID")  # it was begun with the consent
        if self.consents_by is Sca.ERROR:
            return JSONResponse({"code": "INTERNAL_SERVER_ERROR"}, 500)
        self.begun_consents.append(identifier)
        body: dict[str, Any] = {"authorisationId": f"auth-{identifier}", "scaStatus": "received", "_links": {}}
        if self.consents_by is Sca.EXEMPTED:
            await self.approve_consent(identifier)
            body["scaStatus"] = "exempted"
        else:
            body["scaMethods"] = self.methods or self.one_method(self.consents_by)
        return JSONResponse(body, 201)

    async def list_consent_authorisations(self, request: Request) -> Response:
        if answer := self.odd.answer("approvals", request):
            return answer
        identifier = request.path_params["consent"]
        known = [f"auth-{identifier}"] if identifier in self.begun_consents else []
        return JSONResponse({"authorisationIds": known})

    async def read_consent(self, request: Request) -> Response:
        if (make := self.odd.instead.get("consent")) and (answer := make(request)):
            return answer
        found = await self.ask("GET", f"/bank/consents/{request.path_params['consent']}")
        status = self.odd.consent_word or found["consentStatus"]
        return JSONResponse({"consentStatus": status, "validUntil": self.odd.consent_until or found["validUntil"]})

    async def consent_sca(self, request: Request) -> Response:
        found = await self.ask("GET", f"/bank/consents/{request.path_params['consent']}")
        ends = {"rejected": "failed", "expired": "failed"}
        if found["consentStatus"] != "received":
            return JSONResponse({"scaStatus": ends.get(found["consentStatus"], "finalised")})
        if self.consents_by is Sca.REDIRECT:
            return JSONResponse({"scaStatus": "received"})
        return JSONResponse({"scaStatus": "scaMethodSelected" if self.selected else "received", **self.shown})

    async def delete_consent(self, request: Request) -> Response:
        await self.ask("DELETE", f"/bank/consents/{request.path_params['consent']}")
        return Response(status_code=204)

    async def _of_consent(self, request: Request, path: str, **params: str) -> dict[str, Any]:
        attended = request.headers.get("psu-ip-address")
        given = {**params, **({"psuIpAddress": attended} if attended else {})}
        return await self.ask("GET", f"/bank/consents/{request.headers['consent-id']}/accounts{path}", params=given)

    async def accounts(self, request: Request) -> Response:
        if answer := self.odd.answer("accounts", request):
            return answer
        return JSONResponse({"accounts": self.odd.accounts((await self._of_consent(request, ""))["accounts"])})

    async def balances(self, request: Request) -> Response:
        if answer := self.odd.answer("balances", request):
            return answer
        found = await self._of_consent(request, f"/{request.path_params['account']}/balances")
        return JSONResponse({"balances": self.odd.balances(found["balances"])})

    async def transactions(self, request: Request) -> Response:
        if answer := self.odd.answer("transactions", request):
            return answer
        query = request.query_params
        if self.odd.pages is not None:
            items, following = self.odd.page(query.get("page", ""))
            return JSONResponse({"transactions": statement_of(items, following)})
        path = f"/{request.path_params['account']}/transactions"
        found = await self._of_consent(request, path, dateFrom=query["dateFrom"], page=query.get("page", ""))
        items = [
            {"status": item["status"], **bank_transaction(item), "transactionAmount": item["transactionAmount"]}
            for item in found["transactions"]
        ]
        if self.odd.gives_ids is False:
            items = [{**item, "endToEndId": None} for item in items]
        items = [*self.odd.on_top(request.path_params["account"], query.get("page", "")), *items]
        return JSONResponse({"transactions": statement_of(items, found["next"])})

    async def create_payment(self, request: Request) -> Response:
        if answer := self.odd_payments.answer("initiate", request):
            return answer
        if "psu-ip-address" not in request.headers:
            raise refuse(400, "FORMAT_ERROR", "PSU-IP-Address")
        body = await request.json()
        structured = body.get("remittanceInformationStructured") or {}
        given = {
            **body,
            "bank": request.path_params["bank"],
            "kid": structured.get("reference"),
            "redirectUri": request.headers["tpp-redirect-uri"],
        }
        made = await self.ask("POST", "/bank/payments", json=given)
        identifier = made["paymentId"]
        self.told[identifier] = ("payment", request.headers["tpp-notification-uri"])
        self.odd_payments.ids.append(identifier)
        if self.on_accepted is not None:
            await self.on_accepted()
        if self.loses_answers:
            return Response(status_code=504)
        if self.odd_payments.rejects_with is not None:
            return JSONResponse(rejected(identifier, self.odd_payments.rejects_with), 201)
        base = f"/v1/payments/{PRODUCT}/{identifier}/authorisations"
        body = {"transactionStatus": "RCVD", "paymentId": identifier, "tppMessages": self.odd.warns}
        if self.sca in (Sca.EXEMPTED, Sca.EXEMPTED_AT_ONCE):
            await self.approve(identifier)
        if self.sca is Sca.EXEMPTED_AT_ONCE:
            return JSONResponse({**body, "scaStatus": "exempted", "_links": {}}, 201)
        if self.sca is Sca.DECOUPLED:
            self.started.add(identifier)
            links = {"scaStatus": {"href": f"{base}/auth-{identifier}"}}
            return JSONResponse({**body, **self.shown, "_links": links}, 201, {"aspsp-sca-approach": "DECOUPLED"})
        if self.sca is Sca.OFFERED_AT_ONCE:
            self.started.add(identifier)
            return JSONResponse({**body, **self.offered(f"{base}/auth-{identifier}")}, 201)
        told = {**body, "_links": {"startAuthorisation": {"href": base}}}
        return JSONResponse(self.odd_payments.taken(told), 201)

    @property
    def shown(self) -> dict[str, Any]:
        return {"psuMessage": "Open your BankID app.", "challengeData": {"data": [self.code]}}

    async def approve(self, identifier: str, decision: str = "approve") -> None:
        """The user approves in the bank's app, or the bank needs no approval."""
        await self.pages_at.post(f"/sandbox/bank/payments/{identifier}", data={"decision": decision})

    async def start(self, request: Request) -> Response:
        identifier = request.path_params["payment"]
        found = await self.ask("GET", f"/bank/payments/{identifier}")
        if self.sca is Sca.OFFERED_AT_ONCE:
            raise refuse(409, "STATUS_INVALID")  # it was begun with the payment
        if self.sca is Sca.ERROR:
            return JSONResponse({"code": "INTERNAL_SERVER_ERROR"}, 500)
        body: dict[str, Any] = {"authorisationId": f"auth-{identifier}", "scaStatus": "received", "_links": {}}
        if self.sca is Sca.REDIRECT:
            body["_links"] = {"scaRedirect": {"href": self.page_at(found["scaRedirect"])}}
        elif self.sca is Sca.EXEMPTED:
            body["scaStatus"] = "exempted"
        else:
            body["scaMethods"] = self.methods or self.one_method(self.sca)
        self.started.add(identifier)
        return JSONResponse(body, 201)

    def offered(self, approval: str) -> dict[str, Any]:
        methods = self.methods or self.one_method(self.sca)
        return {"scaMethods": methods, "_links": {"selectAuthenticationMethod": {"href": approval}}}

    def one_method(self, sca: Sca) -> list[dict[str, str]]:
        kind = "SMS_OTP" if sca is Sca.TYPED_CODE else "PUSH_OTP"
        return [{"authenticationType": kind, "authenticationMethodId": "app", "name": "BankID"}]

    async def select(self, request: Request) -> Response:
        """The method is chosen, and reaches the user's phone."""
        self.select_calls += 1
        if self.drops_selections:
            return Response(status_code=504)
        if (await request.json())["authenticationMethodId"] in self.unknown_methods:
            raise refuse(400, "SCA_METHOD_UNKNOWN")
        self.selected += 1
        self.chosen.append((await request.json())["authenticationMethodId"])
        if self.on_selected is not None:
            await self.on_selected()
        if self.loses_selections:
            return Response(status_code=504)
        body: dict[str, Any] = {"scaStatus": "scaMethodSelected", "_links": {}}
        if self.chosen[-1].startswith("page"):
            found = await self.ask("GET", f"/bank/payments/{request.path_params['payment']}")
            body["_links"] = {"scaRedirect": {"href": self.page_at(found["scaRedirect"])}}
            return JSONResponse(body, headers={"aspsp-sca-approach": "REDIRECT"})
        if self.sca is Sca.NO_PAGE:
            return JSONResponse(body, headers={"aspsp-sca-approach": "REDIRECT"})
        return JSONResponse({**body, **self.shown}, headers={"aspsp-sca-approach": "DECOUPLED"})

    async def list_authorisations(self, request: Request) -> Response:
        if answer := self.odd_payments.answer("read", request):
            return answer
        identifier = request.path_params["payment"]
        return JSONResponse({"authorisationIds": [f"auth-{identifier}"] if identifier in self.started else []})

    async def payment_sca(self, request: Request) -> Response:
        if answer := self.odd_payments.answer("read", request):
            return answer
        found = await self.ask("GET", f"/bank/payments/{request.path_params['payment']}")
        status = found["scaStatus"]
        if self.sca in (Sca.EXEMPTED, Sca.EXEMPTED_AT_ONCE):
            return JSONResponse({"scaStatus": "exempted"})
        if status == "received" and self.selected:
            status = "scaMethodSelected"
        is_shown = status != "finalised" and self.sca in (Sca.DECOUPLED, Sca.CHOSEN_DECOUPLED)
        return JSONResponse({"scaStatus": status, **(self.shown if is_shown else {})})

    async def payment_status(self, request: Request) -> Response:
        if answer := self.odd_payments.answer("read", request):
            return answer
        found = await self.ask("GET", f"/bank/payments/{request.path_params['payment']}")
        reason = _REASONS.get(found["reason"] or "")
        messages = [{"category": "ERROR", "code": reason}] if reason else []
        word = self.odd_payments.said(found["transactionStatus"])
        return JSONResponse({"transactionStatus": word, "tppMessages": messages})

    async def read_payment(self, request: Request) -> Response:
        if answer := self.odd_payments.answer("read", request):
            return answer
        found = await self.ask("GET", f"/bank/payments/{request.path_params['payment']}")
        return JSONResponse(
            {"transactionStatus": found["transactionStatus"], "requestedExecutionDate": found["executionDate"]}
        )

    async def cancel(self, request: Request) -> Response:
        if answer := self.odd_payments.answer("cancel", request):
            return answer
        identifier = request.path_params["payment"]
        if self.deletes_with is not None:
            links = {"startAuthorisation": {"href": "cancellation-authorisations"}}
            return JSONResponse({"transactionStatus": "RCVD", "_links": links}, self.deletes_with)
        stands = await self.ask("GET", f"/bank/payments/{identifier}")
        given = {"redirectUri": stands["redirectUri"]}
        found = await self.ask("POST", f"/bank/payments/{identifier}/cancellation", json=given)
        if found["transactionStatus"] == "CANC":
            return Response(status_code=204)
        self.pages[f"cancel-{identifier}"] = f"{self.host}{urlsplit(found['scaRedirect']).path}"
        links = {"startAuthorisation": {"href": "cancellation-authorisations"}}
        return JSONResponse({"transactionStatus": found["transactionStatus"], "_links": links}, 202)

    async def start_cancellation(self, request: Request) -> Response:
        identifier = request.path_params["payment"]
        self.started.add(f"cancel-{identifier}")
        given = {"redirectUri": request.headers["tpp-redirect-uri"]}
        await self.ask("POST", f"/bank/payments/{identifier}/cancellation", json=given)
        body: dict[str, Any] = {"authorisationId": f"cancel-{identifier}", "scaStatus": "received", "_links": {}}
        if self.sca is Sca.REDIRECT:
            body["_links"] = {"scaRedirect": {"href": f"{self.host}/page/cancel-{identifier}"}}
        elif self.sca is Sca.DECOUPLED:
            return JSONResponse({**body, **self.shown}, 201, {"aspsp-sca-approach": "DECOUPLED"})
        else:
            body["scaMethods"] = self.methods or self.one_method(self.sca)
        return JSONResponse(body, 201)

    async def list_cancellations(self, request: Request) -> Response:
        authorisation = f"cancel-{request.path_params['payment']}"
        return JSONResponse({"cancellationIds": [authorisation] if authorisation in self.started else []})

    async def cancellation_sca(self, request: Request) -> Response:
        found = await self.ask("GET", f"/bank/payments/{request.path_params['payment']}")
        status = found["cancelSca"]
        if status == "received" and self.selected:
            status = "scaMethodSelected"
        is_shown = status not in ("finalised", "failed") and self.sca is not Sca.REDIRECT
        return JSONResponse({"scaStatus": status, **(self.shown if is_shown else {})})

    async def approve_cancellation(self, identifier: str, decision: str = "approve") -> None:
        """The user decides in the bank's app."""
        await self.pages_at.post(f"/sandbox/bank/payments/{identifier}/cancellation", data={"decision": decision})

    async def pushes(self) -> list[dict[str, Any]]:
        """What it would push now: of every consent and payment, how it stands (nextgenpsd2.md, Status push)."""
        found = []
        for identifier, (kind, uri) in self.told.items():
            word = {"consent": "consentStatus", "payment": "transactionStatus"}[kind]
            stands = await self.ask("GET", f"/bank/{kind}s/{identifier}")
            found.append({"uri": uri, "body": {f"{kind}Id": identifier, word: stands[word]}})
        return found
