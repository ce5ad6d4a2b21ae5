"""Codes that a later version has stored, which an older one still reads while a deploy rolls."""

from typing import Any

from sqlalchemy import update
from sqlmodel import SQLModel, col

from db.tables.bank import BankLinkRow
from db.tables.event import UserEventRow
from db.tables.payment import PaymentEventRow, PaymentRow, RefundRow
from db.tables.plan import PlanSubscriptionRow
from domain.event import EventKind
from services.subscriptions.streams import position_of
from tests.builders import cards
from tests.builders.gateway import Play, nodes
from tests.builders.sockets import events_of

SHOWN = """{ viewer { bankLinks { edges { node { endedBecause } } } plan { endedBecause }
  payments { edges { node { failure { code message } history { edges { node { cause failure { code } } } }
    refunds { edges { node { failure { code message } } } } } } } } }"""
EVENTS = """subscription($after: String) { viewerEvents(after: $after) { cursor type
  bankLink { endedBecause } planSubscription { endedBecause } } }"""


async def stored(play: Play, table: type[SQLModel], **values: object) -> None:
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(update(table).values(**values))


async def ended_in_events(play: Play, kind: EventKind) -> None:
    """Every event of a kind has an end that this version does not know."""
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        fields: Any = UserEventRow.__table__.c.fields  # type: ignore[attr-defined]
        rows = (await connection.execute(fields.table.select().where(col(UserEventRow.kind) == kind))).all()
        for row in rows:
            changed = update(UserEventRow).where(col(UserEventRow.seq) == row.seq)
            await connection.execute(changed.values(fields={**row.fields, "ended_because": "LATER"}))


async def test_a_code_of_a_later_version_reads_as_other(play: Play) -> None:
    kari = await play.person()
    start = (await events_of(play, kari, EVENTS, 1))[0]["cursor"]
    await play.banked()
    await cards.refund(kari, await cards.paid(kari))
    await cards.subscribe(kari)
    await stored(play, BankLinkRow, ended_because="LATER")
    await stored(play, PlanSubscriptionRow, ended_because="LATER")
    await stored(play, PaymentEventRow, cause="LATER", failure_code="LATER", failure_detail="LATER")
    await stored(play, PaymentRow, failure_code="LATER")
    await stored(play, RefundRow, status="FAILED", failure_code="LATER")
    for kind in (EventKind.BANK_LINK, EventKind.PLAN_SUBSCRIPTION):
        await ended_in_events(play, kind)

    viewer = (await kari.ask(SHOWN))["viewer"]
    end = (await events_of(play, kari, EVENTS, 1))[0]["cursor"]
    events = await events_of(play, kari, EVENTS, position_of(end).seq - position_of(start).seq, after=start)

    (payment,) = nodes(viewer["payments"])
    (refund,) = nodes(payment["refunds"])
    assert nodes(viewer["bankLinks"]) == [viewer["plan"]] == [{"endedBecause": "OTHER"}]
    assert {event["cause"] for event in nodes(payment["history"])} == {"OTHER"}
    assert {event["failure"]["code"] for event in nodes(payment["history"])} == {"OTHER"}
    assert payment["failure"] == {"code": "OTHER", "message": "Betalingen ble ikke gjennomført."}
    assert (refund["failure"]["code"], bool(refund["failure"]["message"])) == ("FAILED", True)
    shown = [event["bankLink"] or event["planSubscription"] for event in events]
    assert [one for one in shown if one] == [{"endedBecause": "OTHER"}] * 4
