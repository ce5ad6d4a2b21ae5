"""A statement in many pages, and on the terms that a bank takes: which lines, and how far back."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import structlog

from domain.errors import Unavailable
from domain.statement import LineIds, PutAside, Statement, StatementLine
from providers.open_banking.port import AccessExceeded

# A statement that has more pages, or takes longer, is shown as incomplete.
_MAX_PAGES: Final = 200
_WITHIN_S: Final = 20.0
# What is asked for where a bank refuses the period: at some the first day counts, too; then what any bank gives.
_SHORTER_DAYS: Final = (60, 30)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class StatementPage:
    """One page of a statement. `next_page` asks for the page after it, None on the last page.

    `is_broken` says that the bank gave no list at all, but a message, or a link to more that leads nowhere.
    """

    lines: Sequence[StatementLine]
    put_aside: Sequence[PutAside]
    next_page: str | None
    is_broken: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What a bank is asked for: the lines since a day, with the pending ones or without."""

    since: date
    with_pending: bool = True


class TermsRefused(Exception):
    """The bank turns the terms down. `is_about_period` says that it named the period, not which lines."""

    def __init__(self, *, is_about_period: bool) -> None:
        super().__init__(is_about_period)
        self.is_about_period = is_about_period


AskPage = Callable[[Terms, str | None], Awaitable[StatementPage]]


class StatementReader:
    """Reads statements page by page. It remembers by bank which terms were taken, so that a bank refuses them once."""

    def __init__(self) -> None:
        self._taken: dict[str, tuple[timedelta, bool]] = {}

    async def read(
        self,
        bank: str,
        ask: AskPage,
        *,
        since: date,
        today: date,
        lists_twice: bool = False,
        ids: LineIds = LineIds.LAST,
    ) -> Statement:
        """All pages since a day. Raises what `ask` raises for the first page, and ConsentLost, AccountLost later.

        The last refusal of terms is raised where the bank takes none.
        """
        longest, with_pending = self._taken.get(bank, (timedelta.max, True))
        if longest < today - since:
            since = today - longest
        terms, page = await _first_page(ask, Terms(since, with_pending), today)
        if terms != Terms(since, with_pending):
            self._taken[bank] = (today - terms.since, terms.with_pending)
        lines, aside = [*page.lines], [*page.put_aside]
        seen, until = {page.next_page}, time.monotonic() + _WITHIN_S
        is_whole = not page.is_broken
        while is_whole and page.next_page is not None:
            if len(seen) >= _MAX_PAGES or time.monotonic() > until:
                is_whole = False
                break
            before = page
            try:
                page = await ask(terms, page.next_page)
            except (Unavailable, AccessExceeded, TermsRefused):
                is_whole = False
                break
            if page.next_page not in seen or page.lines != before.lines:
                lines.extend(page.lines)
                aside.extend(page.put_aside)
            # A page that leads back to an earlier one would never end; it may be the page before, given again.
            is_whole = not page.is_broken and page.next_page not in seen
            seen.add(page.next_page)
        if not is_whole:
            _log.warning("statement_incomplete", bank=bank, pages=len(seen))
        return Statement(lines, terms.since, aside, is_whole, terms.with_pending, lists_twice, ids)


async def _first_page(ask: AskPage, terms: Terms, today: date) -> tuple[Terms, StatementPage]:
    """The first page on the first terms that the bank takes. Raises the last TermsRefused where it takes none."""
    shorter = [terms.since + timedelta(days=1), *(today - timedelta(days=days) for days in _SHORTER_DAYS)]
    later = iter(day for day in shorter if day > terms.since)
    while True:
        try:
            return terms, await ask(terms, None)
        except TermsRefused as refused:
            if terms.with_pending and not refused.is_about_period:
                terms = replace(terms, with_pending=False)
                continue
            day = next(later, None)
            if day is None:
                raise
            terms = replace(terms, since=day)
