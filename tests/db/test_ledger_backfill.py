"""What was stored before there was a ledger is in it, on both databases."""

from datetime import UTC, datetime

from db.migrate import migrate
from db.unit_of_work import Reading
from domain.ids import PaymentId, UserId
from tests.db.test_migrations import at_version

_AT = "'2026-11-24 12:00:00.000000+00:00'"
_LATER = "'2026-11-26 08:30:00.000000+00:00'"
_PAYMENT = """INSERT INTO payment (id, user_id, rail, vendor, status, amount_minor, currency, creditor_name,
    creditor_iban, end_to_end_id, vendor_payment_id, in_doubt, state_hash, return_to, created_at, version,
    returned_minor, returned_on) VALUES"""
_REFUND = """INSERT INTO refund (id, payment_id, amount_minor, currency, status, vendor_refund_id, created_at,
    updated_at) VALUES"""
_DISPUTE = """INSERT INTO dispute (id, payment_id, vendor_dispute_id, status, amount_minor, currency, reason,
    created_at) VALUES"""
_INVOICE = """INSERT INTO plan_invoice (id, subscription_id, vendor_invoice_id, number, amount_minor, currency, status,
    period_start, period_end, created_at) VALUES"""
_LINE = """INSERT INTO bank_transaction (id, account_id, status, amount_minor, currency, booking_date, end_to_end_id,
    matched_as) VALUES"""
CARD, BANK, LEFT = "pay_01K0000000000000000000000A", "pay_01K0000000000000000000000B", "pay_01K0000000000000000000000C"
STORED = (
    f"""INSERT INTO "user" (id, issuer, subject, name, created_at)
    VALUES ('usr_1', 'i', 's', 'Kari', {_AT})""",
    f"""INSERT INTO bank_link (id, user_id, bank_id, vendor, status, created_at, version)
    VALUES ('con_1', 'usr_1', 'bank_dnb', 'mock', 'ACTIVE', {_AT}, 1)""",
    """INSERT INTO bank_account (id, user_id, bank_link_id, bank_id, iban, bban, currency, name, owner_name)
    VALUES ('acc_1', 'usr_1', 'con_1', 'bank_dnb', 'NO9386011117947', '86011117947', 'NOK', 'B', 'K')""",
    f"""{_PAYMENT} ('{CARD}', 'usr_1', 'CARD', 'stripe', 'SETTLED', 10000, 'NOK', 'Drop', 'NO93', 'D-1', 'pi_1', false,
    'h1', '/', {_AT}, 3, 0, NULL)""",
    f"""{_PAYMENT} ('{BANK}', 'usr_1', 'BANK', 'mock', 'SETTLED', 12500, 'NOK', 'Ola', 'NO93', 'D-2', 'b_2', false,
    'h2', '/', {_AT}, 3, 700, '2026-11-26')""",
    f"""{_PAYMENT} ('{LEFT}', 'usr_1', 'BANK', 'mock', 'SETTLED', 12500, 'NOK', 'Ola', 'NO93', 'D-3', 'b_3', false,
    'h3', '/', {_AT}, 3, 500, '2026-11-26')""",
    f"""INSERT INTO payment_event (id, payment_id, version, status, cause, at)
    VALUES ('pev_1', '{CARD}', 2, 'SETTLED', 'WEBHOOK', {_LATER})""",
    f"{_REFUND} ('ref_01K0000000000000000000000D', '{CARD}', 2500, 'NOK', 'SUCCEEDED', 're_1', {_AT}, {_LATER})",
    f"{_REFUND} ('ref_01K0000000000000000000000E', '{CARD}', 100, 'NOK', 'FAILED', 're_2', {_AT}, {_LATER})",
    f"{_REFUND} ('ref_01K0000000000000000000000F', '{CARD}', 50, 'NOK', 'PENDING', NULL, {_AT}, {_LATER})",
    f"{_DISPUTE} ('dsp_01K0000000000000000000000G', '{CARD}', 'dp_1', 'LOST', 3000, 'NOK', 'fraudulent', {_AT})",
    f"{_DISPUTE} ('dsp_01K0000000000000000000000H', '{CARD}', 'dp_2', 'WON', 1000, 'NOK', 'fraudulent', {_AT})",
    f"""INSERT INTO plan_subscription (id, user_id, plan_id, vendor, payment_method, return_url, state_hash, return_to,
    status, cancel_at_period_end, created_at, version)
    VALUES ('psub_1', 'usr_1', 'plan_plus', 'stripe', 'pm', '/', 'h4', '/', 'ENDED', false, {_AT}, 1)""",
    f"{_INVOICE} ('pinv_01K0000000000000000000000J', 'psub_1', 'in_1', '1', 4900, 'NOK', 'PAID', {_AT}, {_AT}, {_AT})",
    f"""{_INVOICE} ('pinv_01K0000000000000000000000K', 'psub_1', 'in_2', '2', 4900, 'NOK', 'REFUNDED', {_AT}, {_AT},
    {_AT})""",
    f"{_INVOICE} ('pinv_01K0000000000000000000000M', 'psub_1', 'in_3', '3', 4900, 'NOK', 'OPEN', {_AT}, {_AT}, {_AT})",
    f"{_LINE} ('trx_01K0000000000000000000000N', 'acc_1', 'BOOKED', -12500, 'NOK', '2026-11-25', 'D-2', 'DEBIT')",
    f"{_LINE} ('trx_01K0000000000000000000000P', 'acc_1', 'BOOKED', 700, 'NOK', '2026-11-26', 'D-2', 'RETURN')",
    f"{_LINE} ('trx_01K0000000000000000000000Q', 'acc_1', 'BOOKED', 1, 'NOK', '2026-11-26', 'D-2', 'ODD')",
)


async def test_what_was_stored_is_in_the_ledger_and_sums_up_as_before(either_database_url: str) -> None:
    database = await at_version(either_database_url, "0034", *STORED)

    await migrate(database)

    async with database.read_engine.connect() as connection:
        found = await connection.exec_driver_sql(
            """SELECT kind, amount_minor, vendor, vendor_object_id, coalesce(payment_id, plan_invoice_id), refund_id,
            dispute_id FROM ledger_entry ORDER BY vendor_object_id, kind"""
        )
        refund, dispute = "ref_01K0000000000000000000000D", "dsp_01K0000000000000000000000G"
        invoices = "pinv_01K0000000000000000000000J", "pinv_01K0000000000000000000000K"
        assert {tuple(row) for row in found} == {
            ("CHARGED", 10_000, "stripe", "pi_1", CARD, None, None),
            ("REFUNDED", 2_500, "stripe", "re_1", CARD, refund, None),
            ("DISPUTED", 3_000, "stripe", "dp_1", CARD, None, dispute),
            ("CHARGED", 4_900, "stripe", "in_1", invoices[0], None, None),
            ("CHARGED", 4_900, "stripe", "in_2", invoices[1], None, None),
            ("REFUNDED", 4_900, "stripe", "in_2", invoices[1], None, None),
            ("BOOKED", 12_500, "mock", "trx_01K0000000000000000000000N", BANK, None, None),
            ("RETURNED", 700, "mock", "trx_01K0000000000000000000000P", BANK, None, None),
            ("RETURNED", 500, "mock", "D-3", LEFT, None, None),
        }
    async with Reading(database.read) as read:
        card = await read.payments.get(UserId("usr_1"), PaymentId(CARD))
        left = await read.payments.get(UserId("usr_1"), PaymentId(LEFT))
        moved = await read.ledger.of_payment(PaymentId(BANK))
        charged = await read.ledger.of_payment(PaymentId(CARD))
    assert card is not None
    assert left is not None
    assert (card.refunded_minor, card.returned_minor, left.returned_minor) == (2_500 + 3_000 + 50, 0, 500)
    assert [entry.moved_at for entry in moved] == [datetime(2026, 11, day, tzinfo=UTC) for day in (25, 26)]
    assert charged[-1].moved_at == datetime(2026, 11, 26, 8, 30, tzinfo=UTC)
    await database.close()
