"""The last try of every kind of job dies after an outage of two hours: everything ends all the same."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import stamina
from sqlalchemy import text

from domain.ids import (
    AccountId,
    ConsentId,
    NotificationId,
    PaymentId,
    PlanSubscriptionId,
    UserId,
    VendorMigrationId,
)
from domain.job import Job
from providers.storage.port import Bucket
from services.banks.consent_approvals import FinishConsent, WatchConsent
from services.banks.consents import FetchAccounts, RevokeConsent
from services.banks.readings import MatchLines
from services.cards.cards import FreezeCards
from services.files.uploads import DeleteObject
from services.jobs.handlers import handlers_of
from services.notifications.compose import SendNotification
from services.operations.card_reconciliation import ReconcileCards
from services.operations.certificate_ends import WatchCertificates
from services.operations.reconciliation import CheckDifferences
from services.operations.vendor_migration import MoveCustomer, MoveCustomers
from services.payments.bank_payments import FinishReturn
from services.payments.bank_status import WatchApproval
from services.payments.card_status import EndAtCardVendor
from services.payments.customers import CreateCustomer, DeleteCustomer
from services.payments.record import RefreshAccount
from services.plans.status import PayPlan
from services.plans.unwanted import EndUnwantedPlan, GiveBackCharge
from services.returns.bank_returns import EndUntakenReturn
from services.users.kyc import CancelUnauthorised
from services.webhooks.inbox import ProcessWebhook
from tests.api.test_bank_payment import CANCEL
from tests.api.test_cards import ADDRESS, HOLDER, issue
from tests.api.test_upload import create as create_upload
from tests.builders.breaker_time import BreakerTime
from tests.builders.cards import DECLINED, create, paid, refund, subscribe
from tests.builders.gateway import Play, Player, a_payment, connect, pay, playing
from tests.builders.line import Line
from tests.conftest import NOON

FLAGS: Final[Mapping[str, Any]] = dict.fromkeys(
    ("feature_cardholders", "feature_virtual_cards", "feature_physical_cards"), True
)
EXPORT: Final = "mutation { requestDataExport { dataExport { id } userErrors { code } } }"
# What goes on for as long as there is a gateway, an approval, a consent or a plan.
STANDING: Final = {
    *("purge", "reconcile", "check_differences"),
    *("ask_kyc_vendor", "ask_consent", "tell_of_consent_expiry", "ask_plan_subscription"),
}
ENDED: Final[Mapping[str, set[str]]] = {
    "payment": {"SETTLED", "EXPIRED", "CANCELLED"},
    "refund": {"SUCCEEDED"},
    "plan_subscription": {"ACTIVE", "ENDED"},
    "consent": {"ACTIVE", "REPLACED"},
    "kyc_application": {"APPROVED"},
    "data_export": {"EXPIRED"},
    "upload": {"EXPIRED"},
    "card": {"ACTIVE"},
    "webhook_event": {"PROCESSED", "IGNORED"},
}


@dataclass(frozen=True)
class Stage:
    """What the jobs are about, all of one person; `ended` have ended before."""

    kari: Player
    user: UserId
    account: AccountId
    consent: ConsentId
    replaced_consent: ConsentId
    payment: PaymentId
    ended_payment: PaymentId
    plan: PlanSubscriptionId
    ended_plan: PlanSubscriptionId
    ended_plan_reference: str
    query: str
    at: str
    until: str


# Jobs that are queued where the vendors are away; those of None are queued by what people do meanwhile.
KINDS: Final[Mapping[str, Callable[[Stage], Job] | None]] = {
    "process_webhook": lambda stage: ProcessWebhook("whk_gone"),
    "process_money_webhook": None,
    "ask_kyc_vendor": None,
    "cancel_unauthorised_payments": lambda stage: CancelUnauthorised(UserId("usr_left")),
    "ask_consent": None,
    "fetch_accounts": lambda stage: FetchAccounts(stage.user, stage.consent),
    "watch_consent_approval": lambda stage: WatchConsent(stage.user, stage.consent, stage.until),
    "finish_consent_return": lambda stage: FinishConsent(stage.user, stage.consent, stage.query, stage.until),
    "end_untaken_return": lambda stage: EndUntakenReturn("hash of a code that was taken"),
    "tell_of_consent_expiry": None,
    "revoke_consent": lambda stage: RevokeConsent(stage.user, stage.replaced_consent),
    "purge": None,
    "watch_certificates": lambda stage: WatchCertificates(),
    "reconcile": None,
    "reconcile_cards": lambda stage: ReconcileCards("mock", "PAYMENT", stage.at, stage.until),
    "check_differences": lambda stage: CheckDifferences(),
    "ask_bank": None,
    "watch_bank_approval": lambda stage: WatchApproval(stage.user, stage.payment, stage.until),
    "finish_bank_return": lambda stage: FinishReturn(stage.user, stage.payment, stage.query, stage.until),
    "ask_card_vendor": None,
    "settle_refund": None,
    "end_at_card_vendor": lambda stage: EndAtCardVendor(stage.user, stage.ended_payment, 60.0),
    "create_card_customer": lambda stage: CreateCustomer(stage.user),
    "delete_card_customer": lambda stage: DeleteCustomer("mock", "cus_nobody"),
    "send_notification": lambda stage: SendNotification(NotificationId("ntf_gone")),
    "issue_card": None,
    "freeze_cards": lambda stage: FreezeCards(UserId("usr_left")),
    "expire_upload": None,
    "delete_object": lambda stage: DeleteObject("mock", Bucket.UPLOADS, "uploads/gone"),
    "build_data_export": None,
    "expire_data_export": None,
    "ask_plan_subscription": None,
    "pay_plan": lambda stage: PayPlan(stage.user, stage.plan, "of an older try"),
    "end_unwanted_plan": lambda stage: EndUnwantedPlan(stage.user, stage.ended_plan, stage.ended_plan_reference, ""),
    "give_back_plan_charge": lambda stage: GiveBackCharge(stage.user, stage.ended_plan, "in_nothing", 60.0),
    "move_customers": lambda stage: MoveCustomers(VendorMigrationId("mov_over"), ""),
    "move_customer": lambda stage: MoveCustomer(VendorMigrationId("mov_over"), stage.user),
    "match_lines": lambda stage: MatchLines(stage.user, stage.account),
    "refresh_account": lambda stage: RefreshAccount(stage.user, stage.account),
}


@pytest.fixture
async def play(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    """Retries are as many as ever, without their pauses."""
    breakers = BreakerTime()
    with stamina.set_testing(True, attempts=4, cap=True), breakers.kept():
        async with playing(database_url, tmp_path, NOON, **FLAGS) as play:
            breakers.follow(play.gateway.clock)
            yield play


async def sql(play: Play, statement: str) -> list[Any]:
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        found = await connection.execute(text(statement))
        return list(found) if found.returns_rows else []


async def kinds(play: Play) -> set[str]:
    return {kind for (kind,) in await sql(play, "SELECT DISTINCT kind FROM job")}


async def under_way(play: Play, line: Line) -> Stage:
    """One of everything that waits for a vendor, the last of it begun when the vendors were away."""
    kari, account = await play.banked()
    await connect(kari)
    await kari.ask(ADDRESS)
    await kari.ask(HOLDER)
    charged = await paid(kari)
    cancelled = (await create(kari))["payment"]["id"]
    await kari.ask(CANCEL, id=cancelled)
    ended_plan = (await subscribe(kari, DECLINED))["planSubscription"]["id"]
    plan = (await subscribe(kari))["planSubscription"]["id"]
    await kari.ask(EXPORT)
    await play.settle()
    payment = (await pay(kari, a_payment(account)))["payment"]
    await create(kari)
    await play.gateway.services.reconciliation.schedule()
    line.cut()
    await play.advance(seconds=61)
    await refund(kari, charged)
    await issue(kari)
    await kari.ask(EXPORT)
    ((consent,),) = await sql(play, "SELECT id FROM consent WHERE status = 'ACTIVE' ORDER BY id LIMIT 1")
    ((replaced,),) = await sql(play, "SELECT id FROM consent WHERE status = 'REPLACED'")
    ((user, reference),) = await sql(
        play, f"SELECT user_id, vendor_subscription_id FROM plan_subscription WHERE id = '{ended_plan}'"
    )
    now = play.gateway.clock.now()
    return Stage(
        kari=kari,
        user=user,
        account=AccountId(account),
        consent=consent,
        replaced_consent=replaced,
        payment=payment["id"],
        ended_payment=cancelled,
        plan=plan,
        ended_plan=ended_plan,
        ended_plan_reference=reference,
        query=play.gateway.services.authorisations.sealed_query({"code": "lost"}),
        at=now.isoformat(),
        until=(now + timedelta(hours=3)).isoformat(),
    )


async def kill_the_last_tries(play: Play) -> None:
    """A job that a row waits for is lost; the others are held by a worker that is gone."""
    await sql(play, "DELETE FROM job WHERE row_id IS NOT NULL")
    await sql(
        play,
        "UPDATE job SET status = 'LEASED', attempts = 12, leased_by = 'gone',"
        " leased_until = '2026-01-01 00:00:00+00:00'",
    )


async def test_all_ends_where_the_last_try_of_every_kind_died_after_an_outage(play: Play) -> None:
    line = Line(play.gateway.sandbox)
    stage = await under_way(play, line)
    await play.advance(hours=2)
    await create_upload(stage.kari)
    async with play.gateway.infrastructure.work() as work:
        for make in KINDS.values():
            if make is not None:
                work.jobs.enqueue(make(stage), now=play.gateway.clock.now())
        await work.commit()
    assert KINDS.keys() == handlers_of(play.gateway.services).keys()
    assert await kinds(play) == KINDS.keys()

    await kill_the_last_tries(play)
    line.mend()
    await play.advance(minutes=11)
    await play.gateway.services.orphans.look()
    await play.advance(days=9)

    found = {table: {one for (one,) in await sql(play, f"SELECT status FROM {table}")} for table in ENDED}
    assert {table: statuses - ENDED[table] for table, statuses in found.items() if statuses - ENDED[table]} == {}
    assert {table for table, statuses in found.items() if not statuses} == set()
    assert await kinds(play) <= STANDING
    assert await kinds(play) >= {"purge", "reconcile"}
