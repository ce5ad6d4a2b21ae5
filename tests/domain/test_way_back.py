"""What the way back from a bank's or card's page hints at."""

from dataclasses import replace

import pytest

from domain import way_back
from domain.consent import ConsentStatus
from domain.payment import CancellationStatus, Failure, FailureCode, Status
from domain.plan import PlanStatus
from domain.way_back import WayBack
from tests.domain.test_snapshot import PAYMENT, PLAN

DECLINED = Failure(FailureCode.CARD_DECLINED)
LAPSED = Failure(FailureCode.AUTHORISATION_EXPIRED)


@pytest.mark.parametrize(
    ("status", "failure", "outcome"),
    [
        (Status.SETTLED, None, WayBack.APPROVED),
        (Status.SCHEDULED, None, WayBack.APPROVED),
        (Status.REJECTED, None, WayBack.REFUSED),
        (Status.AUTHORISATION_REQUIRED, DECLINED, WayBack.REFUSED),
        (Status.AUTHORISATION_REQUIRED, None, WayBack.UNKNOWN),
        (Status.CREATED, None, WayBack.UNKNOWN),
        (Status.EXPIRED, None, WayBack.EXPIRED),
        (Status.FAILED, LAPSED, WayBack.EXPIRED),
    ],
)
def test_a_payment(status: Status, failure: Failure | None, outcome: WayBack) -> None:
    payment = replace(PAYMENT, status=status, failure=failure, cancellation_status=None)

    assert way_back.of_payment(payment) is outcome


@pytest.mark.parametrize(
    ("status", "cancellation", "outcome"),
    [
        (Status.CANCELLED, CancellationStatus.AUTHORISATION_REQUIRED, WayBack.APPROVED),
        (Status.SCHEDULED, CancellationStatus.REFUSED, WayBack.REFUSED),
        (Status.SCHEDULED, CancellationStatus.AUTHORISATION_REQUIRED, WayBack.UNKNOWN),
    ],
)
def test_the_page_that_approves_a_cancellation(
    status: Status, cancellation: CancellationStatus, outcome: WayBack
) -> None:
    assert way_back.of_payment(replace(PAYMENT, status=status, cancellation_status=cancellation)) is outcome


def test_a_consent_and_a_plan() -> None:
    assert way_back.of_consent(ConsentStatus.ACTIVE) is WayBack.APPROVED
    assert way_back.of_consent(ConsentStatus.AWAITING_AUTHORISATION) is WayBack.UNKNOWN
    assert way_back.of_plan(replace(PLAN, status=PlanStatus.INCOMPLETE, failure=DECLINED)) is WayBack.REFUSED
    assert way_back.of_plan(replace(PLAN, status=PlanStatus.ACTIVE, failure=None)) is WayBack.APPROVED
