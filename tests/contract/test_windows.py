"""So many times in any stretch of a time, by key: in one process, and in two on one Redis."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from providers.calling.shared_limits import SharedLimits
from providers.calling.windows import SharedWindows, Windows
from tests.builders.private_servers import private_redis

PER_S = 60.0


@given(times=st.integers(1, 5), pauses=st.lists(st.floats(0, 100), max_size=40))
async def test_no_stretch_of_the_time_has_more_and_who_waits_as_told_gets_through(
    times: int, pauses: list[float]
) -> None:
    at, taken = 0.0, []
    windows = Windows(times, PER_S, now=lambda: at)
    for pause in pauses:
        at += pause
        told = await windows.wait_s("kari")
        wait = await windows.take("kari")
        assert told == wait
        if wait == 0:
            taken.append(at)
        else:
            at += wait + 0.001
            assert await windows.take("kari") == 0
            taken.append(at)

    for nth, first in enumerate(taken[:-times] if len(taken) > times else []):
        assert taken[nth + times] - first >= PER_S - 1e-6


async def test_another_key_has_its_own_and_those_of_strangers_are_forgotten() -> None:
    windows = Windows(1, PER_S)
    for key in ("kari", "ola"):
        assert await windows.take(key) == 0
    for stranger in range(20_000):
        await windows.take(str(stranger))

    assert await windows.take("19999") > 0
    assert await windows.take("kari") == 0


async def test_two_processes_count_as_one(tmp_path: Path) -> None:
    with private_redis(tmp_path) as redis:
        shared = [SharedLimits(redis.url) for _ in range(2)]
        one, other = [SharedWindows("sign_ins", limits, Windows(3, PER_S)) for limits in shared]
        waits = [await each.take("kari") for each in (one, other, one, other)]
        told = await one.wait_s("kari")
        neighbour = await other.take("ola")
        for limits in shared:
            await limits.close()

    assert waits[:3] == [0, 0, 0]
    assert PER_S - 10 < told <= waits[3] <= PER_S
    assert neighbour == 0


async def test_while_redis_is_away_each_counts_alone_and_does_not_ask_for_a_while() -> None:
    limits = SharedLimits("redis://127.0.0.1:1/0")
    windows = SharedWindows("sign_ins", limits, Windows(2, PER_S))

    with capture_logs() as logs:
        waits = [await windows.take("kari") for _ in range(3)]
    await limits.close()

    assert (waits[:2], waits[2] > 0) == ([0, 0], True)
    assert [line["event"] for line in logs] == ["limits_not_shared"]
