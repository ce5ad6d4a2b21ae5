"""The contract of the fan-out: hints, and nothing but hints."""

import anyio
import pytest

from providers.fanout.memory import MemoryFanout
from providers.fanout.port import Fanout


@pytest.fixture(params=["memory"])
def fanout() -> Fanout:
    return MemoryFanout()


async def test_whoever_listens_is_woken(fanout: Fanout) -> None:
    woken: list[str] = []

    async def listen(name: str, listening: anyio.Event) -> None:
        async with fanout.listen("usr_1", "ses_1") as hint:
            listening.set()
            await hint.wait()
            woken.append(name)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for name in ("phone", "laptop"):
                listening = anyio.Event()
                tasks.start_soon(listen, name, listening)
                await listening.wait()
            fanout.publish("usr_1")

    assert sorted(woken) == ["laptop", "phone"]


async def test_a_hint_between_two_waits_is_not_lost(fanout: Fanout) -> None:
    async with fanout.listen("usr_1") as hint:
        fanout.publish("usr_1")
        fanout.publish("usr_1")

        with anyio.fail_after(5):
            await hint.wait()


async def test_others_are_left_asleep(fanout: Fanout) -> None:
    async with fanout.listen("usr_1") as hint:
        fanout.publish("usr_2")

        with anyio.move_on_after(0) as asleep:
            await hint.wait()
    assert asleep.cancelled_caught


async def test_nobody_listening_is_no_error(fanout: Fanout) -> None:
    fanout.publish("usr_1")
