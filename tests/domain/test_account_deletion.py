from datetime import UTC, datetime, timedelta

from domain.account_deletion import KeepingLaw, KeptRecords, retained_after

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_what_the_law_keeps_is_kept_for_five_whole_years_whatever_leap_years_lie_in_between() -> None:
    before_two_leap_days = datetime(2027, 12, 31, 12, tzinfo=UTC)

    *_, trail, consents = retained_after(before_two_leap_days, 5)

    assert {trail.until, consents.until} == {datetime(2032, 12, 31, 12, tzinfo=UTC)}


def test_invoices_are_kept_from_the_end_of_their_year_in_oslo() -> None:
    payments, *_ = retained_after(NOON, 5)

    assert payments.until == datetime(2031, 12, 31, 23, tzinfo=UTC)


def test_every_kind_of_record_names_its_law_and_its_end() -> None:
    retained = retained_after(NOON, 5)

    assert {data.records: data.law for data in retained} == {
        KeptRecords.PAYMENTS: KeepingLaw.BOOKKEEPING,
        KeptRecords.IDENTITY: KeepingLaw.MONEY_LAUNDERING,
        KeptRecords.AUDIT_TRAIL: KeepingLaw.MONEY_LAUNDERING,
        KeptRecords.CONSENTS: KeepingLaw.PAYMENT_SERVICES,
    }
    assert all(data.until - NOON >= timedelta(days=5 * 365) for data in retained)
