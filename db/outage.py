"""Which of the database's errors are no fault of a statement: it is away, busy for too long, full or read-only."""

import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from domain.errors import DatabaseAway

# https://www.postgresql.org/docs/current/errcodes-appendix.html: connections, resources, ends by an operator, I/O;
# then read-only, idle within a transaction for too long, a statement's deadline, a lock's deadline.
_READ_ONLY: Final = "25006"
_AWAY_CLASSES: Final = ("08", "53", "57P", "58")
_AWAY_STATES: Final = frozenset({_READ_ONLY, "25P03", "57014", "55P03"})
_NO_WRITE_CLASSES: Final = ("53100", _READ_ONLY, "58")
# The low byte of an extended code, https://www.sqlite.org/rescode.html.
_PRIMARY: Final = 0xFF
_NO_WRITE_CODES: Final = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
)
_AWAY_CODES: Final = _NO_WRITE_CODES | {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def raise_if_away(error: BaseException | None) -> None:
    """Raises DatabaseAway from an error that another try, a little later, need not meet. Else does nothing."""
    if error is not None and is_outage(error):
        raise DatabaseAway from error


def is_outage(error: BaseException) -> bool:
    """Whether the database could not do what any statement asks for."""
    if isinstance(error, OSError | PoolTimeout | InterfaceError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = _state_of(error.orig)
    return (
        error.connection_invalidated
        or state.startswith(_AWAY_CLASSES)
        or state in _AWAY_STATES
        or _code_of(error.orig) in _AWAY_CODES
        or isinstance(error.orig, OSError)
    )


def refuses_writes(error: BaseException | None) -> bool:
    """Whether the disk is full or broken, or the database takes no writes."""
    return _state_of(error).startswith(_NO_WRITE_CLASSES) or _code_of(error) in _NO_WRITE_CODES


def is_read_only(error: BaseException | None) -> bool:
    """Whether PostgreSQL refused a write on a connection that may only read."""
    return _state_of(error) == _READ_ONLY


def is_busy(error: sqlite3.Error) -> bool:
    """Whether SQLite was held by another process, so that the statement did nothing."""
    return _code_of(error) == sqlite3.SQLITE_BUSY


def _state_of(error: BaseException | None) -> str:
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else ""


def _code_of(error: BaseException | None) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return code & _PRIMARY if isinstance(code, int) else None
