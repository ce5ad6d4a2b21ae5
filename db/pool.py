"""A pool of connections that tells how long they were waited for."""

import time
from typing import Final

from prometheus_client import Histogram
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

WAITED: Final = Histogram("drop_database_wait_seconds", "How long a transaction waited for its connection.")


class TimedPool(AsyncAdaptedQueuePool):
    """SQLAlchemy's own pool, timed: its events tell of a connection that was got, not of the wait."""

    def _do_get(self) -> ConnectionPoolEntry:
        begun = time.monotonic()
        try:
            return super()._do_get()
        finally:
            WAITED.observe(time.monotonic() - begun)
