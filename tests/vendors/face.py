"""What the faces of the real vendors have in common: HTTP as the vendor speaks it, over the sandbox's own vendors."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass
class Oddities:
    """What a test makes of a bank's answers about accounts.

    `accounts` and `balances` change the items of a list. `pages` are those of each account's statement, in place of the
    sandbox's, items in the vendor's shape. `instead` gives a whole answer to "accounts", "balances" or "transactions",
    or None for the usual one. `asked` are the queries for statements, `consents` the sandbox's ids of consents.
    `more` are lines, in the vendor's shape, on top of an account's statement, by the bank's id of the account.
    `gives_ids` says whether lines bear the end-to-end ids of payments; None is what is usual at the vendor, and
    `ids_in` is where Enable Banking's do, which have no field of their own for it.
    `told` are the headers about the user with which accounts, balances and statements were asked for. `warns` are the
    messages beside each consent and payment that it takes. `consent_word` replaces the status of consents and
    `consent_until` their last day, in the vendor's shape; a whole answer is `instead["consent"]`.
    """

    accounts: Callable[[list[Any]], list[Any]] = lambda items: items
    balances: Callable[[list[Any]], list[Any]] = lambda items: items
    pages: Sequence[list[Any]] | None = None
    instead: dict[str, Callable[[Request], Response | None]] = field(default_factory=dict)
    asked: list[Mapping[str, str]] = field(default_factory=list)
    consents: list[str] = field(default_factory=list)
    told: list[Mapping[str, str]] = field(default_factory=list)
    warns: list[Any] = field(default_factory=list)
    more: dict[str, list[Any]] = field(default_factory=dict)
    gives_ids: bool | None = None
    ids_in: str = "reference_number"
    consent_word: str | None = None
    consent_until: Any = None

    def on_top(self, account: str, page: str) -> list[Any]:
        """The test's lines on an account's first page."""
        return [] if page else self.more.get(account, [])

    def answer(self, what: str, request: Request) -> Response | None:
        """The answer that the test wants instead of the usual one."""
        self.told.append(psu_headers_of(request.headers))
        if what == "transactions":
            self.asked.append(dict(request.query_params))
        make = self.instead.get(what)
        return make(request) if make else None

    def page(self, number: str) -> tuple[list[Any], str | None]:
        """A page of the test's statement, and the number of the next one."""
        assert self.pages is not None
        here = int(number or 0)
        return self.pages[here], str(here + 1) if here + 1 < len(self.pages) else None


@dataclass
class OddPayments:
    """What a test makes of a bank's answers about payments.

    `word` replaces the transaction status. `is_final` is Enable Banking's `final_status`. `ids` are the sandbox's ids
    of the payments that the bank has taken. `rejects_with` is the code with which payments are rejected at once.
    `last` is the last status that payments reach, instead of ACSC.
    `gone` is with which status and code the bank answers about what it has forgotten; `knows_sca`: it gives the SCA
    status all the same, `knows_status`: the transaction status.
    `instead` gives a whole answer to "initiate", "cancel" or "read" (of anything about a payment). `taken` changes the
    answer to an initiation that the bank has taken.
    """

    word: str | None = None
    is_final: bool | None = None
    ids: list[str] = field(default_factory=list)
    rejects_with: str | None = None
    last: str | None = None
    gone: tuple[int, str] | None = None
    knows_sca: bool = False
    knows_status: bool = False
    instead: dict[str, Callable[[Request], Response | None]] = field(default_factory=dict)
    taken: Callable[[dict[str, Any]], dict[str, Any]] = lambda answer: answer

    def said(self, status: str) -> str:
        """The status of a payment as the bank says it."""
        return self.word or (self.last if self.last is not None and status == "ACSC" else status)

    def has_forgotten(self, request: Request) -> bool:
        """Whether the request is about a payment that the bank has forgotten."""
        is_known = self.knows_sca if "authorisation" in request.url.path else self.knows_status
        return "payment" in request.path_params and not is_known

    def answer(self, what: str, request: Request) -> Response | None:
        """The answer that the test wants instead of the usual one."""
        make = self.instead.get(what)
        return make(request) if make else None


class Refused(Exception):
    """The vendor's no, in its own shape."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return JSONResponse(error.body, status_code=error.status)


def face(routes: list[Route]) -> Starlette:
    return Starlette(routes=routes, exception_handlers={Refused: _refused})


async def ask(
    inner: httpx.AsyncClient,
    method: str,
    path: str,
    refuse: Callable[[int, Mapping[str, Any]], Refused],
    **content: Any,
) -> dict[str, Any]:
    """The sandbox's answer; `refuse` says its no as the real vendor does."""
    response = await inner.request(method, path, **content)
    answer: dict[str, Any] = response.json()
    if response.is_error:
        raise refuse(response.status_code, answer)
    return answer


def psu_headers_of(headers: Mapping[str, str]) -> dict[str, str]:
    """What a request tells of the user."""
    return {name: value for name, value in headers.items() if name.startswith("psu-")}


def tells_only_of_present_users(headers: Mapping[str, str]) -> bool:
    """Whether a present user's address and browser are given, or nothing of the user at all."""
    told = {name for name in headers if name.startswith("psu-")}
    return not told or {"psu-ip-address", "psu-user-agent"} <= told
