"""Does memory stay flat under half of what one `serve` can do?

`python -m bench.soak` lasts ten minutes, on a PostgreSQL and a Redis of its own.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from bench.load import customers_of, put_under_load
from bench.machine import at, heading, tell
from tests.builders.fleet import Fleet, fleet

MINUTES = int(sys.argv[1]) if len(sys.argv) > 1 else 10
CUSTOMERS = 16
PEAK_FOR_S = 20


async def measure() -> None:
    tell(heading())
    with fleet(Path(tempfile.mkdtemp()), "postgresql", serves=1, workers=1, is_executed=True) as running:
        async with customers_of(running, CUSTOMERS) as customers:
            peak = await put_under_load(customers, for_s=PEAK_FOR_S, run="peak")
            half = peak.a_second / 2
            tell(f"peak {peak.a_second:.0f} requests a second, so {half:.0f} for {MINUTES} minutes:")
            watching = asyncio.create_task(watch(running))
            load = await put_under_load(customers, for_s=60 * MINUTES, a_second=half, run="soak")
            watching.cancel()
    tell(f"{len(load.took)} requests, p50 {at(load.took, 0.5):.0f} ms, p99 {at(load.took, 0.99):.0f}")


async def watch(running: Fleet) -> None:
    begun = time.monotonic()
    while True:
        held = ", ".join(f"{process.name} {process.resident_kib() // 1024} MiB" for process in running.started)
        tell(f"after {(time.monotonic() - begun) / 60:.0f} min: {held}")
        await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(measure())
