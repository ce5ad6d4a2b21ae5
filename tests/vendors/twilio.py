"""Twilio's messages over HTTP, as docs/vendors/twilio.md describes them."""

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.vendors.face import Refused, ask, face

ACCOUNT = "AC00000000000000000000000000000000"
SENDER = "Drop"


def _refuse(status: int, answer: Mapping[str, Any]) -> Refused:
    return _no(status, int(answer.get("code") or 20500))


def _no(status: int, code: int) -> Refused:
    return Refused(status, {"code": code, "message": "no", "more_info": "https://...", "status": status})


def app(inner: httpx.AsyncClient, auth_token: str) -> Starlette:
    allowed = "Basic " + base64.b64encode(f"{ACCOUNT}:{auth_token}".encode()).decode()

    def demand_credentials(request: Request) -> None:
        if request.headers.get("authorization") != allowed:
            raise _no(401, 20003)

    async def send(request: Request) -> Response:
        demand_credentials(request)
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        if form.get("From") != SENDER:
            raise _no(400, 21606)
        given = {"To": form["To"], "Body": form["Body"], "StatusCallback": form["StatusCallback"]}
        sid = (await ask(inner, "POST", "/sms/messages", _refuse, json=given))["sid"]
        return JSONResponse({"sid": sid, "status": "queued", "error_code": None}, status_code=201)

    async def account(request: Request) -> Response:
        demand_credentials(request)
        return JSONResponse({"sid": ACCOUNT, "status": "active"})

    root = "/2010-04-01/Accounts/{account}"
    return face([Route(f"{root}/Messages.json", send, methods=["POST"]), Route(f"{root}.json", account)])
