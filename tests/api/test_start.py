"""How a process starts: what it has made by then stays out of the collector's way."""

import gc

from gateway.commands.start import leave_to_requests


def test_a_full_collection_looks_at_what_requests_have_made_alone() -> None:
    thresholds = gc.get_threshold()
    try:
        leave_to_requests()
        left, wider = len(gc.get_objects()), gc.get_threshold()
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)

    assert left < len(gc.get_objects()) / 10
    assert wider[0] > thresholds[0]
