"""The HTTP client of the mock adapters: they all call the sandbox through it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx

from providers.calling.guard import Guard, VendorTrouble
from providers.calling.idempotency import send_once


class SandboxRefusal(Exception):
    """The sandbox answered 4xx: the simulated vendor turns the request down, for the reason in `code`."""

    def __init__(self, status: int, answer: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(answer.get("code", ""))
        self.answer = answer
        super().__init__(f"{status} {self.code}")


class SandboxClient:
    """Speaks JSON with the sandbox, in process or over a socket. `path` is relative to the base URL of `http`.

    The guard decides by `operation` whether a call is repeated.
    """

    def __init__(self, http: httpx.AsyncClient, guard: Guard) -> None:
        self._http = http
        self._guard = guard

    def at(self, bank: str) -> "SandboxClient":
        """The same client under the guard of one bank behind the vendor. See `Guard.at`."""
        return SandboxClient(self._http, self._guard.at(bank))

    async def get(self, operation: str, path: str, **params: str) -> dict[str, Any]:
        """The answer to a GET. Safe to repeat. Raises Unavailable, SandboxRefusal."""
        return await self._guard.call(operation, lambda: self._send("GET", path, params=params))

    async def post(self, operation: str, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """The answer to a POST that is safe to repeat. Raises Unavailable, SandboxRefusal."""
        return await self._guard.call(operation, lambda: self._send("POST", path, body=body))

    async def delete(self, operation: str, path: str) -> dict[str, Any]:
        """The answer to a DELETE. Safe to repeat. Raises Unavailable, SandboxRefusal."""
        return await self._guard.call(operation, lambda: self._send("DELETE", path))

    async def command(
        self, operation: str, path: str, body: Mapping[str, object] | None = None, *, method: str = "POST"
    ) -> dict[str, Any]:
        """The answer to a request that must not be carried out twice. Raises SandboxRefusal, Unavailable and InDoubt.

        Unavailable says that the sandbox did nothing, InDoubt that it may have done what was asked.
        """
        return await self._guard.command(operation, lambda: self._send(method, path, body=body))

    async def make_once(
        self,
        operation: str,
        kind: str,
        path: str,
        body: Mapping[str, Any],
        *,
        by: str,
        first_sent_at: datetime,
        now: datetime,
    ) -> dict[str, Any]:
        """The card vendor's object of a kind that this request makes, or that an earlier one has made.

        `by` names our id in the body's metadata; the id is the idempotency key as well, see `send_once`. Raises
        SandboxRefusal, Unavailable and InDoubt.
        """
        ours = str(body["metadata"][by])

        async def find() -> dict[str, Any] | None:
            found = await self.get("find", f"/cards/search/{kind}", name=by, value=ours)
            return next(iter(found["data"]), None)

        return await send_once(
            ours,
            first_sent_at=first_sent_at,
            now=now,
            send=lambda key: self.command(operation, path, {**body, "idempotency_key": key}),
            find=find,
        )

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
        response = await self._http.request(method, path, params=params, json=body)
        if response.is_server_error:
            raise VendorTrouble(str(response.status_code))
        answer: dict[str, Any] = response.json() if response.content else {}
        # A 429 with a code turns this request down; without a code the sandbox is overloaded, and a repeat may help.
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS and not answer.get("code"):
            raise VendorTrouble("429", did_nothing=True)
        if response.is_client_error:
            raise SandboxRefusal(response.status_code, answer)
        return answer
