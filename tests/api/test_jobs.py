"""Queued work as operators see it."""

from sqlalchemy import text

from tests.builders.gateway import Play

JOBS = "/api/operator/jobs"


async def test_what_was_given_up_is_shown_and_tried_again(play: Play) -> None:
    async with play.gateway.database.write_engine.begin() as connection:
        await connection.execute(text("UPDATE job SET status = 'DEAD', attempts = 12, last_error = 'Unavailable'"))
    operator = play.browser().http
    (dead,) = (await operator.get(JOBS)).json()["jobs"]
    none = (await operator.get(JOBS, params={"which": "queued"})).json()["jobs"]

    replayed = await operator.post(f"{JOBS}/{dead['id']}/replay")
    again = await operator.post(f"{JOBS}/{dead['id']}/replay")
    (queued,) = (await operator.get(JOBS, params={"which": "queued"})).json()["jobs"]
    await play.settle()
    (following,) = (await operator.get(JOBS, params={"which": "queued"})).json()["jobs"]

    assert (dead["kind"], dead["attempts"], dead["lastError"]) == ("purge", 12, "Unavailable")
    assert none == []
    assert (replayed.status_code, again.status_code) == (202, 404)
    assert (queued["id"], queued["attempts"]) == (dead["id"], 0)
    assert following["id"] != dead["id"]


async def test_another_choice_is_refused(play: Play) -> None:
    refused = await play.browser().http.get(JOBS, params={"which": "all"})

    assert (refused.status_code, refused.json()["field"]) == (400, ["which"])
