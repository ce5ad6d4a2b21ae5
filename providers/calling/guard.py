"""The wrapper around every vendor call: deadline, retries where they are safe, circuit breaker, limit, metrics.

An adapter's module declares a `Resilience` and the operations that may be repeated as data.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import httpx
import stamina
import structlog
from aiolimiter import AsyncLimiter
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from prometheus_client import Counter, Histogram
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.messages.events import ContextChanged
from purgatory.domain.model import CLOSED, OPENED, OpenedState

from domain.errors import InDoubt, Unavailable
from domain.timeline import TimelineKind, mark, record
from providers.calling.error_budget import ErrorBudget

Result = TypeVar("Result")

CALLS: Final = Counter(
    "drop_provider_calls_total", "Calls to a vendor.", ["provider", "vendor", "operation", "outcome"]
)
SECONDS: Final = Histogram("drop_provider_call_seconds", "Time of a vendor call.", ["provider", "vendor", "operation"])
_log = structlog.get_logger()
_tracer = trace.get_tracer("drop.providers")


@dataclass(frozen=True, slots=True)
class Resilience:
    """How one vendor is called. Times are in seconds.

    `timeout_s` is the deadline of each try. `breaker_failures` failures in a row open the breaker for `breaker_open_s`.
    `retry_after_s` are the pauses before the retries: two pauses allow two retries. `per_second` is how many calls are
    sent at most; calls beyond it wait within their own deadline.
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


_TROUBLE: Final = (httpx.TransportError, TimeoutError, VendorTrouble)
# These are raised before a byte was sent, so the vendor did nothing.
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# Only a code such as `invalid_token` is logged: a vendor's longer text may hold personal data.
_WORD: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# If a vendor asks for a longer pause, the call fails at once: its caller has a deadline of its own.
_LONGEST_PAUSE_S: Final = 10.0


class Guard:
    """Calls one vendor. `retried` names the operations that are safe to repeat: reads and idempotent ones.

    `provider` is the port's name and `vendor` the vendor's, for logs, metrics and traces. `budget` counts the failures
    of a vendor that users are being migrated to. `admit` waits for a turn among all processes, if they share the
    vendor's limit. `on_opened` is called when failures in this process open the breaker.
    """

    def __init__(
        self,
        provider: str,
        resilience: Resilience,
        retried: frozenset[str],
        *,
        vendor: str = "mock",
        budget: ErrorBudget | None = None,
        admit: Callable[[], Awaitable[None]] | None = None,
        on_opened: Callable[[], None] | None = None,
    ) -> None:
        self._provider = provider
        self._vendor = vendor
        self._budget = budget
        self._resilience = resilience
        self._retried = retried
        rate = resilience.per_second
        self._limiter = AsyncLimiter(rate, 1) if rate is not None else None
        self._admit = admit
        # A refusal, such as a declined card, is an answer: it must not open the breaker for everybody else.
        self._breakers = AsyncCircuitBreakerFactory(
            default_threshold=resilience.breaker_failures,
            default_ttl=resilience.breaker_open_s,
            exclude=[(Exception, lambda error: not isinstance(error, _TROUBLE))],
        )
        self._on_opened = on_opened
        self._breakers.add_listener(self._on_breaker_event)

    @property
    def per_second(self) -> float | None:
        """How many calls are sent in a second at most, None without a limit."""
        return self._resilience.per_second

    @property
    def open_s(self) -> float:
        """How long the breaker stays open, in seconds."""
        return self._resilience.breaker_open_s

    async def open_breaker(self) -> None:
        """Open the breaker because another process has found the vendor away. Safe to repeat. Publishes nothing."""
        context = (await self._breakers.get_breaker(self._provider)).context
        if context.state == CLOSED:
            context.set_state(OpenedState(self._provider))
            # Clear the event: the process that opened the breaker has already published it.
            context.messages.clear()

    def _on_breaker_event(self, name: str, kind: str, event: object) -> None:
        if isinstance(event, ContextChanged) and event.state == OPENED and self._on_opened is not None:
            self._on_opened()

    async def is_open(self) -> bool:
        """Whether the breaker is open: calls then raise Unavailable and are not sent."""
        return (await self._breakers.get_breaker(self._provider)).context.state == "opened"

    def refused(self, status: int, reason: object = "") -> Unavailable:
        """The error to raise for a refusal that the user cannot mend: credentials, permissions, a fault in our request.

        It is logged for operators, with the vendor's code if `reason` is one.
        """
        word = str(reason) if _WORD.fullmatch(str(reason)) else "unknown"
        _log.error("provider_refuses", provider=self._provider, vendor=self._vendor, status=status, reason=word)
        return Unavailable(self._provider, f"the vendor refuses us ({status} {word})")

    async def call(self, operation: str, send: Callable[[], Awaitable[Result]]) -> Result:
        """The answer to a request that is harmless if it was carried out unseen. Raises Unavailable."""
        try:
            return await self._measured(operation, send)
        except (*_TROUBLE, OpenedState) as error:
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
        except (*_TROUBLE, OpenedState) as error:
            if not was_sent:
                raise Unavailable(self._provider) from error
            raise InDoubt(f"{self._provider}: no answer to {operation}") from error

    async def _measured(self, operation: str, send: Callable[[], Awaitable[Result]]) -> Result:
        with _tracer.start_as_current_span(
            f"{self._provider} {operation}",
            kind=SpanKind.CLIENT,
            attributes={"drop.provider": self._provider, "drop.vendor": self._vendor},
            # A vendor's text may hold personal data, so no exception goes into the trace.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            return await self._recorded(operation, send, span)

    async def _recorded(self, operation: str, send: Callable[[], Awaitable[Result]], span: Span) -> Result:
        started, begun = time.monotonic(), mark()
        try:
            answer = await self._retrying(operation, send)
        except (*_TROUBLE, OpenedState) as error:
            CALLS.labels(self._provider, self._vendor, operation, "failed").inc()
            self._count_in_budget(has_failed=True)
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
                operation=operation,
                error=type(error).__name__,
            )
            raise
        finally:
            SECONDS.labels(self._provider, self._vendor, operation).observe(time.monotonic() - started)
        CALLS.labels(self._provider, self._vendor, operation, "answered").inc()
        self._count_in_budget(has_failed=False)
        record(TimelineKind.VENDOR_CALL, f"{self._provider}: {operation}", "answered", since=begun)
        return answer

    def _count_in_budget(self, *, has_failed: bool) -> None:
        if self._budget is not None:
            self._budget.count(has_failed=has_failed)

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
        breaker = await self._breakers.get_breaker(self._provider)
        async with breaker, asyncio.timeout(self._resilience.timeout_s):
            if self._limiter is not None:
                await self._limiter.acquire()
            if self._admit is not None:
                await self._admit()
            return await send()
