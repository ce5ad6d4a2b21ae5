"""How long a row may wait in a status before operators are alerted: something that should move it does not."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from db.orphans import STARTED, RowKind
from db.unit_of_work import Queries
from domain.card import CardStatus
from domain.consent import ConsentStatus
from domain.data_export import DataExportStatus
from domain.payment import Status
from domain.plan import PlanStatus
from domain.refund import RefundStatus
from domain.upload import UploadStatus
from domain.webhook import WebhookStatus

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
# Since the row was made. What may last as long as its user wants is not here: a scheduled payment, a running plan, an
# active consent, an identity check that waits for documents.
GREATEST_AGES: Final[Mapping[RowKind, Mapping[str, timedelta]]] = {
    # Banks keep an approval page open for an hour at most, and book within ten banking days.
    RowKind.BANK_PAYMENT: {
        Status.CREATED: _HOUR,
        Status.AUTHORISATION_REQUIRED: 3 * _HOUR,
        Status.PROCESSING: 21 * _DAY,
    },
    RowKind.CARD_PAYMENT: {
        Status.CREATED: 25 * _HOUR,
        Status.AUTHORISATION_REQUIRED: 25 * _HOUR,
        Status.PROCESSING: 21 * _DAY,
    },
    RowKind.REFUND: {RefundStatus.PENDING: 21 * _DAY},
    RowKind.PLAN: {PlanStatus.CREATED: _HOUR, PlanStatus.INCOMPLETE: 25 * _HOUR},
    RowKind.CONSENT: {ConsentStatus.AWAITING_AUTHORISATION: _HOUR},
    RowKind.REQUESTED_EXPORT: {DataExportStatus.REQUESTED: _HOUR},
    RowKind.READY_EXPORT: {DataExportStatus.READY: 8 * _DAY},
    RowKind.UPLOAD: {UploadStatus.PENDING: 2 * _HOUR},
    RowKind.CARD: {CardStatus.REQUESTED: _DAY},
    # Customers who have consented and are with the old vendor still, since it was started.
    RowKind.VENDOR_MIGRATION: {STARTED: 7 * _DAY},
    RowKind.WEBHOOK: {WebhookStatus.RECEIVED: timedelta(minutes=10), WebhookStatus.PARKED: _DAY},
}


async def oldest(read: Queries, now: datetime) -> dict[tuple[RowKind, str], timedelta]:
    """The age of the oldest row of each kind and status that has a greatest age; zero where there is none."""
    found = dict[tuple[RowKind, str], timedelta]()
    for kind, ages in GREATEST_AGES.items():
        since = await read.orphans.oldest(kind, list(ages))
        for status in ages:
            found[kind, status] = max(now - since.get(status, now), timedelta())
    return found
