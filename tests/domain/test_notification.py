from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import NotificationId, UserId
from domain.notification import (
    CODES,
    Category,
    Channel,
    Notification,
    NotificationPreferences,
    NotificationStatus,
    Template,
    category_of,
    channel_of,
)

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
QUEUED = Notification(NotificationId("ntf_1"), UserId("usr_1"), Template.WELCOME, "nb-NO", {}, "mock", NOON)
PAUSES = [timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), None]
ENDS = (NotificationStatus.DELIVERED, NotificationStatus.BOUNCED, NotificationStatus.DEAD)


@given(st.lists(st.sampled_from([*NotificationStatus, None]), max_size=15))
def test_a_message_is_tried_four_times_and_nothing_leaves_its_end(reports: list[NotificationStatus | None]) -> None:
    message = QUEUED
    pauses = []
    for report in reports:
        before = message
        if report is None:
            if message.is_waiting:
                message, pause = message.failed("away")
                pauses.append(pause)
        elif report is not NotificationStatus.QUEUED:
            message = message.apply(report)
        assert before.status not in ENDS or message is before
        assert message.version == before.version + (message is not before)

    assert pauses == PAUSES[: len(pauses)]


def test_a_message_that_the_vendor_has_is_not_tried_again() -> None:
    sent = QUEUED.apply(NotificationStatus.SENT)

    assert not sent.is_waiting
    assert sent.apply(NotificationStatus.RETRYING) is sent
    assert sent.apply(NotificationStatus.DELIVERED).status is NotificationStatus.DELIVERED
    assert sent.apply(NotificationStatus.BOUNCED, "no such mailbox").outcome == "no such mailbox"


def test_the_fourth_failure_is_the_last() -> None:
    waiting, pause = replace(QUEUED, attempts=2).failed("away")
    dead, last = waiting.failed("away")

    assert (waiting.status, waiting.is_waiting, pause) == (NotificationStatus.RETRYING, True, PAUSES[2])
    assert (dead.status, dead.is_waiting, last) == (NotificationStatus.DEAD, False, None)
    assert dead.attempts == 4


def test_only_a_dead_message_is_replayed_and_with_all_its_tries() -> None:
    dead = replace(QUEUED, status=NotificationStatus.DEAD, attempts=4)

    again = dead.replayed()

    assert (again.status, again.attempts, again.version) == (NotificationStatus.QUEUED, 0, dead.version + 1)
    for status in set(NotificationStatus) - {NotificationStatus.DEAD}:
        other = replace(QUEUED, status=status)
        assert other.replayed() is other


def test_what_warns_of_a_stolen_mailbox_does_not_go_to_that_mailbox() -> None:
    by_sms = {template for template in Template if channel_of(template) is Channel.SMS}

    assert by_sms == {
        Template.NEW_SIGN_IN,
        Template.SIGN_IN_STOPPED,
        Template.IDENTITY_LINKED,
        Template.CONTACT_CHANGED,
        Template.CONTACT_CODE_SMS,
    }


@pytest.mark.parametrize(
    "template",
    [
        Template.WELCOME,
        Template.INVOICE,
        Template.INVOICE_UNPAID,
        Template.ORDER_CONFIRMATION,
        Template.REFUND_FAILED,
        Template.ACCOUNT_DELETED,
        Template.DATA_EXPORT_READY,
        Template.SIGN_IN_STOPPED,
        Template.IDENTITY_LINKED,
        Template.CONTACT_CHANGED,
        Template.CONTACT_CHANGED_MAIL,
        *CODES.values(),
    ],
)
def test_receipts_bills_and_what_the_law_or_a_theft_wants_told_cannot_be_switched_off(
    template: Template,
) -> None:
    nothing = NotificationPreferences(payments=False, verification=False, bank_links=False, security=False)

    assert nothing.wants(category_of(template))


@pytest.mark.parametrize("category", [category for category in Category if category is not Category.ACCOUNT])
def test_each_other_category_is_switched_off_alone(category: Category) -> None:
    preferences = replace(NotificationPreferences(), **{category.lower(): False})

    assert {other for other in Category if not preferences.wants(other)} == {category}
