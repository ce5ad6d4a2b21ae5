"""What goes wrong between us and a vendor outside, for every operation of every production adapter.

Each fault is a typed error, repeated only where that is safe, counted by the breaker, and tells no secret to a log.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Final

import httpx
import pytest
from structlog.testing import capture_logs

from domain.errors import DropError, InDoubt, NotThere, Unavailable, VendorRefusesUs
from providers.calling.guard import BANK_LIST, Guard
from providers.registry import PORTS
from tests.builders.counterpart import HANG, answer, counterpart
from tests.contract.adapters import SECRET
from tests.contract.operations import OPERATIONS, Operation

JSON: Final = "application/json"


def said(status: int, body: str = "{}", **headers: str) -> bytes:
    return answer(status, body, content_type=JSON, **headers)


# By what a vendor says and does; the last four are successes that cannot be read.
TROUBLE: Final[Mapping[str, bytes]] = {
    "429": said(429),
    "429 for a second": said(429, retry_after="1"),
    "500": said(500),
    "a redirect": said(303, location="/elsewhere"),
    "503": said(503, "<html>Back soon</html>"),
    "slow": HANG,
    "closed": b"",
    "not HTTP": b"not HTTP at all\r\n\r\n",
    "cut": said(200, '{"id": "a long answer"}')[:-5],
    "a page": answer(200, "<html>Sign in to this network</html>", content_type="text/html"),
    "broken JSON": said(200, '{"id": '),
    "huge JSON": said(200, '{"id": "' + "x" * 5_000_000 + '"}'),
    "other JSON": said(200, "[1]"),
}
# Answers after which the vendor itself says that it did nothing.
DID_NOTHING: Final = frozenset({"429", "429 for a second"})
# So short that every retry fits into what an adapter allows its caller.
SHORT_S: Final = 0.9
REFUSALS: Final = (400, 401, 403, 404, 409)

of_every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    # As in the product, the guard's deadline is the only one.
    async with httpx.AsyncClient(timeout=None) as client:
        yield client


@pytest.fixture
async def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let seconds pass at once, so that a deadline is met by a vendor's silence alone, however busy the machine is."""
    loop, passed = asyncio.get_running_loop(), [0.0]
    real = loop.time
    monkeypatch.setattr(loop, "time", lambda: real() + sum(passed))
    return passed.append


class Caller:
    """An operation of a fresh adapter, its guard and what it logs."""

    def __init__(
        self, operation: Operation, http: httpx.AsyncClient, url: str, deadline_s: float | None = None
    ) -> None:
        self._operation = operation
        declared = operation.declared.RESILIENCE
        resilience = replace(declared, timeout_s=deadline_s or declared.timeout_s)
        self.guard = Guard("vendor", resilience, operation.declared.RETRIED)
        self._adapter = operation.build(http, url, self.guard)
        self.logs: list[str] = []

    @property
    def is_left_alone(self) -> bool:
        is_open = self.guard.is_open or self.guard.at(BANK_LIST).is_open
        return is_open or any(self.guard.open_by_bank.values())

    async def __call__(self) -> DropError | None:
        with capture_logs() as logs:
            try:
                await self._operation.call(self._adapter)
            except DropError as error:
                found: DropError | None = error
            else:
                found = None
        self.logs += map(str, logs)
        assert SECRET not in f"{self.logs} {found!r}"
        return found


async def until_open(call: Caller) -> None:
    for _ in range(20):
        if call.is_left_alone:
            return
        await call()
    pytest.fail("the breaker stays closed")


@pytest.mark.parametrize("fault", TROUBLE)
@of_every_operation
async def test_trouble_is_a_typed_error_and_opens_the_breaker(
    http: httpx.AsyncClient, operation: Operation, fault: str, wait: Callable[[float], None]
) -> None:
    async with counterpart(*operation.first, TROUBLE[fault]) as vendor:
        vendor.on_silence = lambda: wait(SHORT_S)
        call = Caller(operation, http, vendor.url, SHORT_S if fault == "slow" else None)
        error = await call()

        assert isinstance(error, InDoubt if operation.in_doubt and fault not in DID_NOTHING else Unavailable)
        assert len(vendor.requests) == len(operation.first) + operation.attempts
        await until_open(call)

    assert len(vendor.requests) == len(operation.first) + operation.declared.RESILIENCE.breaker_failures


@of_every_operation
async def test_a_vendor_that_asks_for_an_hour_is_left_alone(http: httpx.AsyncClient, operation: Operation) -> None:
    async with counterpart(*operation.first, said(429, retry_after="3600")) as vendor:
        error = await Caller(operation, http, vendor.url)()

    assert isinstance(error, Unavailable)
    assert len(vendor.requests) == len(operation.first) + 1


@pytest.mark.parametrize(
    ("operation", "status"),
    [(operation, status) for operation in OPERATIONS for status in REFUSALS if status not in operation.busy],
    ids=lambda value: value.name if isinstance(value, Operation) else str(value),
)
async def test_a_no_is_said_once_and_opens_no_breaker(
    http: httpx.AsyncClient, operation: Operation, status: int
) -> None:
    async with counterpart(*operation.first, said(status)) as vendor:
        call = Caller(operation, http, vendor.url)
        found = [await call() for _ in range(6)]

    expected = operation.refusals.get(status, Unavailable)
    kinds = [
        Unavailable if isinstance(error, VendorRefusesUs | NotThere) else type(error) if error else None
        for error in found
    ]
    assert kinds == [expected] * 6
    assert len(vendor.requests) == len(operation.first) + 6 * (1 + operation.asks_more.get(status, 0))
    assert not call.is_left_alone


READS: Final = frozenset(
    {
        *("direct: balances", "direct: status", "open_payments: balances", "open_payments: status"),
        *("enable_banking: balances", "enable_banking: status", "stripe: retrieve"),
    }
)


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize(
    "operation",
    [operation for operation in OPERATIONS if operation.name in READS],
    ids=lambda operation: operation.name,
)
async def test_what_a_vendor_does_not_have_is_told_and_is_no_fault_of_ours(
    http: httpx.AsyncClient, operation: Operation, status: int
) -> None:
    async with counterpart(*operation.first, said(status)) as vendor:
        call = Caller(operation, http, vendor.url)
        error = await call()

    assert isinstance(error, NotThere)
    assert not any("provider_refuses" in line for line in call.logs)


@pytest.mark.parametrize(
    ("operation", "status"),
    [(operation, status) for operation in OPERATIONS for status in operation.busy],
    ids=lambda value: value.name if isinstance(value, Operation) else str(value),
)
async def test_a_vendor_that_is_at_it_already_is_asked_again(
    http: httpx.AsyncClient, operation: Operation, status: int
) -> None:
    async with counterpart(said(status)) as vendor:
        error = await Caller(operation, http, vendor.url)()

    assert isinstance(error, InDoubt if operation.in_doubt else Unavailable)
    assert len(vendor.requests) == operation.attempts


@of_every_operation
async def test_nobody_listens(http: httpx.AsyncClient, operation: Operation) -> None:
    async with counterpart(said(200)) as vendor:
        gone = vendor.url
    call = Caller(operation, http, gone)

    assert isinstance(await call(), Unavailable)
    await until_open(call)


def test_every_vendor_that_can_be_chosen_is_on_the_table() -> None:
    chosen = {name for port in PORTS.values() for name in port.names} - {"mock", "console", "off"}

    # Slack's words, S3's SDK and Sentry's have tests of their own: test_slack.py, test_storage.py, test_sentry.py.
    assert {operation.name.split(":")[0] for operation in OPERATIONS} == chosen - {"slack", "s3", "sentry"}


@pytest.mark.parametrize(
    "operation",
    [
        one
        for one in OPERATIONS
        if one.name in ("open_payments: balances", "direct: balances", "enable_banking: balances")
    ],
    ids=lambda operation: operation.name,
)
async def test_a_429_with_a_code_of_its_own_is_about_one_request(http: httpx.AsyncClient, operation: Operation) -> None:
    body = '{"error": "QUOTA", "tppMessages": [{"category": "ERROR", "code": "QUOTA"}]}'
    async with counterpart(*operation.first, said(429, body)) as vendor:
        call = Caller(operation, http, vendor.url)
        found = [await call() for _ in range(6)]

    assert all(isinstance(error, Unavailable) for error in found)
    assert len(vendor.requests) == len(operation.first) + 6
    assert not call.is_left_alone
