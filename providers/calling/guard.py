"""The wrapper around every vendor call: deadline, retries where they are safe, circuit breaker, limit, metrics.

An adapter's module declares a `Resilience` and the operations that may be repeated as data.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from typing import Final, TypeVar

import httpx
import stamina
import structlog
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from prometheus_client import Counter, Histogram

from domain.errors import InDoubt, NotThere, Unavailable, VendorRefusesUs
from domain.timeline import TimelineKind, attributes, mark, record
from providers.calling.breaker import Breaker, BreakerOpen, Outcome
from providers.calling.error_budget import ErrorBudget
from providers.calling.rate import Rate, Turns

Result = TypeVar("Result")

CALLS: Final = Counter(
    "drop_provider_calls_total",
    "Calls to a vendor, by the bank that it called for.",
    ["provider", "vendor", "bank", "operation", "outcome"],
)
SECONDS: Final = Histogram("drop_provider_call_seconds", "Time of a vendor call.", ["provider", "vendor", "operation"])
_log = structlog.get_logger()
_tracer = trace.get_tracer("drop.providers")


@dataclass(frozen=True, slots=True)
class Resilience:
    """How one vendor is called. Times are in seconds.

    `timeout_s` is the deadline of each try. `breaker_failures` failures in a row open the breaker for `breaker_open_s`.
    `retry_after_s` are the pauses before the retries: two pauses allow two retries. `per_second` is how many calls are
    sent at most; calls beyond it wait for their turn before their deadline begins.
    """

    timeout_s: float
    breaker_failures: int
    breaker_open_s: float
    retry_after_s: tuple[float, ...] = ()
    per_second: float | None = None


class VendorTrouble(Exception):
    """A vendor answered 429 or 5xx, or the answer cannot be read: the guard counts the failure and may retry.

    `retry_after_s` is the pause that the vendor asked for (RFC 9110, 10.2.3), None if it asked for none. `did_nothing`
    is true if the vendor says that it did nothing, as with 429: a command is then not in doubt.
    """

    def __init__(self, reason: str, *, retry_after_s: float | None = None, did_nothing: bool = False) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.did_nothing = did_nothing


class NoTurn(Exception):
    """Our own limit gives this call no turn soon: nothing was sent, and the vendor is not to blame."""


# Besides what goes wrong on the way: a body that cannot be unpacked (`DecodingError`).
_TROUBLE: Final = (httpx.RequestError, TimeoutError, VendorTrouble)
# These are raised before a byte was sent, so the vendor did nothing.
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# What ends a call that was not sent because of us: it says nothing of the vendor.
_OURS: Final = (BreakerOpen, NoTurn, httpx.PoolTimeout)
# Only a code such as `invalid_token` is logged: a vendor's longer text may hold personal data.
_WORD: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_CREDENTIALS: Final = frozenset({401, 403})
_NOT_THERE: Final = frozenset({404, 410})
# An authorisation server may say it with 400 (RFC 6749, 5.2).
_CLIENT_ERRORS: Final = frozenset({"invalid_client", "unauthorized_client"})
# If a vendor asks for a longer pause, the call fails at once: its caller has a deadline of its own.
_LONGEST_PAUSE_S: Final = 10.0
_LONGEST_TURN_S: Final = 10.0


def _outcome(error: BaseException | None) -> Outcome:
    """What a call says of whom it called. A refusal, such as a declined card, is an answer; a cancellation is ours."""
    if isinstance(error, _OURS):
        return Outcome.NOTHING
    if isinstance(error, _TROUBLE):
        return Outcome.FAILED
    return Outcome.ANSWERED if error is None or isinstance(error, Exception) else Outcome.NOTHING


def _outcome_of_host(error: BaseException | None) -> Outcome:
    """What a call for one bank says of the host that carries the calls for all. Silence may be the bank's alone."""
    if isinstance(error, _NEVER_SENT):
        return _outcome(error)
    if error is None or isinstance(error, VendorTrouble) or not isinstance(error, _TROUBLE):
        return Outcome.ANSWERED if _outcome(error) is not Outcome.NOTHING else Outcome.NOTHING
    return Outcome.NOTHING


def _outcome_of_bank(error: BaseException | None) -> Outcome:
    """What a call through a vendor's host says of the bank behind it: nothing where the host was not reached."""
    return Outcome.NOTHING if isinstance(error, _NEVER_SENT) else _outcome(error)


def _alone(name: str, per_second: float) -> Turns:
    return Rate(per_second)


def _tell_nobody(name: str, for_s: float) -> None:
    pass


def _hear_nothing(provider: str, name: str, why: str) -> None:
    pass


# The guard of the vendor's list of banks, as `Guard.at` names it: that it cannot be read closes no bank.
BANK_LIST: Final = "list"


class Guard:
    """Calls one vendor. `retried` names the operations that are safe to repeat: reads and idempotent ones.

    `provider` is the port's name and `vendor` the vendor's, for logs, metrics and traces. `budget` counts the failures
    of a vendor that users are being migrated to. `turns` makes the limit of a guard by its name and calls in a second,
    `on_opened` is called with the name of a breaker that failures in this process open, and for how many seconds,
    `on_refused` with the port, the guard's name and the reason when the vendor does not take our credentials.
    `letting_go` is around each call: what must not be held while a vendor is waited for is given back.

    A vendor that reaches several banks has a guard for each (`at`), with breaker, limit and budget of its own.
    """

    def __init__(
        self,
        provider: str,
        resilience: Resilience,
        retried: frozenset[str],
        *,
        vendor: str = "mock",
        budget: ErrorBudget | None = None,
        turns: Callable[[str, float], Turns] = _alone,
        on_opened: Callable[[str, float], None] = _tell_nobody,
        on_refused: Callable[[str, str, str], None] = _hear_nothing,
        letting_go: Callable[[], AbstractAsyncContextManager[object]] = nullcontext,
        bank: str = "",
        carrier: "Guard | None" = None,
    ) -> None:
        self._provider = provider
        self._vendor = vendor
        self._bank = bank
        self.name = f"{provider}:{vendor}/{bank}" if bank else f"{provider}:{vendor}"
        self._budget = budget
        self._resilience = resilience
        self._retried = retried
        self._make_turns, self._on_opened, self._on_refused = turns, on_opened, on_refused
        self._letting_go = letting_go
        rate, open_s = resilience.per_second, resilience.breaker_open_s
        self._turns = turns(self.name, rate) if rate is not None else None
        self._carrier = carrier
        self._breaker = Breaker(
            resilience.breaker_failures, open_s, on_opened=lambda: self._on_opened(self.name, open_s)
        )
        self._banks: dict[str, Guard] = {}

    def at(self, bank: str, *, has_own_host: bool = False) -> "Guard":
        """The guard of the calls for one bank, the same one each time. `bank` is Drop's id of it.

        Where the vendor carries the calls, a host that cannot be reached counts for all banks; a bank with
        `has_own_host` is called itself.
        """
        if bank not in self._banks:
            self._banks[bank] = Guard(
                self._provider,
                self._resilience,
                self._retried,
                vendor=self._vendor,
                budget=self._budget.at(bank) if self._budget is not None else None,
                turns=self._make_turns,
                on_opened=self._on_opened,
                on_refused=self._on_refused,
                letting_go=self._letting_go,
                bank=bank,
                carrier=None if has_own_host else self,
            )
        return self._banks[bank]

    def open_breaker(self, for_s: float, bank: str = "") -> None:
        """Open the breaker because another process has found the vendor, or this bank, away. Safe to repeat."""
        (self.at(bank) if bank else self)._breaker.open(for_s)

    @property
    def is_open(self) -> bool:
        """Whether the breaker is open: calls then raise Unavailable and are not sent."""
        return self._breaker.is_open or (self._carrier is not None and self._carrier.is_open)

    @property
    def is_away(self) -> bool:
        """Whether no call is sent: the breaker is open, or those of all banks that are called directly are."""
        own_hosts = [guard for guard in self._banks.values() if guard._carrier is None]
        return self.is_open or (bool(own_hosts) and all(guard.is_open for guard in own_hosts))

    @property
    def open_by_bank(self) -> Mapping[str, bool]:
        """Of each bank that was called, whether its own breaker is open."""
        return {bank: guard._breaker.is_open for bank, guard in self._banks.items() if bank != BANK_LIST}

    def refused(
        self, status: int, reason: object = "", *, is_ours: bool | None = None, of_object: bool = False
    ) -> NotThere | VendorRefusesUs:
        """The error to raise for a refusal that the user cannot mend: credentials, permissions, a fault in our request.

        It is logged for operators, with the vendor's code if `reason` is one. They are alerted where our credentials or
        permissions are at fault: `is_ours`, or by the status where the caller cannot tell. `of_object`: the request
        named an object of the vendor's, so that 404 and 410 say that it is not there, which is no fault of ours.
        """
        word = str(reason) if _WORD.fullmatch(str(reason)) else "unknown"
        of = {"provider": self._provider, "vendor": self._vendor, "bank": self._bank, "status": status, "reason": word}
        if of_object and not is_ours and status in _NOT_THERE:
            _log.warning("provider_has_no_such_object", **of)
            return NotThere(self._provider, f"the vendor has no such object ({status} {word})")
        _log.error("provider_refuses", **of)
        if (status in _CREDENTIALS or word in _CLIENT_ERRORS) if is_ours is None else is_ours:
            self._on_refused(self._provider, self.name, f"{status} {word}")
        return VendorRefusesUs(self._provider, f"the vendor refuses us ({status} {word})")

    async def call(self, operation: str, send: Callable[[], Awaitable[Result]]) -> Result:
        """The answer to a request that is harmless if it was carried out unseen. Raises Unavailable."""
        try:
            return await self._measured(operation, send)
        except (*_TROUBLE, BreakerOpen, NoTurn) as error:
            raise Unavailable(self._provider) from error

    async def command(self, operation: str, send: Callable[[], Awaitable[Result]]) -> Result:
        """The answer to a request that must not be carried out twice.

        Raises Unavailable (nothing was sent) or InDoubt (it was sent and no answer came). It is repeated only if
        `retried` names the operation, because the vendor then recognises the request by its idempotency key.
        """
        was_sent = False

        async def send_and_remember() -> Result:
            nonlocal was_sent
            try:
                return await send()
            except _NEVER_SENT:
                raise
            except BaseException as error:
                was_sent = was_sent or not (isinstance(error, VendorTrouble) and error.did_nothing)
                raise

        try:
            return await self._measured(operation, send_and_remember)
        except (*_TROUBLE, BreakerOpen, NoTurn) as error:
            if not was_sent:
                raise Unavailable(self._provider) from error
            raise InDoubt(f"{self._provider}: no answer to {operation}") from error

    async def _measured(self, operation: str, send: Callable[[], Awaitable[Result]]) -> Result:
        with _tracer.start_as_current_span(
            f"{self._provider} {operation}",
            kind=SpanKind.CLIENT,
            attributes={"drop.provider": self._provider, "drop.vendor": self._vendor, **attributes()},
            # A vendor's text may hold personal data, so no exception goes into the trace.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            async with self._letting_go():
                return await self._recorded(operation, send, span)

    async def _recorded(self, operation: str, send: Callable[[], Awaitable[Result]], span: Span) -> Result:
        started, begun = time.monotonic(), mark()
        try:
            answer = await self._retrying(operation, send)
        except (*_TROUBLE, BreakerOpen, NoTurn) as error:
            self._count(operation, "failed")
            self._count_in_budget(error)
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            record(
                TimelineKind.VENDOR_CALL,
                f"{self._provider}: {operation}",
                f"no answer ({type(error).__name__})",
                since=begun,
            )
            _log.warning(
                "provider_call_failed",
                provider=self._provider,
                vendor=self._vendor,
                bank=self._bank,
                operation=operation,
                error=type(error).__name__,
            )
            raise
        finally:
            SECONDS.labels(self._provider, self._vendor, operation).observe(time.monotonic() - started)
        self._count(operation, "answered")
        self._count_in_budget(None)
        record(TimelineKind.VENDOR_CALL, f"{self._provider}: {operation}", "answered", since=begun)
        return answer

    def _count(self, operation: str, outcome: str) -> None:
        CALLS.labels(self._provider, self._vendor, self._bank, operation, outcome).inc()

    def _count_in_budget(self, error: Exception | None) -> None:
        if isinstance(error, NoTurn | httpx.PoolTimeout):
            return
        carrier = self._carrier
        is_carriers = carrier is not None and (
            carrier.is_open if isinstance(error, BreakerOpen) else isinstance(error, _NEVER_SENT)
        )
        if self._budget is not None and not is_carriers:
            self._budget.count(has_failed=error is not None)
        if carrier is not None and carrier._budget is not None and (error is None or is_carriers):
            carrier._budget.count(has_failed=error is not None)

    async def _retrying(self, operation: str, send: Callable[[], Awaitable[Result]]) -> Result:
        pauses = self._resilience.retry_after_s if operation in self._retried else ()
        if not pauses:
            return await self._guarded(send)

        def pause_after(error: Exception) -> bool | float:
            asked = error.retry_after_s if isinstance(error, VendorTrouble) else None
            if asked is None:
                return isinstance(error, _TROUBLE)
            return max(asked, pauses[0]) if asked <= _LONGEST_PAUSE_S else False

        async for attempt in stamina.retry_context(
            on=pause_after,
            attempts=len(pauses) + 1,
            timeout=None,
            wait_initial=pauses[0],
            wait_max=pauses[-1],
            wait_jitter=0,
        ):
            with attempt:
                return await self._guarded(send)
        raise AssertionError("stamina ends with a result or an exception")

    async def _guarded(self, send: Callable[[], Awaitable[Result]]) -> Result:
        await self._wait_for_turn()
        with ExitStack() as counted:
            if self._carrier is not None:
                counted.enter_context(self._carrier._breaker.attempt(_outcome_of_host))
            counted.enter_context(self._breaker.attempt(_outcome if self._carrier is None else _outcome_of_bank))
            async with asyncio.timeout(self._resilience.timeout_s):
                return await send()
        raise AssertionError("no part of the stack swallows an exception")

    async def _wait_for_turn(self) -> None:
        """Outside of breaker and deadline: that we send too much is no fault of the vendor. Raises NoTurn."""
        if self._turns is None or self.is_open:
            return
        wait = await self._turns.take(within_s=_LONGEST_TURN_S)
        if wait is None:
            raise NoTurn
        if wait > 0:
            await asyncio.sleep(wait)
