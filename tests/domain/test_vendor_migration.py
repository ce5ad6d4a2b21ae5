from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.errors import InvalidState
from domain.ids import VendorMigrationId
from domain.vendor_migration import CustomerMigration, StopReason, VendorMigration

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MIGRATION = VendorMigration(VendorMigrationId("mov_1"), "card_payments", "mock", "stripe", NOON)


def test_a_migration_runs_until_it_is_stopped() -> None:
    assert not MIGRATION.is_stopped
    assert replace(MIGRATION, stopped_at=NOON, stopped_because=StopReason.ERROR_BUDGET).is_stopped


def test_a_consent_can_be_taken_back_until_the_customer_is_moved() -> None:
    CustomerMigration(MIGRATION, consented_at=NOON).require_not_moved()

    with pytest.raises(InvalidState):
        CustomerMigration(MIGRATION, consented_at=NOON, moved_at=NOON).require_not_moved()
