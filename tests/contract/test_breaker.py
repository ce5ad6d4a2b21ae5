"""When calls to a vendor are refused, and what counts as its trouble: the state machine, and the guard around it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress

import anyio
import httpx
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain.errors import InDoubt, Unavailable
from domain.ids import UserId
from providers.calling.breaker import Breaker, BreakerOpen, Outcome
from providers.calling.error_budget import ErrorBudget
from providers.calling.guard import Guard, Resilience, VendorTrouble
from providers.calling.rate import Rate, Turns
from providers.vendors import Registered, Target

FAILURES = 3
OPEN_S = 30


class Machine:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class UnderWay:
    """A call that was let through and has not ended."""

    def __init__(self, breaker: Breaker) -> None:
        self.outcome = Outcome.NOTHING
        self._stack = ExitStack()
        self._stack.enter_context(breaker.attempt(lambda error: self.outcome))

    def end(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self._stack.close()


class BreakerUnderAnyCalls(RuleBasedStateMachine):
    """Any calls side by side, late outcomes, openings from outside and time: the breaker against a plain model."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = Machine()
        self.told = 0
        self.breaker = Breaker(FAILURES, OPEN_S, on_opened=self._hear, now=self.machine)
        self.calls: list[tuple[UnderWay, int]] = []
        self.era = 0
        self.failed = 0
        self.open_until: float | None = None
        self.probe: UnderWay | None = None
        self.opened = 0

    def _hear(self) -> None:
        self.told += 1

    def _change(self, until: float | None) -> None:
        self.era, self.failed, self.open_until, self.probe = self.era + 1, 0, until, None

    @property
    def may_call(self) -> bool:
        return self.open_until is None or (self.probe is None and self.machine.now >= self.open_until)

    @rule()
    def a_call_begins(self) -> None:
        if not self.may_call:
            with pytest.raises(BreakerOpen):
                UnderWay(self.breaker)
            return
        call = UnderWay(self.breaker)
        self.probe = call if self.open_until is not None else None
        self.calls.append((call, self.era))

    @precondition(lambda self: self.calls)
    @rule(which=st.integers(min_value=0), outcome=st.sampled_from(Outcome))
    def a_call_ends(self, which: int, outcome: Outcome) -> None:
        call, era = self.calls.pop(which % len(self.calls))
        call.end(outcome)
        if era != self.era:
            return
        if outcome is Outcome.NOTHING:
            self.probe = None
        elif outcome is Outcome.ANSWERED:
            self.failed = 0
            if self.open_until is not None:
                self._change(None)
        else:
            self.failed += 1
            if self.open_until is not None or self.failed == FAILURES:
                self.opened += 1
                self._change(self.machine.now + OPEN_S)

    @rule(for_s=st.integers(1, 2 * OPEN_S))
    def another_process_opens_it(self, for_s: int) -> None:
        self.breaker.open(for_s)
        if self.open_until is None:
            self._change(self.machine.now + for_s)

    @rule(seconds=st.integers(1, OPEN_S))
    def time_passes(self, seconds: int) -> None:
        self.machine.now += seconds

    @invariant()
    def it_is_open_exactly_while_calls_are_refused(self) -> None:
        assert self.breaker.is_open is not self.may_call

    @invariant()
    def openings_are_told_once_each(self) -> None:
        assert self.told == self.opened


TestBreakerUnderAnyCalls = BreakerUnderAnyCalls.TestCase


def a_guard(*, timeout_s: float = 5, per_second: float | None = None, turns: Turns | None = None) -> Guard:
    resilience = Resilience(timeout_s, FAILURES, OPEN_S, per_second=per_second)
    if turns is None:
        return Guard("open_banking", resilience, frozenset(), vendor="open_payments")
    return Guard("open_banking", resilience, frozenset(), vendor="open_payments", turns=lambda name, rate: turns)


def raising(error: BaseException) -> Callable[[], Awaitable[None]]:
    async def send() -> None:
        raise error

    return send


async def answering() -> str:
    return "answered"


async def fail(guard: Guard, error: Exception, times: int = FAILURES) -> None:
    for _ in range(times):
        with pytest.raises(Unavailable):
            await guard.call("status", raising(error))


async def test_one_banks_trouble_refuses_no_call_to_another() -> None:
    vendor = a_guard()

    await fail(vendor.at("bank_dnb"), VendorTrouble("500"))

    assert vendor.at("bank_dnb").is_open
    assert vendor.open_by_bank == {"bank_dnb": True}
    assert await vendor.at("bank_nordea").call("status", answering) == "answered"
    assert not vendor.is_open


async def test_a_host_that_cannot_be_reached_counts_for_all_its_banks() -> None:
    vendor = a_guard()

    for bank in ("bank_dnb", "bank_nordea", "bank_dnb"):
        await fail(vendor.at(bank), httpx.ConnectError("nobody listens"), times=1)

    with pytest.raises(Unavailable):
        await vendor.at("bank_handelsbanken").call("status", answering)
    assert vendor.is_open
    assert vendor.open_by_bank == {"bank_dnb": False, "bank_nordea": False, "bank_handelsbanken": False}


async def test_a_bank_that_is_called_itself_stands_alone() -> None:
    vendor = a_guard()
    dnb = vendor.at("bank_dnb", has_own_host=True)
    vendor.at("bank_nordea", has_own_host=True)

    await fail(dnb, httpx.ConnectError("nobody listens"))

    assert (dnb.is_open, vendor.is_open, vendor.is_away) == (True, False, False)
    await fail(vendor.at("bank_nordea"), httpx.ConnectError("nobody listens"))
    assert vendor.is_away


async def test_one_banks_failures_send_new_users_of_that_bank_alone_back_to_the_current_vendor() -> None:
    told: list[str] = []
    budget = ErrorBudget(lambda: told.append("spent"))
    vendor = Guard("open_banking", Resilience(5, FAILURES, 0), frozenset(), vendor="open_payments", budget=budget)
    banks: Registered[object] = Registered("open_banking", "mock", {}, Target("open_payments", 100, budget))
    kari = UserId("usr_kari")

    await fail(vendor.at("bank_dnb"), VendorTrouble("500"), times=20)
    for _ in range(20):
        await vendor.at("bank_nordea").call("status", answering)

    assert banks.for_user(kari, bank="bank_dnb") == "mock"
    assert banks.for_user(kari, bank="bank_nordea") == "open_payments"
    for _ in range(50):
        await vendor.at("bank_dnb").call("status", answering)
    assert banks.for_user(kari, bank="bank_dnb") == "open_payments"

    await fail(vendor.at("bank_dnb"), httpx.ConnectError("nobody listens"), times=20)
    assert (banks.for_user(kari, bank="bank_nordea"), told) == ("mock", ["spent"])


async def test_a_caller_who_leaves_counts_nothing() -> None:
    guard = a_guard().at("bank_dnb")
    for _ in range(2 * FAILURES):
        with anyio.move_on_after(0):
            await guard.call("balances", anyio.sleep_forever)

    assert not guard.is_open


async def test_silence_counts() -> None:
    guard = a_guard(timeout_s=0.01).at("bank_dnb")
    for _ in range(FAILURES):
        with pytest.raises(InDoubt):
            await guard.command("initiate", anyio.sleep_forever)

    assert guard.is_open


@pytest.mark.parametrize(
    ("error", "is_sent"),
    [(httpx.ReadTimeout, True), (httpx.WriteTimeout, True), (httpx.ConnectTimeout, False), (httpx.PoolTimeout, False)],
)
async def test_a_command_that_is_not_answered_in_time_is_in_doubt_once_it_was_sent(
    error: type[httpx.TimeoutException], is_sent: bool
) -> None:
    with pytest.raises(InDoubt if is_sent else Unavailable) as raised:
        await a_guard().command("initiate", raising(error("late")))

    assert isinstance(raised.value, InDoubt) is is_sent


async def test_our_own_full_pool_of_connections_counts_nothing() -> None:
    guard = a_guard()

    await fail(guard, httpx.PoolTimeout("all are in use"), times=2 * FAILURES)

    assert not guard.is_open


class LongTurns:
    """Gives each call a turn after a time, or none."""

    def __init__(self, wait_s: float | None) -> None:
        self.wait_s = wait_s

    async def take(self, *, within_s: float) -> float | None:
        return self.wait_s


async def test_the_wait_for_our_own_limit_is_not_in_the_vendors_time() -> None:
    guard = a_guard(timeout_s=0.05, per_second=1, turns=LongTurns(0.2))

    assert await guard.call("status", answering) == "answered"


async def test_a_call_without_a_turn_is_not_sent_and_counts_nothing() -> None:
    guard = a_guard(per_second=1, turns=LongTurns(None))
    for _ in range(2 * FAILURES):
        with pytest.raises(Unavailable):
            await guard.command("initiate", answering)

    assert not guard.is_open


async def test_an_open_breaker_takes_no_turn() -> None:
    rate = Rate(FAILURES)
    guard = a_guard(per_second=FAILURES, turns=rate)
    await fail(guard, VendorTrouble("500"))

    with pytest.raises(Unavailable):
        await guard.call("status", answering)

    assert await rate.take(within_s=0.9) is not None


async def test_of_calls_side_by_side_after_the_time_one_is_the_probe() -> None:
    resilience = Resilience(5, FAILURES, 0)
    guard, sent, may_end = Guard("kyc", resilience, frozenset()), 0, asyncio.Event()
    await fail(guard, VendorTrouble("500"))

    async def slow() -> None:
        nonlocal sent
        sent += 1
        await may_end.wait()

    async def call() -> None:
        with suppress(Unavailable):
            await guard.call("status", slow)

    async with asyncio.TaskGroup() as tasks:
        calls = [tasks.create_task(call()) for _ in range(5)]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        assert sent == 1
        may_end.set()

    assert not guard.is_open


class TestRate:
    async def test_calls_beyond_the_burst_are_spread_and_none_waits_too_long(self) -> None:
        machine = Machine()
        rate = Rate(5, now=machine)

        waits = [await rate.take(within_s=1) for _ in range(11)]

        assert waits[:5] == [0] * 5
        assert waits[5:10] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
        assert waits[10] is None
        machine.now = 1.0
        assert await rate.take(within_s=1) == pytest.approx(0.2)

    async def test_after_a_quiet_time_the_whole_burst_is_free_and_no_more(self) -> None:
        machine = Machine()
        rate = Rate(5, 60, now=machine)
        assert [await rate.take_now() for _ in range(6)] == [True] * 5 + [False]

        machine.now = 600

        assert [await rate.take_now() for _ in range(6)] == [True] * 5 + [False]
