"""One wrapper around every vendor call: deadline, retry where it is safe, circuit breaker, metric.

An adapter declares a `Resilience` and the operations that may be repeated beside its tables, as data.
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
    """How one vendor is called. Seconds; `retry_after_s` are the pauses, so their number is the retries'.

    `per_second` is how many calls are sent at most; what exceeds it waits within its own timeout.
    """

    timeout_s: float
    breaker_failures: int
    breaker_open_s: float
    retry_after_s: tuple[float, ...] = ()
    per_second: float | None = None


class VendorTrouble(Exception):
    """A vendor's 429 or 5xx, or an answer that cannot be read: the guard counts and retries it.

    `retry_after_s` is what the vendor asked for (RFC 9110, 10.2.3), None where it did not say. `did_nothing` where it
    says so itself, as with 429: a command is then not in doubt.
    """

    def __init__(self, reason: str, *, retry_after_s: float | None = None, did_nothing: bool = False) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.did_nothing = did_nothing


_TROUBLE: Final = (httpx.TransportError, TimeoutError, VendorTrouble)
# Raised before a byte was sent: the vendor did nothing.
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# A vendor's own word, such as `invalid_token`; whatever else it says is not repeated in our logs.
_WORD: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# A vendor that asks for more is not waited for: whoever called is told to come back.
_LONGEST_PAUSE_S: Final = 10.0


class Guard:
    """Calls one vendor. `retried` names the operations that are reads or idempotent."""

    def __init__(
        self,
        provider: str,
        resilience: Resilience,
        retried: frozenset[str],
        *,
        vendor: str = "mock",
        budget: ErrorBudget | None = None,
    ) -> None:
        self._provider = provider
        self._vendor = vendor
        self._budget = budget
        self._resilience = resilience
        self._retried = retried
        rate = resilience.per_second
        self._limiter = AsyncLimiter(rate, 1) if rate is not None else None
        # Takes a turn among all processes, where they share the limit.
        self.admit: Callable[[], Awaitable[None]] = _at_once
        # A vendor's no, such as a declined card, is an answer and opens no breaker.
        self._breakers = AsyncCircuitBreakerFactory(
            default_threshold=resilience.breaker_failures,
            default_ttl=resilience.breaker_open_s,
            exclude=[(Exception, lambda error: not isinstance(error, _TROUBLE))],
        )
        # Called when it opens by what was seen here.
        self.on_opened: Callable[[], None] = lambda: None
        self._breakers.add_listener(self._tell)

    @property
    def per_second(self) -> float | None:
        """How many calls are sent at most."""
        return self._resilience.per_second

    @property
    def open_s(self) -> float:
        """How long its breaker stays open."""
        return self._resilience.breaker_open_s

    async def open_by_other_process(self) -> None:
        """Another process has found the vendor away."""
        context = (await self._breakers.get_breaker(self._provider)).context
        if context.state == CLOSED:
            context.set_state(OpenedState(self._provider))
            # Whoever told us has told the others.
            context.messages.clear()

    def _tell(self, name: str, kind: str, event: object) -> None:
        if isinstance(event, ContextChanged) and event.state == OPENED:
            self.on_opened()

    async def is_open(self) -> bool:
        """Whether calls are refused for now, because the vendor has failed too often."""
        return (await self._breakers.get_breaker(self._provider)).context.state == "opened"

    def refused(self, status: int, reason: object = "") -> Unavailable:
        """For a no that the user can do nothing about: credentials, permissions, a fault of ours."""
        word = str(reason) if _WORD.fullmatch(str(reason)) else "unknown"
        _log.error("provider_refuses", provider=self._provider, vendor=self._vendor, status=status, reason=word)
        return Unavailable(self._provider, f"the vendor refuses us ({status} {word})")

    async def call(self, operation: str, send: Callable[[], Awaitable[Result]]) -> Result:
        """Answer, or raise Unavailable. For everything that may be given up without doubt."""
        try:
            return await self._measured(operation, send)
        except (*_TROUBLE, OpenedState) as error:
            raise Unavailable(self._provider) from error

    async def command(self, operation: str, send: Callable[[], Awaitable[Result]]) -> Result:
        """Answer, or raise Unavailable (nothing was sent) or InDoubt (sent, and no answer came).

        Repeated only where `retried` names it, because the vendor knows the request again by its key.
        """
        was_sent = False

        async def noting() -> Result:
            nonlocal was_sent
            try:
                return await send()
            except _NEVER_SENT:
                raise
            except BaseException as error:
                was_sent = was_sent or not (isinstance(error, VendorTrouble) and error.did_nothing)
                raise

        try:
            return await self._measured(operation, noting)
        except (*_TROUBLE, OpenedState) as error:
            if not was_sent:
                raise Unavailable(self._provider) from error
            raise InDoubt(f"{self._provider}: no answer to {operation}") from error

    async def _measured(self, operation: str, send: Callable[[], Awaitable[Result]]) -> Result:
        with _tracer.start_as_current_span(
            f"{self._provider} {operation}",
            kind=SpanKind.CLIENT,
            attributes={"drop.provider": self._provider, "drop.vendor": self._vendor},
            # What a vendor says may be anything.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            return await self._noted(operation, send, span)

    async def _noted(self, operation: str, send: Callable[[], Awaitable[Result]], span: Span) -> Result:
        started, begun = time.monotonic(), mark()
        try:
            answer = await self._retrying(operation, send)
        except (*_TROUBLE, OpenedState) as error:
            CALLS.labels(self._provider, self._vendor, operation, "failed").inc()
            self._spend(has_failed=True)
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
        self._spend(has_failed=False)
        record(TimelineKind.VENDOR_CALL, f"{self._provider}: {operation}", "answered", since=begun)
        return answer

    def _spend(self, *, has_failed: bool) -> None:
        if self._budget is not None:
            self._budget.note(has_failed=has_failed)

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
                await self.admit()
            return await send()


async def _at_once() -> None:
    """Nobody shares the limit."""
