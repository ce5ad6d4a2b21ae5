"""The command line, as an operator and a newcomer use it."""

import asyncio
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sandbox.scenarios import scenarios
from tests.api.test_failed_start import PRODUCTION
from tests.api.test_vendor_migration import MOVES, consent
from tests.builders.counterpart import answer, counterpart
from tests.builders.gateway import Player
from tests.builders.processes import completed
from tests.builders.server import free_port, served
from tests.builders.twin import second_card_vendor

ROOT = Path(__file__).parents[2]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with served(tmp_path) as url:
        yield url


def gateway(*arguments: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{folder}/drop.sqlite3",
        "SANDBOX_PATH": f"{folder}/sandbox.sqlite3",
        "COLUMNS": "200",
        **settings,
    }
    return completed(arguments, environment=environment, folder=ROOT)


def test_the_demo_plays_every_step_against_a_running_gateway(address: str, tmp_path: Path) -> None:
    ran = gateway("demo", "--url", address, folder=tmp_path)

    assert ran.returncode == 0, ran.stderr
    for step in (
        "Signed in with BankID",
        "KYC is APPROVED",
        "Connected DNB",
        "The payment is SETTLED, pushed live",
        "has NOK 24,875.00 available",
        "A card was declined (CARD_DECLINED)",
        "Another card passed 3-D Secure: the payment is SETTLED",
        "the refund is PARTIAL",
        "Subscribed to Drop Plus: ACTIVE",
        "downloaded it again: STORED",
        "Cards are switched off, as by default",
        "ready as a ZIP, pushed live",
        "messages are in the outbox",
    ):
        assert step in ran.stdout, step


def test_a_signal_is_named_in_the_last_alert(tmp_path: Path) -> None:
    with served(tmp_path):
        pass

    told = (tmp_path / "serve.log").read_text()
    assert "Title: Gateway started" in told
    assert "Message: SIGTERM at http://localhost:" in told


async def test_alerts_go_to_slack_where_its_address_is_set(tmp_path: Path) -> None:
    def start_and_stop(url: str) -> None:
        with served(tmp_path, SLACK_WEBHOOK_URL=url):
            pass

    async with counterpart(answer(200, "ok")) as vendor:
        url = f"{vendor.url}/services/T0/B0/the-credential"
        await asyncio.to_thread(start_and_stop, url)

    titles = [request.json["text"].splitlines()[1] for request in vendor.requests]
    assert titles == ["Title: Gateway started", "Title: Gateway stopped"]
    told = (tmp_path / "serve.log").read_text()
    assert "Title:" not in told
    assert "the-credential" not in told


def test_the_demo_needs_the_operators_token_where_there_is_one(tmp_path: Path) -> None:
    with served(tmp_path, OPERATOR_TOKEN="let-me-in") as url:
        without = gateway("demo", "--url", url, folder=tmp_path)
        ran = gateway("demo", "--url", url, "--token", "let-me-in", folder=tmp_path)

    assert (without.returncode, "give it with --token" in without.stderr) == (1, True)
    assert ran.returncode == 0, ran.stderr


def test_doctor_names_what_production_starts_without(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/drop.sqlite3"
    settings = {**PRODUCTION, "SANDBOX_URL": "http://127.0.0.1:9", "DATABASE_URL": database}
    gateway("migrate", folder=tmp_path, **settings)
    bare = gateway("doctor", folder=tmp_path, **settings)
    better = gateway("doctor", folder=tmp_path, **settings, TRUSTED_PROXIES="10.0.0.0/8", DRAIN_S="15")
    wrong = gateway("doctor", folder=tmp_path, **settings, TRUSTED_PROXIES="anybody")

    for name in ("TRUSTED_PROXIES is not set", "DRAIN_S is 0", "DATABASE_URL is a SQLite file"):
        assert name in bare.stderr
    assert "TRUSTED_PROXIES" not in better.stderr
    assert "DRAIN_S" not in better.stderr
    assert "TRUSTED_PROXIES: anybody is no address or network" in wrong.stderr


def test_the_demo_without_a_gateway_says_how_to_start_one(tmp_path: Path) -> None:
    ran = gateway("demo", "--url", f"http://localhost:{free_port()}", folder=tmp_path)

    assert ran.returncode == 1
    assert "make run" in ran.stderr


def test_doctor_names_what_is_missing_and_the_command_that_mends_it(tmp_path: Path) -> None:
    before = gateway("doctor", folder=tmp_path)
    migrated = gateway("migrate", folder=tmp_path)
    after = gateway("doctor", folder=tmp_path)

    assert (before.returncode, migrated.returncode, after.returncode) == (1, 0, 0)
    assert "gateway migrate" in before.stderr
    assert "ok database and migrations" in after.stdout


def test_doctor_asks_every_vendor_outside_and_names_what_to_check(tmp_path: Path) -> None:
    assert gateway("migrate", folder=tmp_path).returncode == 0
    keys = {"GOOGLE_MAPS_API_KEY": "the-credential", "TWILIO_ACCOUNT_SID": "AC1", "TWILIO_FROM": "Drop"}

    async def ask() -> subprocess.CompletedProcess[str]:
        denied, known = answer(200, '{"status": "REQUEST_DENIED"}'), answer(200, '{"status": "active"}')
        async with counterpart(denied) as google, counterpart(known) as twilio:
            urls = {"GOOGLE_MAPS_API_URL": google.url, "TWILIO_API_URL": twilio.url}
            given = {**keys, **urls, "TWILIO_AUTH_TOKEN": "the-credential"}
            return await asyncio.to_thread(gateway, "doctor", folder=tmp_path, **given)

    ran = asyncio.run(ask())

    assert ran.returncode == 1
    assert "ok twilio" in ran.stdout
    assert "google: geocoding: the vendor refuses us (200 REQUEST_DENIED). Check GOOGLE_MAPS_API_KEY" in ran.stderr
    assert "the-credential" not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"SERVICE_MODE": "test"}, ["SERVICE_MODE"]),
        (
            {"SERVICE_MODE": "production"},
            [
                *("PUBLIC_URL", "OPERATOR_TOKEN", "DEFAULT_RETURN_TO", "FIELD_ENCRYPTION_KEYS", "FIELD_HASH_KEY"),
                *("BANKID_CLIENT_ID", "SUMSUB_APP_TOKEN", "OPENBANKING_CLIENT_ID", "OPENBANKING_WEBHOOK_SECRET"),
                *("STRIPE_SECRET_KEY", "SENDGRID_API_KEY", "TWILIO_ACCOUNT_SID", "S3_UPLOADS_BUCKET"),
                "GOOGLE_MAPS_API_KEY",
            ],
        ),
        ({"SERVICE_MODE": "mock", "NEXT_PUBLIC_SERVICE_MODE": "production"}, ["differ"]),
        ({"BANKID_MOCK": "false"}, ["BANKID_CLIENT_ID", "BANKID_CLIENT_SECRET"]),
        ({"BANKID_MOCK": "true", "IDENTITY_PROVIDER": "bankid"}, ["BANKID_MOCK and IDENTITY_PROVIDER"]),
        ({"DATABASE_URL": "mysql://x/y"}, ["DATABASE_URL"]),
        ({"PUBLIC_URL": "nowhere", "ALLOWED_ORIGINS": "a,b"}, ["PUBLIC_URL", "'a'", "'b'"]),
        ({"PORT": "99999"}, ["PORT"]),
        ({"FIELD_ENCRYPTION_KEYS": "short"}, ["FIELD_ENCRYPTION_KEYS"]),
    ],
)
def test_wrong_settings_stop_the_start_with_every_problem_at_once(
    tmp_path: Path, settings: dict[str, str], named: list[str]
) -> None:
    ran = gateway("serve", folder=tmp_path, **settings)

    assert ran.returncode == 1
    assert all(name in ran.stderr for name in named)
    assert "Traceback" not in ran.stderr


def test_every_setting_that_the_providers_page_names_exists() -> None:
    text = (ROOT / "docs" / "providers.md").read_text()
    known = set(re.findall(r"^#([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.M))
    named = set(re.findall(r"`([A-Z][A-Z0-9]*_[A-Z0-9_]+)", text))

    assert {name.removesuffix("_FILE") for name in named} <= known | {"STEP_UP_REQUIRED"}


def test_a_secret_can_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("not a key\n")

    ran = gateway("doctor", folder=tmp_path, FIELD_ENCRYPTION_KEYS_FILE=str(tmp_path / "keys"))

    assert "FIELD_ENCRYPTION_KEYS must be keys of 32 bytes" in ran.stderr


def test_the_exported_schema_is_checked_and_a_breaking_change_is_found(tmp_path: Path) -> None:
    exported = (ROOT / "schema" / "schema.graphql").read_text()
    older = tmp_path / "older.graphql"
    going = ("gone: Int", 'past: Int @deprecated(reason: "Use amountMinor. Goes after 2026-01-31.")')
    early = 'early: Int @deprecated(reason: "Use amountMinor. Goes after 2999-12-31.")'
    older.write_text(exported.replace("type Money {", "\n  ".join(("type Money {", *going, early))))

    same = gateway("schema", "check", folder=tmp_path)
    broken = gateway("schema", "check", "--against", str(older), folder=tmp_path)

    assert same.returncode == 0
    assert broken.returncode == 1
    assert "Money.gone" in broken.stderr
    assert "Money.early" in broken.stderr
    assert "Money.past" not in broken.stderr


def test_the_exported_openapi_document_is_checked(tmp_path: Path) -> None:
    copy = tmp_path / "openapi.json"

    exported = gateway("openapi", "export", str(copy), folder=tmp_path)
    same = gateway("openapi", "check", str(copy), folder=tmp_path)
    committed = gateway("openapi", "check", folder=tmp_path)
    copy.write_text(copy.read_text().replace("operationId", "operationID", 1))
    changed = gateway("openapi", "check", str(copy), folder=tmp_path)

    assert [ran.returncode for ran in (exported, same, committed, changed)] == [0, 0, 0, 1]
    assert "gateway openapi export" in " ".join(changed.stderr.split())


def test_the_example_settings_are_the_settings(tmp_path: Path) -> None:
    assert gateway("settings", folder=tmp_path).stdout == (ROOT / ".env.example").read_text()


def test_the_monitors_are_planned_without_a_gateway(tmp_path: Path) -> None:
    plan = gateway("monitors", "plan", folder=tmp_path, PUBLIC_URL="https://api.drop.example")
    applied = gateway("monitors", "apply", "--json", folder=tmp_path, PUBLIC_URL="https://api.drop.example")

    assert (
        'create  monitor Drop API: https://api.drop.example/api/health is 200 containing "status":"ok"' in plan.stdout
    )
    assert "escalation policy: 0 min SLACK, 5 min EMAIL" in plan.stdout
    assert len(json.loads(applied.stdout)) == 5


@pytest.mark.parametrize("page", ["README.md", "docs/sandbox.md", "docs/providers.md"])
def test_every_command_and_scenario_that_the_documents_name_exists(page: str, tmp_path: Path) -> None:
    text = (ROOT / page).read_text()
    commands = set(
        re.findall(r"^ {4}(?:\$ \.venv/bin/)?gateway ([a-z]+(?: (?:show|advance|list|replay|tail))?)", text, re.M)
    )
    words = set(
        re.findall(r"`((?:vendor|webhooks?|kyc|mail|sms)-[a-z-]+|answer-lost|insufficient-funds|declined|fails)`", text)
    )

    assert commands
    assert words <= set(scenarios())
    for command in commands:
        assert gateway(*command.split(), "--help", folder=tmp_path).returncode == 0, command


def test_provider_status_tells_who_serves_and_what_each_vendor_holds(address: str, tmp_path: Path) -> None:
    gateway("demo", "--url", address, folder=tmp_path)
    served_by = f"sqlite:///{tmp_path}/served.sqlite3"

    shown = gateway("provider", "status", folder=tmp_path, DATABASE_URL=served_by)
    told = gateway("provider", "status", "--json", folder=tmp_path, DATABASE_URL=served_by)
    empty = gateway("provider", "status", folder=tmp_path)

    assert shown.returncode == 0, shown.stderr
    assert "consents that live" in shown.stdout
    found = json.loads(told.stdout)
    assert found["ports"]["open_banking"] == {"current": "mock", "next": None, "stopped": None}
    assert {"port": "card_payments", "vendor": "mock", "what": "customers", "count": 1} in found["uses"]
    assert (empty.returncode, "gateway migrate" in empty.stderr) == (1, True)


async def test_operators_move_customers_to_another_vendor_and_back(tmp_path: Path) -> None:
    async with second_card_vendor("", tmp_path) as twin:
        environment = {name.upper(): str(value) for name, value in twin.settings.items()}
        prices = ",".join(f"{plan}={price}" for plan, price in twin.settings["stripe_prices"].items())
        moving = {**environment, "STRIPE_PRICES": prices, "CARD_PAYMENTS_NEXT_PROVIDER": "stripe"}

        def migrate(url: str, *arguments: str) -> str:
            ran = gateway("provider", "migrate", *arguments, "--url", url, folder=tmp_path)
            return ran.stdout + ran.stderr

        def migrate_and_back(url: str) -> list[str]:
            once = ("card_payments",)
            ways = [
                (*once, "--dry-run"),
                (*once, "--json"),
                (*once, "--revert"),
                (*once, "--revert", "--dry-run"),
                ("kyc",),
            ]
            return [migrate(url, *arguments) for arguments in ways]

        with served(tmp_path, **moving) as url:
            async with httpx.AsyncClient(base_url=url, headers={"origin": url}, timeout=60) as http:
                kari = await Player(http).sign_in("kari")
                while not (await kari.ask(MOVES))["viewer"]["vendorMoves"]:
                    pass  # a job makes the customer
                await consent(kari)
            dry, done, back, both, unknown = await asyncio.to_thread(migrate_and_back, url)
        held = {**moving, "DATABASE_URL": f"sqlite:///{tmp_path}/served.sqlite3"}
        status = await asyncio.to_thread(gateway, "provider", "status", folder=tmp_path, **held)

    assert "from mock to stripe, 0 % of new users go there" in dry
    assert "0 customers are moved, 1 would be moved, 0 have not consented" in dry
    assert json.loads(done)["customers"] == {"atOldVendor": 0, "willing": 0, "moved": 1, "plansThatStay": 0}
    assert "1 customers were given back to mock" in back
    assert "Give --dry-run or --revert, not both" in both
    assert "Set KYC_NEXT_PROVIDER" in unknown
    assert "stripe (stopped: REVERTED)" in status.stdout


def test_operators_see_doubts_and_queued_work(address: str, tmp_path: Path) -> None:
    in_doubt = gateway("payments", "doubts", "--json", "--url", address, folder=tmp_path)
    odd = gateway("payments", "lines", "--json", "--url", address, folder=tmp_path)
    queued = gateway("jobs", "list", "--queued", "--json", "--url", address, folder=tmp_path)
    refused = gateway("jobs", "replay", "job_x", "--url", address, folder=tmp_path)
    compared = gateway("reconcile", "run", "--url", address, folder=tmp_path)
    differing = gateway("reconcile", "list", "--json", "--url", address, folder=tmp_path)
    unknown = gateway("reconcile", "close", "dif_x", "--reason", "seen", "--url", address, folder=tmp_path)

    assert (json.loads(in_doubt.stdout), json.loads(odd.stdout)) == ([], [])
    assert "purge" in [one["kind"] for one in json.loads(queued.stdout)]
    assert (refused.returncode, "no blocked job" in refused.stderr) == (1, True)
    assert (compared.returncode, json.loads(differing.stdout)) == (0, [])
    assert {"reconcile"} <= {one["kind"] for one in json.loads(queued.stdout)}
    assert (unknown.returncode, "no open difference" in unknown.stderr) == (1, True)


def test_seed_makes_users_and_has_one_leave(address: str, tmp_path: Path) -> None:
    order = tmp_path / "order.json"
    order.write_text('{"kyc": "NOT_STARTED", "count": 7}')
    seed = ("seed", "--url", address)

    made = gateway(*seed, str(order), "--count", "2", "--json", folder=tmp_path)
    users = json.loads(made.stdout)["users"]
    gone = gateway(*seed, "--reset", users[0]["id"], folder=tmp_path)
    wrong = gateway(*seed, "--kyc", "MAYBE", folder=tmp_path)

    assert [user["kyc"] for user in users] == ["NOT_STARTED"] * 2
    assert (gone.returncode, "begins anew" in gone.stdout) == (0, True)
    assert (wrong.returncode, "kyc" in wrong.stderr) == (1, True)
    cookies = [{user["cookie"]["name"]: user["cookie"]["value"]} for user in users]
    asked = [httpx.post(f"{address}/graphql", json={"query": "{ viewer { id } }"}, cookies=one) for one in cookies]
    assert asked[0].status_code != 200 or asked[0].json()["data"]["viewer"] is None
