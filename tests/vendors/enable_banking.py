"""Enable Banking over HTTP, as docs/vendors/enable_banking.md describes it, over the sandbox's banks.

It checks the token's claims and its 24 hours, tells a session's accounts once, gives a page without transactions
between two with, and signs its webhooks by a key of its own.
"""

import base64
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from domain.clock import Clock, oslo_date
from tests.vendors.face import Oddities, OddPayments, Refused, ask

APP_ID = "0e1f-contract"
HOST = "http://127.0.0.1:8450"
KEY_URL = f"{HOST}/keys/webhook.pem"
OUR_KEY = RSAKey.generate_key(2048, private=True)
THEIR_KEY = RSAKey.generate_key(2048, private=True)
LONGEST = timedelta(days=180)
_STATUS = {"RCVD": "RCVD", "ACTC": "ACTC", "ACSP": "ACSP", "ACSC": "ACSC", "RJCT": "RJCT", "CANC": "CNCL"}
_REASONS = {
    "FUNDS_NOT_AVAILABLE": "AM04",
    "AUTHORISATION_REFUSED": "CUST",
    "AUTHORISATION_EXPIRED": "NOAS",
    "EXECUTION_FAILED": "ED05",
}
_ERRORS = {
    "CONSENT_EXPIRED": "EXPIRED_SESSION",
    "CONSENT_INVALID": "CLOSED_SESSION",
    "ACCESS_EXCEEDED": "ASPSP_RATE_LIMIT_EXCEEDED",
    "RESOURCE_UNKNOWN": "INVALID_PAYMENT",
    "PAYMENT_FAILED": "INVALID_PAYMENT",
}


def refuse(status: int, error: str) -> Refused:
    return Refused(status, {"message": "No.", "code": status, "error": error, "detail": None})


def _refused_by_sandbox(status: int, answer: Mapping[str, Any]) -> Refused:
    return refuse(429 if status == 429 else 422, _ERRORS.get(answer["code"], "WRONG_REQUEST_PARAMETERS"))


def signed_webhook(
    raw: bytes, *, key: RSAKey = THEIR_KEY, x5u: str = KEY_URL, alg: str = "RS256", **changes: Any
) -> str:
    """The Authorization header of a webhook with this body."""
    digest = base64.b64encode(hashlib.sha256(raw).digest()).decode()
    claims = {"sub": APP_ID, "environment": "SANDBOX", "msgi": f"sha256-{digest}", **changes}
    return f"Bearer {jwt.encode({'alg': alg, 'typ': 'JWT', 'x5u': x5u}, claims, key, algorithms=[alg])}"


class EnableBanking:
    """What it remembers besides the sandbox: authorisations, sessions with their accounts' ids, payments."""

    def __init__(self, inner: httpx.AsyncClient, clock: Clock, *, callback: str, host: str = HOST) -> None:
        self.inner = inner
        self.clock = clock
        self.callback = callback
        self.host = host
        # Its page asks who one is; the bank of the sandbox has to be told.
        self.person = ""
        # How each bank's users approve; without a wish the first visible one is its default. By slot, what was named.
        self.methods: list[dict[str, Any]] = [a_method("BankID")]
        self.named: dict[str, str | None] = {}
        self.allowed: list[str] | None = None
        # By bank, a BIC that it gives instead of the bank's own, or none.
        self.bics: dict[str, str | None] = {}
        # Banks that it has not got.
        self.without: set[str] = set()
        self.numbers = count(1)
        self.slots: dict[str, dict[str, Any]] = {}
        self.codes: dict[str, str] = {}
        # By session its consent, by uid its consent and account.
        self.sessions: dict[str, str] = {}
        self.uids: dict[str, tuple[str, dict[str, Any]]] = {}
        self.payments: dict[str, dict[str, Any]] = {}
        self.odd = Oddities()
        self.odd_payments = OddPayments()
        # Called with each payment that the bank has taken.
        self.loses_answers = False
        self.on_accepted: Callable[[], Awaitable[None]] | None = None

    async def ask(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        return await ask(self.inner, method, path, _refused_by_sandbox, **content)

    async def _bank_id(self, aspsp: Mapping[str, str]) -> str:
        listed = (await self.ask("GET", "/bank/banks", params={"country": aspsp["country"]}))["banks"]
        return next(str(one["id"]) for one in listed if one["name"] == aspsp["name"])

    async def application(self, request: Request) -> Response:
        return JSONResponse({"name": "Drop", "kid": APP_ID, "environment": "SANDBOX", "active": True})

    async def banks(self, request: Request) -> Response:
        listed = (await self.ask("GET", "/bank/banks", params={"country": request.query_params["country"]}))["banks"]
        return JSONResponse({"aspsps": [self._aspsp(one) for one in listed if one["name"] not in self.without]})

    # Sessions

    async def auth(self, request: Request) -> Response:
        body = await request.json()
        until = datetime.fromisoformat(body["access"]["valid_until"])
        # Its clock is a little behind ours.
        if until > self.clock.now() + LONGEST - timedelta(seconds=5) or body["redirect_url"] != self.callback:
            raise refuse(422, "WRONG_REQUEST_PARAMETERS")
        slot = self._slot(body)
        given = {
            "reference": f"eb-{slot}",
            "bank": await self._bank_id(body["aspsp"]),
            "psuId": self.person,
            "redirectUri": f"{self.host}/back/{slot}",
            "validUntil": oslo_date(until).isoformat(),
            "frequencyPerDay": 4,
        }
        made = await self.ask("POST", "/bank/consents", json=given)
        self.slots[slot] = {"state": body["state"], "consent": made["consentId"]}
        self.odd.consents.append(made["consentId"])
        return JSONResponse({"url": f"{self.host}/page/{slot}", "authorization_id": slot, "psu_id_hash": "h"})

    def _slot(self, body: Mapping[str, Any], allowed: list[str] | None = None) -> str:
        """For an approval by the method that the body names, if it names one."""
        slot, name = f"slot-{next(self.numbers)}", body.get("auth_method")
        known = {method["name"] for method in self.methods if allowed is None or method["name"] in allowed}
        if name is not None and name not in known:
            raise refuse(422, "WRONG_REQUEST_PARAMETERS")
        self.named[slot] = name
        return slot

    def _method(self, slot: str, chosen: str | None) -> dict[str, Any] | None:
        """The method of an approval; None where the user is to choose one of several that look alike."""
        visible = [method for method in self.methods if not method["hidden_method"]]
        name = self.named[slot] or chosen
        if name is not None:
            return next(method for method in self.methods if method["name"] == name)
        return None if len({method["approach"] for method in visible}) < len(visible) else visible[0]

    async def page(self, request: Request) -> Response:
        """On to the bank's page; a decoupled method has none, and of methods that look alike the user chooses one."""
        method = self._method(request.path_params["slot"], request.query_params.get("method"))
        if method is None:
            return JSONResponse({"choose": [one["name"] for one in self.methods if not one["hidden_method"]]})
        found = self.slots[request.path_params["slot"]]
        path = f"/bank/consents/{found['consent']}" if "consent" in found else f"/bank/payments/{found['payment']}"
        at_bank = (await self.ask("GET", path))["scaRedirect"]
        if method["approach"] != "REDIRECT":
            return JSONResponse({"wait": "Open your BankID app.", "app": at_bank})
        return RedirectResponse(at_bank, 303)

    async def back(self, request: Request) -> Response:
        slot = request.path_params["slot"]
        found = self.slots[slot]
        answer = {"state": found["state"]}
        if "consent" in found:
            stands = await self.ask("GET", f"/bank/consents/{found['consent']}")
            is_approved = stands["consentStatus"] == "valid"
        else:
            is_approved = (await self.ask("GET", f"/bank/payments/{found['payment']}"))["scaStatus"] == "finalised"
        if not is_approved:
            answer |= {"error": "access_denied", "error_description": "<b>No</b>"}
        elif "consent" in found:
            answer["code"] = f"code-{slot}"
            self.codes[answer["code"]] = found["consent"]
        return RedirectResponse(str(httpx.URL(self.callback).copy_merge_params(answer)), 303)

    async def open_session(self, request: Request) -> Response:
        consent = self.codes.pop((await request.json())["code"], None)
        if consent is None:
            raise refuse(422, "WRONG_AUTHORIZATION_CODE")
        session = f"session-{next(self.numbers)}"
        self.sessions[session] = consent
        listed = (await self.ask("GET", f"/bank/consents/{consent}/accounts", params={"psuIpAddress": "1"}))["accounts"]
        accounts: list[dict[str, Any]] = []
        for one in self.odd.accounts(listed):
            uid = f"uid-{next(self.numbers)}"
            self.uids[uid] = (consent, one)
            accounts.append({"uid": uid, **_account(one)})
        # A card has no uid that could be asked for.
        accounts.append({"uid": None, "currency": "NOK", "identification_hash": "card"})
        return JSONResponse({"session_id": session, "accounts": accounts, "access": await self._access(consent)})

    async def session(self, request: Request) -> Response:
        if (make := self.odd.instead.get("consent")) and (answer := make(request)):
            return answer
        consent = self._consent(request.path_params["session"])
        found = await self.ask("GET", f"/bank/consents/{consent}")
        words = {"valid": "AUTHORIZED", "expired": "EXPIRED", "terminatedByTpp": "CLOSED", "revokedByPsu": "REVOKED"}
        status = self.odd.consent_word or words[found["consentStatus"]]
        return JSONResponse({"status": status, "access": await self._access(consent)})

    async def close_session(self, request: Request) -> Response:
        consent = self._consent(request.path_params["session"])
        if (await self.ask("GET", f"/bank/consents/{consent}"))["consentStatus"] != "valid":
            raise refuse(422, "CLOSED_SESSION")
        await self.ask("DELETE", f"/bank/consents/{consent}")
        return JSONResponse({"message": "OK"})

    def _consent(self, session: str) -> str:
        if session not in self.sessions:
            raise refuse(404, "SESSION_DOES_NOT_EXIST")
        return self.sessions[session]

    async def _access(self, consent: str) -> dict[str, Any]:
        until = (await self.ask("GET", f"/bank/consents/{consent}"))["validUntil"]
        until = self.odd.consent_until or f"{until}T12:00:00+00:00"
        return {"valid_until": until, "balances": True, "transactions": True}

    # Accounts

    async def _of_account(self, request: Request, path: str, **params: str) -> dict[str, Any]:
        consent, account = self.uids[request.path_params["uid"]]
        attended = request.headers.get("psu-ip-address")
        if bool(attended) != ("psu-user-agent" in request.headers):
            raise refuse(422, "PSU_HEADER_NOT_PROVIDED")
        given = {**params, **({"psuIpAddress": attended} if attended else {})}
        return await self.ask("GET", f"/bank/consents/{consent}/accounts/{account['resourceId']}{path}", params=given)

    async def details(self, request: Request) -> Response:
        if answer := self.odd.answer("accounts", request):
            return answer
        consent, account = self.uids[request.path_params["uid"]]
        await self.ask("GET", f"/bank/consents/{consent}/accounts", params={"psuIpAddress": "1"})
        return JSONResponse({"uid": request.path_params["uid"], **_account(account)})

    async def balances(self, request: Request) -> Response:
        if answer := self.odd.answer("balances", request):
            return answer
        found = (await self._of_account(request, "/balances"))["balances"]
        words = {"interimBooked": "ITBD", "interimAvailable": "ITAV"}
        told = [
            {
                "name": "Balance",
                "balance_type": words[one["balanceType"]],
                "balance_amount": one["balanceAmount"],
                "last_change_date_time": one["lastChangeDateTime"],
            }
            for one in found
        ]
        other = {"balance_type": "OTHR", "balance_amount": {"currency": "NOK", "amount": "0.00"}}
        return JSONResponse({"balances": self.odd.balances([*told, other])})

    async def transactions(self, request: Request) -> Response:
        if answer := self.odd.answer("transactions", request):
            return answer
        query = request.query_params
        key = query.get("continuation_key", "")
        if self.odd.pages is not None:
            items, following = self.odd.page(key)
            return JSONResponse({"transactions": items, "continuation_key": following})
        if key.startswith("empty:"):
            return JSONResponse({"transactions": [], "continuation_key": key.removeprefix("empty:")})
        found = await self._of_account(request, "/transactions", dateFrom=query["date_from"], page=key)
        items = [self._with_id(_transaction(one), one["endToEndId"]) for one in found["transactions"]]
        account = self.uids[request.path_params["uid"]][1]["resourceId"]
        told: dict[str, Any] = {"transactions": [*self.odd.on_top(account, key), *items]}
        if found["next"] is not None:
            told["continuation_key"] = f"empty:{found['next']}"
        return JSONResponse(told)

    def _with_id(self, item: dict[str, Any], identifier: str | None) -> dict[str, Any]:
        """The line, with the payment's end-to-end id where this bank writes it."""
        if not self.odd.gives_ids or identifier is None:
            return item
        if self.odd.ids_in == "remittance_information":
            return {**item, "remittance_information": [*item["remittance_information"], f"E2E {identifier}."]}
        return {**item, self.odd.ids_in: identifier}

    # Payments

    async def pay(self, request: Request) -> Response:
        if instead := self.odd_payments.answer("initiate", request):
            return instead
        body = await request.json()
        if body["redirect_url"] != self.callback or not body["state"] or body["payment_type"] != "DOMESTIC":
            raise refuse(422, "REDIRECT_URI_NOT_ALLOWED")
        (transfer,) = body["payment_request"]["credit_transfer_transaction"]
        slot = self._slot(body, self.allowed)
        given = {
            "endToEndIdentification": transfer["payment_id"]["end_to_end_id"],
            "bank": await self._bank_id(body["aspsp"]),
            "debtorAccount": {"bban": body["payment_request"]["debtor_account"]["identification"]},
            "creditorAccount": {"bban": transfer["beneficiary"]["creditor_account"]["identification"]},
            "creditorName": transfer["beneficiary"]["creditor"]["name"],
            "instructedAmount": transfer["instructed_amount"],
            "requestedExecutionDate": transfer.get("requested_execution_date"),
            "kid": transfer.get("reference_number"),
            "remittanceInformationUnstructured": (transfer.get("remittance_information") or [None])[0],
            "redirectUri": f"{self.host}/back/{slot}",
        }
        made = await self.ask("POST", "/bank/payments", json=given)
        self.slots[slot] = {"state": body["state"], "payment": made["paymentId"]}
        self.payments[made["paymentId"]] = body
        self.odd_payments.ids.append(made["paymentId"])
        if self.on_accepted is not None:
            await self.on_accepted()
        if self.loses_answers:
            return Response(status_code=504)
        answer = {"payment_id": made["paymentId"], "status": "RCVD", "url": f"{self.host}/page/{slot}"}
        if self.odd_payments.rejects_with is not None:
            answer |= {
                "status": "RJCT",
                "status_reason_information": {"status_reason_code": self.odd_payments.rejects_with},
            }
        return JSONResponse(self.odd_payments.taken(answer))

    async def payment(self, request: Request) -> Response:
        if answer := self.odd_payments.answer("read", request):
            return answer
        identifier = request.path_params["payment"]
        found = await self.ask("GET", f"/bank/payments/{identifier}")
        asked = self.payments[identifier]
        stands = _STATUS[found["transactionStatus"]]
        word = self.odd_payments.said(stands)
        # Of a bank that stops before ACSC no more news comes, though the status is not among its successful ones.
        last = stands if self.odd_payments.last else word
        is_final = (
            last in ("ACSC", "RJCT", "CNCL") if self.odd_payments.is_final is None else self.odd_payments.is_final
        )
        reason = _REASONS.get(found["reason"] or "")
        return JSONResponse(
            {
                "payment_id": identifier,
                "status": word,
                "final_status": is_final,
                "status_reason_information": {"status_reason_code": reason} if reason else None,
                "payment_details": asked["payment_request"],
                "payment_type": "DOMESTIC",
                "aspsp": asked["aspsp"],
            }
        )

    def _aspsp(self, bank: Mapping[str, Any]) -> dict[str, Any]:
        payment = {"payment_type": "DOMESTIC", "currencies": ["NOK"], "final_successful_statuses": ["ACSC"]}
        return {
            "name": bank["name"],
            "country": "NO",
            "bic": self.bics.get(bank["name"], bank["bic"]),
            "psu_types": ["personal"],
            "auth_methods": self.methods,
            "maximum_consent_validity": int(LONGEST.total_seconds()),
            "required_psu_headers": ["Psu-Ip-Address", "Psu-User-Agent"],
            "payments": [{**payment, "allowed_auth_methods": self.allowed}],
        }

    async def key(self, request: Request) -> Response:
        return Response(THEIR_KEY.as_pem(private=False), media_type="application/x-pem-file")


def a_method(name: str, approach: str = "REDIRECT", *, hidden: bool = False, of: str = "personal") -> dict[str, Any]:
    """An item of `auth_methods`."""
    return {"name": name, "psu_type": of, "approach": approach, "hidden_method": hidden}


def _account(account: Mapping[str, Any]) -> dict[str, Any]:
    if "odd" in account:
        return dict(account["odd"])
    number = {"identification": account["bban"], "scheme_name": "BBAN"}
    return {
        "account_id": {"iban": None, "other": number},
        "name": account["ownerName"],
        "details": account["name"],
        "currency": account["currency"],
        "identification_hash": account["bban"],
    }


def _transaction(item: Mapping[str, Any]) -> dict[str, Any]:
    is_debit = item["transactionAmount"]["amount"].startswith("-")
    other, account = ("creditor", "creditor_account") if is_debit else ("debtor", "debtor_account")
    number = {"identification": item["counterpartyAccount"], "scheme_name": "BBAN"}
    return {
        "transaction_id": item["transactionId"],
        # Whatever its sign: the indicator tells.
        "transaction_amount": item["transactionAmount"],
        "credit_debit_indicator": "DBIT" if is_debit else "CRDT",
        "status": {"booked": "BOOK", "pending": "PDNG"}[item["status"]],
        "booking_date": item["bookingDate"],
        other: {"name": item["counterpartyName"]},
        account: {"iban": None, "other": number},
        "remittance_information": [item["remittanceInformationUnstructured"] or ""],
    }
