"""Better Stack Uptime over HTTP, as docs/vendors/betterstack.md describes it.

It remembers, pages, and refuses what it must.
"""

from itertools import count
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.vendors.face import Endpoint, Refused, face

TOKEN = "betterstack-contract"
_PAGE = 2
_NEEDED = {
    "monitors": {"url", "monitor_type"},
    "urgencies": {"name"},
    "policies": {"name", "steps"},
    "status-pages": {"company_name", "company_url", "subdomain"},
    "resources": {"resource_id", "resource_type", "public_name"},
}
# The values that the vendor takes, by the field's name.
_VALUES: dict[str, set[object]] = {
    "monitor_type": {
        *("status", "expected_status_code", "keyword", "keyword_absence", "ping", "tcp", "udp", "smtp", "pop", "imap"),
        *("dns", "playwright"),
    },
    "check_frequency": {30, 45, 60, 120, 180, 300, 600, 900, 1800},
    "request_timeout": {2, 3, 5, 10, 15, 30, 45, 60},
    "ssl_expiration": {-1, 1, 2, 3, 7, 14, 30, 60},
    "domain_expiration": {-1, 1, 2, 3, 7, 14, 30, 60},
    "resource_type": {"Monitor", "MonitorGroup", "Heartbeat", "HeartbeatGroup", "ManuallyTrackedItem"},
    "design": {"v1", "v2"},
    "theme": {"light", "dark"},
    "layout": {"vertical", "horizontal"},
    # Rails' ActiveSupport names: those of Europe, and UTC.
    "timezone": {
        *("UTC", "Dublin", "Edinburgh", "Lisbon", "London", "Amsterdam", "Belgrade", "Berlin", "Bern", "Bratislava"),
        *("Brussels", "Budapest", "Copenhagen", "Ljubljana", "Madrid", "Paris", "Prague", "Rome", "Sarajevo"),
        *("Skopje", "Stockholm", "Vienna", "Warsaw", "Zagreb", "Zurich", "Athens", "Bucharest", "Helsinki", "Kyiv"),
        *("Riga", "Sofia", "Tallinn", "Vilnius", "Istanbul"),
    },
}
_REGIONS = {"us", "eu", "as", "au"}
_STEPS = {"escalation", "time_branching", "metadata_branching", "instructions"}
_MEMBERS = {
    *("current_on_call", "entire_team", "user", "all_slack_integrations", "slack_integration"),
    *("all_webhook_integrations", "webhook", "pagerduty_integration", "policy"),
}


class BetterStack:
    """By collection, such as `monitors` or `status-pages/1/resources`, then by id."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, dict[str, Any]]] = {}
        self.numbers = count(1)
        self.made = 0

    def list(self, request: Request, collection: str) -> Response:
        items = list(self.kept.get(collection, {}).items())
        page = int(request.query_params.get("page", 1))
        shown = items[(page - 1) * _PAGE : page * _PAGE]
        following = request.url.include_query_params(page=page + 1) if len(items) > page * _PAGE else None
        pagination = {"first": None, "last": None, "prev": None, "next": str(following) if following else None}
        return JSONResponse({"data": [_shown(collection, *item) for item in shown], "pagination": pagination})

    def create(self, collection: str, body: dict[str, Any]) -> Response:
        kind = collection.rpartition("/")[2]
        missing = _NEEDED[kind] - body.keys()
        if missing:
            raise _unprocessable(*missing)
        self._check(kind, body)
        if kind == "status-pages" and any(
            page["subdomain"] == body["subdomain"] for page in self.kept.get(collection, {}).values()
        ):
            raise _unprocessable("subdomain")
        identifier = str(next(self.numbers))
        self.kept.setdefault(collection, {})[identifier] = body
        self.made += 1
        return JSONResponse({"data": _shown(collection, identifier, body)}, status_code=201)

    def update(self, collection: str, identifier: str, body: dict[str, Any]) -> Response:
        found = self._found(collection, identifier)
        self._check(collection.rpartition("/")[2], body)
        found |= body
        return JSONResponse({"data": _shown(collection, identifier, found)})

    def delete(self, collection: str, identifier: str) -> Response:
        self._found(collection, identifier)
        del self.kept[collection][identifier]
        return Response(status_code=204)

    def _found(self, collection: str, identifier: str) -> dict[str, Any]:
        found = self.kept.get(collection, {}).get(identifier)
        if found is None:
            raise Refused(404, {"errors": "Resource was not found"})
        return found

    def _check(self, kind: str, body: dict[str, Any]) -> None:
        unknown = [name for name, values in _VALUES.items() if name in body and body[name] not in values]
        if unknown:
            raise _unprocessable(*unknown)
        if not set(body.get("regions", [])) <= _REGIONS:
            raise _unprocessable("regions")
        steps = body.get("steps", [])
        members = {member["type"] for step in steps for member in step["step_members"]}
        if not ({step["type"] for step in steps} <= _STEPS and members <= _MEMBERS):
            raise _unprocessable("steps")
        policies, urgencies = self.kept.get("policies", {}), self.kept.get("urgencies", {})
        if "policy_id" in body and body["policy_id"] not in policies:
            raise _unprocessable("policy_id")
        if any(str(step["urgency_id"]) not in urgencies for step in steps):
            raise _unprocessable("steps")
        if kind == "resources" and body["resource_id"] not in self.kept.get("monitors", {}):
            raise _unprocessable("resource_id")


def _shown(collection: str, identifier: str, body: dict[str, Any]) -> dict[str, Any]:
    """With what the vendor adds, and its ids as numbers; people come back by their id."""
    attributes: dict[str, Any] = {**body, "created_at": "2026-11-24T12:00:00.000Z"}
    for name in ("policy_id", "resource_id"):
        if name in attributes:
            attributes[name] = int(attributes[name])
    if "steps" in attributes:
        attributes["steps"] = [{**step, "step_members": [_member(*step["step_members"])]} for step in body["steps"]]
    return {"id": identifier, "type": collection.rpartition("/")[2].rstrip("s"), "attributes": attributes}


def _member(member: dict[str, Any]) -> dict[str, Any]:
    return {"type": "user", "id": 7} if member["type"] == "user" else {**member, "id": 1}


def _unprocessable(*names: str) -> Refused:
    return Refused(422, {"errors": {name: ["is invalid"] for name in names}})


def app(vendor: BetterStack) -> Starlette:
    def collection_of(request: Request) -> str:
        page = request.path_params.get("page")
        kind: str = request.path_params["kind"]
        return f"status-pages/{page}/{kind}" if page else kind

    def allowed(endpoint: Endpoint) -> Endpoint:
        async def checked(request: Request) -> Response:
            if request.headers.get("authorization") != f"Bearer {TOKEN}":
                raise Refused(401, {"errors": "Invalid Team API token."})
            is_third = request.url.path.startswith("/api/v3/")
            if is_third != (request.path_params["kind"] == "policies"):
                raise Refused(404, {"errors": "Not found"})
            return await endpoint(request)

        return checked

    async def many(request: Request) -> Response:
        collection = collection_of(request)
        if request.method == "POST":
            return vendor.create(collection, await request.json())
        return vendor.list(request, collection)

    async def one(request: Request) -> Response:
        collection, identifier = collection_of(request), request.path_params["id"]
        if request.method == "DELETE":
            return vendor.delete(collection, identifier)
        return vendor.update(collection, identifier, await request.json())

    base = "/api/v{version:int}"
    return face(
        [
            Route(f"{base}/status-pages/{{page}}/{{kind}}", allowed(many), methods=["GET", "POST"]),
            Route(f"{base}/status-pages/{{page}}/{{kind}}/{{id}}", allowed(one), methods=["PATCH", "DELETE"]),
            Route(f"{base}/{{kind}}", allowed(many), methods=["GET", "POST"]),
            Route(f"{base}/{{kind}}/{{id}}", allowed(one), methods=["PATCH", "DELETE"]),
        ]
    )
