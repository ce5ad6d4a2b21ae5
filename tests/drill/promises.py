"""The promises of docs/reliability.md, each with what plays it: names of tests as pytest knows them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "reliability.md"
# Sections that promise nothing of their own.
_NO_PROMISES: Final = {"Figures"}
# Sections each row of whose table is a promise of its own; what else they say has the section's own plays.
_TABLES: Final = ("What is left when something dies", "What ends by itself")
_SHAPE: Final = "tests/drill/production_shape.py::"
_LIMITS: Final = "tests/drill/deadlines.py::"
_AT_ONCE: Final = "tests/faults/test_killed_processes.py"
_CUT: Final = f"{_SHAPE}test_vendors_are_cut"
_FROZEN: Final = f"{_SHAPE}test_postgresql_is[frozen]"
_DEADLINE: Final = "tests/faults/test_operation_deadline.py"
_DATABASE_FREEZES: Final = "tests/faults/test_frozen_database.py"
_ENDS: Final[Mapping[str, tuple[str, ...]]] = {
    "a connection to PostgreSQL that is not made": (_FROZEN, _DATABASE_FREEZES),
    "a wait for one of a process's connections (`DATABASE_CONNECTIONS`), or for SQLite's turn to write": (
        f"{_LIMITS}test_a_wait_for_a_connection_ends",
        f"{_LIMITS}test_a_wait_for_sqlites_turn_to_write_ends",
    ),
    "a wait for a row that another transaction has locked": (f"{_LIMITS}test_a_wait_for_a_row_that_is_locked_ends",),
    "a statement; a transaction that does nothing": (
        f"{_LIMITS}test_a_statement_ends",
        f"{_LIMITS}test_a_transaction_that_does_nothing_ends",
    ),
    "a query (`OPERATION_DEADLINE_S`), which is cancelled: `DEADLINE_EXCEEDED`": (
        f"{_DEADLINE}::test_a_query_is_cut_off_for_good",
    ),
    "a mutation's wait for its vendor (`OPERATION_DEADLINE_S`)": (
        f"{_DEADLINE}::test_a_payment_whose_bank_hangs_is_shown_as_it_stands_and_initiated_once",
        f"{_DEADLINE}::test_a_card_whose_vendor_hangs_is_charged_once",
    ),
    "a check of `/api/health`": (_FROZEN, f"{_DATABASE_FREEZES}::test_requests_are_refused_soon_and_answered_again"),
    "a request's body": ("tests/api/test_unforeseen.py::test_a_body_that_does_not_come_is_not_waited_for",),
}

PLAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "Nothing is lost and nothing happens twice": (
        _AT_ONCE,
        "tests/faults/test_money_moves_once.py",
        "tests/faults/test_cards_are_charged_once.py",
        "tests/faults/test_plans_are_billed_once.py",
        "tests/faults/test_at_once.py",
    ),
    "What is left when something dies": (
        _DATABASE_FREEZES,
        "tests/faults/test_no_writes.py",
        "tests/api/test_background.py",
        "tests/contract/test_fanout.py",
    ),
    "`serve`": (_AT_ONCE, "tests/faults/test_several_processes.py"),
    "`worker`": (f"{_SHAPE}test_no_worker_for_an_hour", "tests/faults/test_worker.py"),
    "PostgreSQL": (f"{_SHAPE}test_postgresql_is[restarted]", f"{_SHAPE}test_postgresql_is_full"),
    "PostgreSQL hangs": (_FROZEN, _DATABASE_FREEZES),
    "Redis": (
        f"{_SHAPE}test_redis_is[restarted]",
        f"{_SHAPE}test_redis_is[frozen]",
        f"{_SHAPE}test_redis_is[full]",
    ),
    "a vendor's answer": (
        f"{_CUT}[2]",
        f"{_CUT}[30]",
        "tests/api/test_forgotten_keys.py",
        "tests/api/test_in_doubt.py",
    ),
    "What ends by itself": (_DEADLINE, "tests/faults/test_clock_goes_back.py", "tests/faults/test_moved_clock.py"),
    **_ENDS,
    "How banks behave, and what comes of it": ("tests/behaviours",),
    "Payments in doubt": ("tests/api/test_in_doubt.py", "tests/api/test_absence.py", "tests/api/test_forgotten.py"),
    "Payments of which no end is told": ("tests/api/test_overdue.py",),
    "Payments in an account's statement": (
        "tests/api/test_statement_matching.py",
        "tests/api/test_odd_lines.py",
        "tests/api/test_withdrawn_lines.py",
    ),
    "Reconciliation and the ledger": (
        "tests/api/test_reconciliation.py",
        "tests/api/test_statement_reconciliation.py",
        "tests/api/test_ledger.py",
    ),
    "Work that was given up": (
        f"{_CUT}[2]",
        f"{_CUT}[30]",
        "tests/faults/test_last_tries.py",
        "tests/faults/test_orphans.py",
        "tests/faults/test_rolling_deploy.py",
    ),
    "What to watch": (f"{_SHAPE}test_no_client_pages_anybody", "tests/api/test_telemetry.py", "tests/api/test_log.py"),
    "Running it in production": (
        "tests/faults/test_rolling_restart.py",
        "tests/db/test_expand_and_contract.py",
        "tests/api/test_failed_start.py",
        f"{_SHAPE}test_no_worker_for_an_hour",
    ),
    "Backup and restore": ("tests/faults/test_backup.py",),
}


def promises() -> list[str]:
    """As the page makes them, in its order: its sections, and the rows of those tables that promise by row."""
    found = list[str]()
    for section in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        title, _, text = section.partition("\n")
        if title not in _NO_PROMISES:
            found.append(title)
        if title in _TABLES:
            # Behind the names of the columns and the line below them.
            found += re.findall(r"^\| (.+?) \| ", text, re.MULTILINE)[2:]
    return found
