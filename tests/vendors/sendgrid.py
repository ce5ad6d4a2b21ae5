"""SendGrid's mail API over HTTP, as docs/vendors/sendgrid.md describes it."""

from collections.abc import Mapping
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.vendors.face import Refused, ask, face

API_KEY = "SG.contract"
TEMPLATE = "d-0123456789abcdef0123456789abcdef"


def _refuse(status: int, answer: Mapping[str, Any]) -> Refused:
    field = "personalizations.0.to.0.email" if status == 400 else None
    return Refused(status, {"errors": [{"message": answer.get("message"), "field": field, "help": None}]})


def _invalid(field: str) -> Refused:
    return Refused(400, {"errors": [{"message": "invalid", "field": field, "help": None}]})


def app(inner: httpx.AsyncClient, mails: list[dict[str, Any]]) -> Starlette:
    """`mails` takes every mail as it was sent."""

    def demand_key(request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {API_KEY}":
            raise Refused(401, {"errors": [{"message": "authorization required", "field": None, "help": None}]})

    async def send(request: Request) -> Response:
        demand_key(request)
        mail = await request.json()
        mails.append(mail)
        (person,) = mail["personalizations"]
        if "template_id" in mail and mail["template_id"] != TEMPLATE:
            raise _invalid("template_id")
        if "template_id" not in mail and not (mail.get("subject") and mail.get("content")):
            raise _invalid("subject")
        given = {
            "to": person["to"][0],
            "subject": mail.get("subject", "a template"),
            "text": mail["content"][0]["value"] if "content" in mail else "a template",
            "categories": mail["categories"],
            "custom_args": person["custom_args"],
        }
        answer = await ask(inner, "POST", "/mail/send", _refuse, json=given)
        return Response(status_code=202, headers={"X-Message-Id": answer["messageId"]})

    async def scopes(request: Request) -> Response:
        demand_key(request)
        return JSONResponse({"scopes": ["mail.send"]})

    return face([Route("/v3/mail/send", send, methods=["POST"]), Route("/v3/scopes", scopes)])
