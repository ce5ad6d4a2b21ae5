"""What does a query cost of a processor core, in `serve` and in PostgreSQL?

`python -m bench.operations 20` puts one `serve`, with a PostgreSQL and a Redis of its own, under 20 requests a second
of each query, by 200 users in turn. Processor time is told, which a busy machine hardly changes: the median of the
rounds, and their range.
"""

import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import orjson

from bench.cores import core_seconds, since
from bench.machine import at, heading, tell
from tests.builders.fleet import Fleet, fleet

USERS: Final = 200
_ROUNDS: Final = 7
_REQUESTS: Final = 100
_CONNECTIONS: Final = 16
_ACCOUNTS: Final = 5
_PAYMENTS: Final = 20
_SEED: Final = Path(__file__).with_name("operations.sql")
_PAGES: Final = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"


def _dashboard(payment: str, amount: str) -> str:
    accounts = f"bankAccounts {{ edges {{ node {{ id iban name balances {{ type amount {{ {amount} }} }} }} }} }}"
    node = f"id status createdAt amount {{ {amount} }} debtorAccount {{ id iban }} creditor {{ name }} {payment}"
    payments = f"payments(first: $first) {{ edges {{ cursor node {{ {node} }} }} {_PAGES} }}"
    return f"query Dashboard($first: Int!) {{ viewer {{ id name email {accounts} {payments} }} }}"


OPERATIONS: Final = {
    "viewer": "{ viewer { id name } }",
    "dashboard": _dashboard("", "amountMinor currency"),
    "dashboard with texts": _dashboard("failure { code message }", "amountMinor currency formatted"),
}


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of requests cost: core-milliseconds for each, and how long the slowest of a hundred took."""

    serve: float
    postgresql: float
    p99_ms: float


class Line:
    """One connection that is kept, so that the load itself costs little."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, origin: str) -> None:
        self._reader, self._writer, self._origin = reader, writer, origin

    async def ask(self, user: int, body: bytes) -> bytes:
        """The answer's body. Fails where it is not 200."""
        lines = (
            "POST /graphql HTTP/1.1",
            f"Host: {urlsplit(self._origin).netloc}",
            f"Origin: {self._origin}",
            f"Cookie: drop_session=bench-{user}",
            "Accept: application/json",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        )
        self._writer.write("\r\n".join((*lines, "", "")).encode() + body)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        assert head.startswith("http/1.1 200"), head
        length = next(line for line in head.splitlines() if line.startswith("content-length:")).partition(":")[2]
        return await self._reader.readexactly(int(length))


async def filled(url: str) -> None:
    """Users who are signed in, with their accounts and payments."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_SEED.read_text().replace(":users", str(USERS)))
    finally:
        await connection.close()


def require_whole(answer: bytes, name: str) -> None:
    """Fails where the answer is not the one that is measured."""
    answered = orjson.loads(answer)
    assert "errors" not in answered, answered
    viewer = answered["data"]["viewer"]
    assert viewer["name"].startswith("Person")
    if name != "viewer":
        assert len(viewer["bankAccounts"]["edges"]) == _ACCOUNTS
        assert len(viewer["payments"]["edges"]) == _PAYMENTS
        assert viewer["payments"]["edges"][0]["node"]["debtorAccount"]["iban"]


async def one_round(running: Fleet, free: asyncio.Queue[Line], name: str, users: "count[int]", a_second: int) -> Round:
    variables = {} if name == "viewer" else {"first": _PAYMENTS}
    body = orjson.dumps({"query": OPERATIONS[name], "variables": variables})
    took: list[float] = []
    begun, before = time.monotonic(), core_seconds(running)

    async def ask(number: int) -> None:
        due = begun + number / a_second
        await asyncio.sleep(due - time.monotonic())
        line = await free.get()
        answer = await line.ask(1 + next(users) % USERS, body)
        free.put_nowait(line)
        took.append(1_000 * (time.monotonic() - due))
        if number == 0:
            require_whole(answer, name)

    async with asyncio.TaskGroup() as asking:
        for number in range(_REQUESTS):
            asking.create_task(ask(number))
    used = since(before, running)
    each = {process: 1_000 * seconds / _REQUESTS for process, seconds in used.items()}
    return Round(each["serve-0"], each["PostgreSQL"], at(took, 0.99))


async def measure(a_second: int, names: list[str]) -> None:
    tell(heading())
    tell(f"{_REQUESTS} requests a round at {a_second} a second, {_ROUNDS} rounds in turn")
    with fleet(Path(tempfile.mkdtemp()), "postgresql", serves=1, workers=1, is_executed=True) as running:
        await filled(running.database_url)
        port = running.serves[0].port
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(_CONNECTIONS)]
        free = asyncio.Queue[Line]()
        for streams in opened:
            free.put_nowait(Line(*streams, f"http://localhost:{port}"))
        users = count()
        rounds: dict[str, list[Round]] = {name: [] for name in names}
        for number in range(_ROUNDS + 1):
            for name in names:
                found = await one_round(running, free, name, users, a_second)
                # The first round opens connections and parses documents.
                if number > 0:
                    rounds[name].append(found)
        for name, made in rounds.items():
            serve, postgresql = _told([one.serve for one in made]), _told([one.postgresql for one in made])
            p99 = median(one.p99_ms for one in made)
            tell(f"{name}: core-milliseconds in serve {serve}, in PostgreSQL {postgresql}; p99 {p99:.0f} ms")
        for _, writer in opened:
            writer.close()


def _told(values: list[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]), sys.argv[2:] or list(OPERATIONS)))
