"""Operators have tokens of their own, each with a name and a role."""

from pathlib import Path
from typing import Any

from domain.operator import OperatorRole
from tests.api.test_commands import gateway
from tests.builders.gateway import playing
from tests.conftest import NOON

AUDIT, JOBS = "/api/operator/audit", "/api/operator/jobs"


async def test_a_token_has_a_name_and_a_role_until_it_is_revoked(database_url: str, tmp_path: Path) -> None:
    async with playing(database_url, tmp_path, NOON, operator_token="t" * 32) as play:
        operators = play.gateway.services.operators
        tokens = {
            name: await operators.add(name, role)
            for name, role in (("ada", OperatorRole.ACT), ("bo", OperatorRole.READ))
        }

        async def asked(name: str, method: str, path: str, **more: Any) -> int:
            http = play.browser(authorization=f"Bearer {tokens[name]}").http
            return (await http.request(method, path, **more)).status_code

        reads = [await asked(name, "GET", JOBS) for name in tokens]
        acts = [await asked(name, "POST", f"{JOBS}/job_1/replay") for name in tokens]
        schema = play.browser(**{"x-drop-operator": tokens["bo"]}).http
        sees = (await schema.get("/openapi.json")).status_code
        await operators.revoke("ada")
        revoked = await asked("ada", "GET", JOBS)
        bo = play.browser(authorization=f"Bearer {tokens['bo']}").http
        trail = (await bo.get(AUDIT, params={"object": "job_1"})).json()["entries"]
        added = (await bo.get(AUDIT, params={"object": "ada"})).json()["entries"]

    assert (reads, acts, sees, revoked) == ([200, 200], [404, 403], 200, 401)
    assert [(one["action"], one["operator"]) for one in trail] == [("operator_acts", "ada")]
    assert [one["action"] for one in added] == ["operator_revoked", "operator_added"]


def test_operators_are_added_listed_and_revoked_from_the_command_line(migrated_sqlite: Path, tmp_path: Path) -> None:
    (tmp_path / "drop.sqlite3").write_bytes(migrated_sqlite.read_bytes())
    added = gateway("operators", "add", "ada", "--role", "read", folder=tmp_path)
    again = gateway("operators", "add", "ada", "--role", "act", folder=tmp_path)
    revoked = gateway("operators", "revoke", "ada", folder=tmp_path)
    listed = gateway("operators", "list", folder=tmp_path)

    assert len(added.stdout.strip()) == 43
    assert (again.returncode, "Choose another one" in again.stderr) == (1, True)
    assert revoked.stdout.strip() == "ada is revoked."
    assert "ada" in listed.stdout
    assert added.stdout.strip().encode() not in (tmp_path / "drop.sqlite3").read_bytes()
