"""Subscriptions as server-sent events (GraphQL over SSE, distinct connections mode)."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Final

import anyio
import orjson
from anyio.streams.memory import MemoryObjectSendStream
from strawberry.types.execution import ExecutionResult

from routes.graphql.drain import spread
from routes.graphql.results import body_of

# The first comment shows the client that it is connected; later ones keep proxies from closing the stream.
_COMMENT: Final = b":\n\n"
_COMMENT_EVERY_S: Final = 12.0
_NEXT: Final = b"event: next\ndata: %b\n\n"
_COMPLETE: Final = b"event: complete\ndata:\n\n"


class EventStreams:
    """The open event streams of this process."""

    def __init__(self) -> None:
        self._open: dict[asyncio.Task[None], str] = {}
        self._is_draining = False

    async def drain(self, over_s: float) -> None:
        """End each stream without `complete`, one by one: the clients then connect again with their cursors."""
        self._is_draining = True
        async for reading in spread(list(self._open), over_s):
            reading.cancel()

    def open_by(self, who: str) -> int:
        """How many are open of this user, or of this address where nobody is signed in."""
        return Counter(self._open.values())[who]

    async def events(self, results: AsyncGenerator[ExecutionResult, None], who: str) -> AsyncGenerator[bytes, None]:
        """One `next` event per result, then `complete`."""
        send, receive = anyio.create_memory_object_stream[ExecutionResult]()
        reading = asyncio.create_task(_read(results, send))
        self._open[reading] = who
        reading.add_done_callback(self._open.pop)
        if self._is_draining:
            reading.cancel()
        try:
            yield _COMMENT
            while True:
                result = None
                with anyio.move_on_after(_COMMENT_EVERY_S):
                    result = await receive.receive()
                yield _COMMENT if result is None else _NEXT % orjson.dumps(body_of(result))
        except anyio.EndOfStream:
            await asyncio.wait([reading])
            if not reading.cancelled():
                reading.result()
                yield _COMPLETE
        finally:
            # No await here: this generator is cancelled when its client has left.
            reading.cancel()
            receive.close()


async def _read(results: AsyncGenerator[ExecutionResult, None], send: MemoryObjectSendStream[ExecutionResult]) -> None:
    """Runs as a task of its own, so that the stream can stop waiting, send a comment, and wait again."""
    with send:
        try:
            async for result in results:
                await send.send(result)
        finally:
            await results.aclose()
