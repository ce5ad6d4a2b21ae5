from datetime import datetime, timedelta, timezone

import pytest

from domain.alert import Alert, Severity

HALF_PAST_ONE_IN_OSLO = datetime(2026, 11, 24, 13, 30, 59, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("severity", "first_line"),
    [
        (Severity.INFORMATION, "ℹ️ Drop Production Alert — Information"),
        (Severity.WARNING, "⚠️ Drop Production Alert — Warning"),
        (Severity.CRITICAL, "🚨 Drop Production Alert — Critical"),
    ],
)
def test_the_first_line_names_urgency_and_environment(severity: Severity, first_line: str) -> None:
    alert = Alert(severity, "Errors", "8 errors in the last 60 seconds", HALF_PAST_ONE_IN_OSLO)

    assert alert.text("production").splitlines() == [
        first_line,
        "Title: Errors",
        "Message: 8 errors in the last 60 seconds",
        "Time: 2026-11-24 12:30 UTC",
    ]
