"""Google Maps' geocoding over HTTP, as docs/vendors/google_maps.md describes it."""

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.vendors.face import face

KEY = "AIza-contract"


def app(inner: httpx.AsyncClient) -> Starlette:
    async def geocode(request: Request) -> Response:
        query = request.query_params
        if query.get("key") != KEY:
            denied = {"status": "REQUEST_DENIED", "error_message": "The provided API key is invalid.", "results": []}
            return JSONResponse(denied)
        if not query.get("address"):
            return JSONResponse({"status": "INVALID_REQUEST", "results": []})
        found = (await inner.get("/maps/geocode", params={"address": query["address"]})).json()
        return JSONResponse(found)

    return face([Route("/maps/api/geocode/json", geocode)])
