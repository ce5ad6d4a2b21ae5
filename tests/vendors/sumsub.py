"""Sumsub's API over HTTP, as docs/vendors/sumsub.md describes it: it checks every request's signature."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from domain.clock import Clock
from tests.vendors.face import Endpoint, Refused, ask, face

APP_TOKEN = "sbx:contract"
APP_SECRET = "contract-app-secret"
LEVEL = "basic kyc level"
_WITHIN_S = 60


def _refuse(status: int, answer: Mapping[str, Any]) -> Refused:
    return Refused(status, {"description": answer.get("message"), "code": status, "correlationId": "req-1"})


def _unauthorized(name: str, code: int) -> Refused:
    return Refused(401, {"description": name, "code": 401, "errorCode": code, "errorName": name})


def app(inner: httpx.AsyncClient, clock: Clock) -> Starlette:
    async def demand_signature(request: Request) -> None:
        headers = request.headers
        signed_at = headers.get("x-app-access-ts", "")
        if headers.get("x-app-token") != APP_TOKEN:
            raise _unauthorized("unknown-app-token", 4000)
        if not signed_at.isdigit() or abs(clock.now().timestamp() - int(signed_at)) > _WITHIN_S:
            raise _unauthorized("request-time-out-of-range", 4001)
        path = request.scope["raw_path"].decode() + (f"?{request.url.query}" if request.url.query else "")
        text = signed_at.encode() + request.method.encode() + path.encode() + await request.body()
        expected = hmac.new(APP_SECRET.encode(), text, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, headers.get("x-app-access-sig", "")):
            raise _unauthorized("app-token-signature-mismatch", 4003)

    def signed(endpoint: Endpoint) -> Endpoint:
        async def checked(request: Request) -> Response:
            await demand_signature(request)
            return await endpoint(request)

        return checked

    def demand_level(name: object) -> None:
        if name != LEVEL:
            raise Refused(400, {"description": f"Level {name} is unknown", "code": 400})

    async def create(request: Request) -> Response:
        demand_level(request.query_params.get("levelName"))
        body = await request.json()
        person = body["fixedInfo"]
        given = {"externalUserId": body["externalUserId"], "name": f"{person['firstName']} {person['lastName']}"}
        applicant = await ask(inner, "POST", "/kyc/applicants", _refuse, json=given)
        return JSONResponse(_shown(applicant), status_code=201)

    async def by_external_id(request: Request) -> Response:
        path = f"/kyc/applicants/by-external-id/{request.path_params['reference']}"
        return JSONResponse(_shown(await ask(inner, "GET", path, _refuse)))

    async def exists(request: Request) -> Response:
        found = await inner.get(f"/kyc/applicants/by-external-id/{request.path_params['reference']}")
        return JSONResponse({"exists": found.is_success})

    async def status(request: Request) -> Response:
        path = f"/kyc/applicants/{request.path_params['applicant']}/status"
        return JSONResponse(_review(await ask(inner, "GET", path, _refuse)))

    async def token(request: Request) -> Response:
        body = await request.json()
        demand_level(body["levelName"])
        given = {"userId": body["userId"], "ttlInSecs": body["ttlInSecs"]}
        answer = await ask(inner, "POST", "/kyc/access-tokens", _refuse, json=given)
        return JSONResponse({"token": answer["token"], "userId": answer["userId"]})

    return face(
        [
            Route("/resources/applicants", signed(create), methods=["POST"]),
            Route("/resources/applicants/-;externalUserId={reference}/one", signed(by_external_id)),
            Route("/resources/applicants/-/byExternalUserId/{reference}", signed(exists)),
            Route("/resources/applicants/{applicant}/status", signed(status)),
            Route("/resources/accessTokens/sdk", signed(token), methods=["POST"]),
        ]
    )


def _shown(applicant: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": applicant["id"],
        "externalUserId": applicant["externalUserId"],
        "review": _review(applicant),
        "type": "individual",
    }


def _review(applicant: Mapping[str, Any]) -> dict[str, Any]:
    """A pending one has no verdict's time, as at the vendor."""
    at = datetime.fromisoformat(applicant["reviewDate"]).strftime("%Y-%m-%d %H:%M:%S+0000")
    is_decided = applicant["reviewStatus"] == "completed"
    return {
        "reviewId": "r1",
        "attemptCnt": applicant["attempt"],
        "levelName": LEVEL,
        "createDate": at,
        "reviewStatus": applicant["reviewStatus"],
        **({"reviewDate": at, "reviewResult": applicant["reviewResult"]} if is_decided else {}),
    }
