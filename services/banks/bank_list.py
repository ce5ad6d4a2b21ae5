"""The banks that Drop reaches, as the current vendor lists them."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from domain.bank_account import Bank
from domain.country import require_country
from domain.errors import Unavailable
from providers.open_banking.port import AccountInformation
from providers.vendors import Vendors
from services.banks.shadow import compare, shadow_of
from services.patience import Patience

_FRESH_S: Final = 3_600
# While the list cannot be read, an older one is shown for so long, and asked for anew once a minute.
_KEPT_S: Final = 24 * 3_600
_AGAIN_S: Final = 60
_log = structlog.get_logger()


class BankList:
    """Lists of banks by country, kept for an hour. That a list cannot be read closes no bank."""

    def __init__(self, vendors: Vendors[AccountInformation], now: Callable[[], float] = time.monotonic) -> None:
        self._vendors = vendors
        self._now = now
        self._patience = Patience()
        self._kept: dict[str, tuple[float, Sequence[Bank]]] = {}
        self._next_at: dict[str, float] = {}

    async def of(self, country: str) -> Sequence[Bank]:
        """The banks of a country. Raises InvalidInput for none, Unavailable where no list of the last day is known."""
        require_country(country)
        known, now = self.known(country), self._now()
        if known is not None:
            return known
        try:
            listed = await self._read(country)
        except Unavailable:
            read_at, older = self._kept.get(country, (float("-inf"), ()))
            if now - read_at > _KEPT_S:
                raise
            _log.warning("bank_list_is_old", country=country, age_s=round(now - read_at))
            self._next_at[country] = now + _AGAIN_S
            return older
        self._kept[country], self._next_at[country] = (now, listed), now + _FRESH_S
        return listed

    def known(self, country: str) -> Sequence[Bank] | None:
        """What `of` would give without asking the vendor; None where it would ask."""
        if country in self._kept and self._now() < self._next_at[country]:
            return self._kept[country][1]
        return None

    async def _read(self, country: str) -> Sequence[Bank]:
        """The current vendor's banks; during a migration they are compared with the target vendor's banks."""
        asked = self._vendors[self._vendors.current].list_banks(country)
        shadow = self._vendors.shadow
        if shadow is None:
            return await asked

        async def banks_of_target() -> set[str]:
            return {bank.id for bank in await self._vendors[shadow].list_banks(country)}

        banks, also = await asyncio.gather(asked, shadow_of(self._patience, banks_of_target()))
        compare("open_banking", "banks", shadow, {bank.id for bank in banks}, also)
        return banks
