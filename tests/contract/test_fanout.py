"""The contract of the fan-out: it wakes listeners, and carries no data. Over Redis it wakes other processes too."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import pytest
from redis.asyncio import Redis

from providers.fanout.memory import MemoryFanout
from providers.fanout.port import Fanout
from providers.fanout.redis import RedisFanout
from tests.builders.private_servers import PrivateRedis, private_redis
from tests.builders.pump import pump


@dataclass
class Pair:
    """What is published at `there` wakes the listeners of `here`: one process, or two over one Redis."""

    here: Fanout
    there: Fanout
    redis: PrivateRedis | None = None


async def over_redis(url: str, stack: AsyncExitStack, names: str = "drop") -> RedisFanout:
    fanout = RedisFanout(url, names)
    stack.push_async_callback(fanout.close)
    running = asyncio.create_task(fanout.run())

    async def stop() -> None:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    stack.push_async_callback(stop)
    with anyio.fail_after(10):
        await fanout.is_connected.wait()
    return fanout


@pytest.fixture(params=["memory", "redis"])
async def pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pair]:
    if request.param == "memory":
        fanout = MemoryFanout()
        yield Pair(fanout, fanout)
        return
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(private_redis(tmp_path))
        yield Pair(await over_redis(redis.url, stack), await over_redis(redis.url, stack), redis)


async def test_every_listener_of_the_channel_is_woken(pair: Pair) -> None:
    woken: list[str] = []

    async def listen(name: str, listening: anyio.Event) -> None:
        async with pair.here.listen("usr_1", "ses_1") as wake_up:
            listening.set()
            await wake_up.wait()
            woken.append(name)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for name in ("phone", "laptop"):
                listening = anyio.Event()
                tasks.start_soon(listen, name, listening)
                await listening.wait()
            pair.there.publish("usr_1")

    assert sorted(woken) == ["laptop", "phone"]


async def test_a_wake_up_between_two_waits_is_not_lost(pair: Pair) -> None:
    async with pair.here.listen("usr_1") as wake_up:
        pair.there.publish("usr_1")
        pair.there.publish("usr_1")

        with anyio.fail_after(5):
            await wake_up.wait()


async def test_listeners_of_other_channels_are_not_woken(pair: Pair) -> None:
    async with pair.here.listen("usr_1") as asleep, pair.here.listen("usr_3") as woken:
        pair.there.publish("usr_2")
        pair.there.publish("usr_3")

        with anyio.fail_after(5):
            await woken.wait()
        with anyio.move_on_after(0) as waited:
            await asleep.wait()
    assert waited.cancelled_caught


async def test_the_channels_of_this_process_are_known_and_can_be_woken_alone(pair: Pair) -> None:
    async with pair.here.listen("usr_1", "ses_1") as wake_up:
        assert sorted(pair.here.channels()) == ["ses_1", "usr_1"]
        pair.here.wake("ses_1")
        with anyio.fail_after(5):
            await wake_up.wait()
    assert pair.here.channels() == []


async def test_a_unix_socket_leads_to_redis_as_well(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(private_redis(tmp_path))
        parts = urlsplit(redis.url)

        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            server_reader, server_writer = await asyncio.open_connection(parts.hostname, parts.port)
            await asyncio.gather(pump(reader, server_writer), pump(server_reader, writer))

        await stack.enter_async_context(await asyncio.start_unix_server(forward, tmp_path / "redis.sock"))
        here = await over_redis(f"unix://{tmp_path}/redis.sock", stack)
        there = await over_redis(redis.url, stack)
        async with here.listen("usr_1") as wake_up:
            there.publish("usr_1")
            with anyio.fail_after(10):
                await wake_up.wait()


async def test_publishing_without_a_listener_is_no_error(pair: Pair) -> None:
    pair.there.publish("usr_1")


async def test_a_redis_that_comes_back_wakes_every_listener(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(private_redis(tmp_path))
        here, there = await over_redis(redis.url, stack), await over_redis(redis.url, stack)
        async with here.listen("usr_1") as wake_up:
            redis.kill()
            there.publish("usr_1")  # no process receives it
            redis.start()
            with anyio.fail_after(20):
                await wake_up.wait()

        # Once both are connected again, wake-ups are carried as before.
        with anyio.fail_after(20):
            await there.is_connected.wait()
        async with here.listen("usr_2") as wake_up:
            with anyio.fail_after(20):
                there.publish("usr_2")
                await wake_up.wait()


async def test_what_is_no_text_ends_nothing_and_environments_do_not_hear_each_other(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(private_redis(tmp_path))
        here, there = await over_redis(redis.url, stack), await over_redis(redis.url, stack)
        other = await over_redis(redis.url, stack, "drop:staging")
        async with Redis.from_url(redis.url) as client:
            await client.publish("drop:hints", b"\xff\xfe\n\xff")

        async with here.listen("usr_1") as wake_up, other.listen("usr_1") as unheard:
            there.publish("usr_1")
            with anyio.fail_after(10):
                await wake_up.wait()
            with anyio.move_on_after(0.1) as waited:
                await unheard.wait()

    assert waited.cancelled_caught


async def test_a_redis_that_hangs_is_known_to_be_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.fanout.redis._SILENT_S", 0.2)
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(private_redis(tmp_path))
        fanout = await over_redis(redis.url, stack)
        assert redis.process is not None

        redis.process.send_signal(signal.SIGSTOP)
        with anyio.fail_after(10):
            while await fanout.is_heard():  # noqa: ASYNC110  # the port has no event for it
                await asyncio.sleep(0.01)
        redis.process.send_signal(signal.SIGCONT)

        with anyio.fail_after(10):
            await fanout.is_connected.wait()


async def test_without_redis_a_process_wakes_itself(tmp_path: Path) -> None:
    fanout = RedisFanout("redis://127.0.0.1:1/0")
    async with fanout.listen("usr_1") as wake_up:
        fanout.publish("usr_1")
        with anyio.fail_after(5):
            await wake_up.wait()
    await fanout.close()
