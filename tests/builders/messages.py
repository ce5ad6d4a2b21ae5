"""What users were told, and what they tell of themselves."""

import html
import re
from typing import Any

from sqlalchemy import text
from sqlalchemy import update as update_rows
from sqlmodel import col

from db.tables.user import UserRow
from tests.builders.gateway import Play, Player

UPDATE = """mutation($input: UpdateProfileInput!) { updateProfile(input: $input) {
  user { email phone locale address { formatted postalCode postalPlace normalised } }
  addressCandidates { formatted } warnings { code message } userErrors { code field } } }"""
CONFIRM = """mutation($input: ConfirmContactInput!) { confirmContact(input: $input) {
  user { email phone pendingEmail { address } pendingPhone { address } }
  userErrors { code field message developerMessage } } }"""
PREFER = """mutation($input: SetNotificationPreferencesInput!) { setNotificationPreferences(input: $input) {
  user { notificationPreferences { payments verification bankLinks security } } userErrors { code } } }"""


async def outbox(play: Play) -> list[str]:
    """Every subject and SMS, newest first, as the page shows them."""
    page = (await play.browser().http.get("/sandbox/outbox")).text
    return [html.unescape(one) for one in re.findall(r"<h3>(.*?)</h3>", page)]


async def texts(play: Play) -> str:
    return html.unescape((await play.browser().http.get("/sandbox/outbox")).text)


async def notifications(play: Play) -> list[tuple[str, str]]:
    """Template and status of every message: no user reads them, so the database tells."""
    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        rows = await connection.execute(text("SELECT template, status FROM notification ORDER BY id"))
        return [(row[0], row[1]) for row in rows]


async def reached_at(play: Play, player: Player, *, email: str | None = None, phone: str | None = None) -> None:
    """Put the person's e-mail or phone into the database, as an earlier confirmation has left it."""
    new = {name: to for name, to in (("email", email), ("phone", phone)) if to is not None}
    row = update_rows(UserRow).where(col(UserRow.id) == (await player.ask("{ viewer { id } }"))["viewer"]["id"])
    async with play.gateway.infrastructure.database.write() as session:
        await session.exec(row.values(**new))
        await session.commit()


async def code_sent(play: Play) -> str:
    """The newest code that is in the outbox."""
    await play.settle()
    found = re.search(r"(?:Koden din er|Your code is) (\d{6})", await texts(play))
    assert found is not None
    return found[1]


async def confirm_contact(player: Player, kind: str, code: str) -> dict[str, Any]:
    payload: dict[str, Any] = (await player.ask(CONFIRM, input={"kind": kind, "code": code}))["confirmContact"]
    return payload


async def update(player: Player, **given: str | None) -> dict[str, Any]:
    payload: dict[str, Any] = (await player.ask(UPDATE, input=given))["updateProfile"]
    return payload


def codes(payload: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]
