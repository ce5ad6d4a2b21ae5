"""The pauses after which a job asks a vendor again."""

from datetime import timedelta
from itertools import accumulate

from services.backoff import LONGEST, longer


def test_pauses_double_and_have_a_top() -> None:
    pauses = list(accumulate(range(12), lambda pause, _: longer(pause.total_seconds()), initial=timedelta(minutes=1)))

    assert pauses[:3] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert pauses[-1] == LONGEST
    assert longer(60, timedelta(seconds=90)) == timedelta(seconds=90)
