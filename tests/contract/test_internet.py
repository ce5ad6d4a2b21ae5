"""The clients of the vendors outside."""

from contextlib import AsyncExitStack

from gateway.assembly.internet import internet_until


async def test_how_long_an_answer_may_take_is_said_by_the_guard_alone() -> None:
    async with AsyncExitStack() as stack:
        timeout = internet_until(stack)().timeout

    assert (timeout.read, timeout.write) == (None, None)
    assert timeout.connect == timeout.pool == 5
