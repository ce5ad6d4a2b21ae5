"""What of a processor core does a request cost, and in which process?

`python -m bench.cores` puts a `serve` and a `worker`, with a PostgreSQL and a Redis of their own, under the load of
`bench.load`, first of looks alone, then with payments. Processor time is told, which a busy machine hardly changes.
"""

import asyncio
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.load import LOOK, customers_of, put_under_load
from bench.machine import heading, tell
from tests.builders.customers import Customer
from tests.builders.fleet import Fleet, fleet

CUSTOMERS: Final = 8
FOR_S: Final = 30
LOOKS: Final = 400
# A worker that does nothing but look for work is idle.
_IDLE_FOR_S: Final = 3
_IDLE_BELOW: Final = 0.15
SERVERS: Final = {"postgres": "PostgreSQL", "redis-server": "Redis"}


def descendants(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield int(child)
            yield from descendants(int(child))


def core_seconds(running: Fleet) -> dict[str, float]:
    """By process, how long it has run on a core so far; those of PostgreSQL together, with the ones that have ended."""
    names = {process.running.pid: process.name for process in running.started if process.running is not None}
    used = defaultdict[str, float](float)
    for pid in descendants(os.getpid()):
        fields = Path(f"/proc/{pid}/stat").read_text()
        program = fields.split("(", 1)[1].rsplit(")", 1)[0]
        name = names.get(pid) or SERVERS.get(program)
        if name is not None:
            own, ended = fields.rsplit(")", 1)[1].split()[11:13], fields.rsplit(")", 1)[1].split()[13:15]
            used[name] += sum(map(int, own + ended)) / os.sysconf("SC_CLK_TCK")
    return used


def since(before: dict[str, float], running: Fleet) -> dict[str, float]:
    return {name: seconds - before.get(name, 0) for name, seconds in core_seconds(running).items()}


def report(what: str, used: dict[str, float], requests: int) -> None:
    each = ", ".join(f"{name} {1_000 * seconds / requests:.1f}" for name, seconds in sorted(used.items()))
    tell(f"{what}, {requests} requests: core-milliseconds for each: {each}")


async def look(customers: list[Customer]) -> None:
    for _ in range(LOOKS // len(customers)):
        await asyncio.gather(*(customer.ask(LOOK) for customer in customers))


async def measure() -> None:
    tell(heading())
    with fleet(Path(tempfile.mkdtemp()), "postgresql", serves=1, workers=1, is_executed=True) as running:
        async with customers_of(running, CUSTOMERS) as customers:
            await put_under_load(customers, for_s=FOR_S, run="first")
            await running_dry(running)
            before = core_seconds(running)
            await look(customers)
            report("Looks at 20 payments with their histories", since(before, running), LOOKS)
            before = core_seconds(running)
            load = await put_under_load(customers, for_s=FOR_S, run="mixed")
            await running_dry(running)
            report("Four looks for each card payment", since(before, running), len(load.took))


async def running_dry(running: Fleet) -> None:
    """Until the worker has done what the load has left."""
    idle, last = 0, core_seconds(running)
    while idle < _IDLE_FOR_S:
        await asyncio.sleep(1)
        worked = sum(seconds for name, seconds in since(last, running).items() if name.startswith("worker"))
        idle, last = (idle + 1 if worked < _IDLE_BELOW else 0), core_seconds(running)


if __name__ == "__main__":
    asyncio.run(measure())
