"""What Stripe has of a time, asked for by kind. Source: docs/vendors/stripe.md, Endpoints."""

from datetime import datetime
from typing import Any, Final

from domain.reconciliation import ObjectKind
from providers.calling.vendor_http import VendorRefusal
from providers.card_payments.port import ListedPage
from providers.card_payments.stripe_lists import NAMES, epoch, page_of
from providers.stripe_sdk import Stripe

_PAGE: Final = 100
_NOT_FOUND: Final = 404


class StripeListing:
    """Stripe's lists, a page at a time."""

    _stripe: Stripe

    async def listed(self, kind: ObjectKind, since: datetime, until: datetime, after: str | None) -> ListedPage:
        params: dict[str, Any] = {"created": {"gte": epoch(since), "lt": epoch(until)}, "limit": _PAGE}
        if kind is ObjectKind.PLAN:
            params["status"] = "all"
        if after is not None:
            params["starting_after"] = after
        try:
            return await self._stripe.call(
                "listed",
                lambda: getattr(self._stripe.api, NAMES[kind]).list_async(params),
                lambda page: page_of(kind, page),
            )
        except VendorRefusal as refusal:
            raise self._stripe.refused(refusal) from refusal

    async def has(self, kind: ObjectKind, reference: str) -> bool:
        try:
            return await self._stripe.call(
                "has", lambda: getattr(self._stripe.api, NAMES[kind]).retrieve_async(reference), lambda _: True
            )
        except VendorRefusal as refusal:
            if refusal.status == _NOT_FOUND:
                return False
            raise self._stripe.refused(refusal) from refusal
