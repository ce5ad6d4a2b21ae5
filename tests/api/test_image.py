"""The container image, as far as it goes without an engine: its files, its installation, its command."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import trustme
from joserfc.jwk import RSAKey

from providers.email.mock_key import public_key_of
from tests.api.test_production import AWAY, production
from tests.builders.server import free_port

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
FINAL_STAGE = DOCKERFILE.rpartition("\nFROM ")[2].splitlines()
PIP = "/venv/bin/pip "
PORTS = {
    "identity": "bankid",
    "kyc": "sumsub",
    "open_banking": "enable_banking",
    "card_payments": "stripe",
    "card_issuing": "stripe",
    "email": "sendgrid",
    "sms": "twilio",
    "storage": "s3",
    "geocoding": "google",
    "alerts": "slack",
    "uptime": "betterstack",
    "errors": "sentry",
}
# Older names of the mode, what only mocks have, and vendors to move to of which there is no second.
LEFT_OUT = {
    *("NEXT_PUBLIC_SERVICE_MODE", "BANKID_MOCK", "SANDBOX_URL", "MOCK_MAIL_KEY", "MOCK_STORAGE_KEY"),
    *("KYC_NEXT_PROVIDER", "CARD_PAYMENTS_NEXT_PROVIDER"),
}


def copy_files(app: Path) -> None:
    """What the last stage copies out of the checkout."""
    for line in FINAL_STAGE:
        if line.startswith("COPY ") and "--from" not in line:
            source, target = line.split()[1:]
            # With the compiled files, which spare the test some seconds.
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, app / target)
            else:
                shutil.copy(ROOT / source, app / target)


def environment_with_dependencies(folder: Path) -> Path:
    """The image's /venv before the project is installed: every package of this one, but not the project."""
    venv.create(folder, symlinks=True)
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    for package in Path(sysconfig.get_paths()["purelib"]).iterdir():
        is_ours = package.name.lower().startswith(("drop_gateway", "__editable__"))
        if not is_ours and not (packages / package.name).exists():
            (packages / package.name).symlink_to(package)
    return folder / "bin"


def environment_of(settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings as variables of the environment."""

    def written(value: Any) -> str:
        if isinstance(value, Mapping):
            return ",".join(f"{name}={one}" for name, one in value.items())
        return ",".join(value) if isinstance(value, tuple) else str(value)

    return {name.upper(): written(value) for name, value in settings.items()}


def every_optional_setting(folder: Path) -> dict[str, str]:
    """A value for each setting that `.env.example` leaves empty, beside real vendors that nobody answers for."""
    rsa, ours = trustme.KeyType.RSA, folder / "ours.pem"
    seal = trustme.CA(key_type=rsa).issue_cert("drop.example", key_type=rsa)
    seal.private_key_and_cert_chain_pem.write_to_path(ours)
    key = RSAKey.generate_key(2048, auto_kid=False).as_pem(private=True).decode()
    return environment_of(
        {
            **production(),
            **{f"{port}_provider": vendor for port, vendor in PORTS.items()},
            "open_banking_next_provider": "open_payments",
            "redis_url": "redis://127.0.0.1:9",
            "database_serving_role": "drop_serving",
            "sumsub_secret_key_previous": "Wb4Nq8ZtLmX2cRk7vY5s",
            "openbanking_webhook_secret_previous": "3mXz9RtLw4KcYb8NfPj7hVq2GsDu6AeE",
            "stripe_webhook_secret_previous": "whsec_Lq3XmW8vYtRk2b7N",
            "sendgrid_webhook_public_key_previous": public_key_of("another one"),
            "twilio_auth_token_previous": "secret before",
            "field_hash_keys_old": "p7Yq0wV4uS8mJ2aL6bK1oR5cE3fG9hIz",
            "web_session_idle_minutes": "5",
            "two_operators_resolve": "true",
            "operator_port": str(free_port()),
            "migrate_at_start": "true",
            "graphql_documents": "log",
            "otel_exporter_otlp_endpoint": AWAY,
            "sentry_dsn": "https://key@127.0.0.1:9/1",
            "slack_webhook_url": f"{AWAY}/services/T/B/secret",
            "betterstack_api_token": "token",
            "smtp_url": "smtp://drop:secret@127.0.0.1:9",
            "email_reply_to": "kundeservice@drop.example",
            "s3_api_url": AWAY,
            "aws_access_key_id": "AKIA1",
            "aws_secret_access_key": "secret",
            "enablebanking_app_id": "11111111-2222-3333-4444-555555555555",
            "enablebanking_private_key": key,
            "openbanking_callback_url": "https://api.drop.example/api/openbanking/callback",
            "openbanking_ca": ours,
            **{f"openbanking_{of}_{part}": ours for of in ("client", "seal") for part in ("cert", "key")},
        }
    )


def test_the_image_starts_with_every_setting_set(tmp_path: Path) -> None:
    given = every_optional_setting(tmp_path)
    empty = re.findall(r"^#([A-Z0-9_]+)=$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert set(empty) - given.keys() == LEFT_OUT
    app, port = tmp_path / "app", free_port()
    app.mkdir()
    copy_files(app)
    binaries = environment_with_dependencies(tmp_path / "venv")
    for line in FINAL_STAGE:
        if line.startswith(f"RUN {PIP}"):
            arguments = shlex.split(line.removeprefix(f"RUN {PIP}"))
            subprocess.run([binaries / "python", "-m", "pip", "-q", *arguments], cwd=app, check=True)
    (command,) = [json.loads(line.removeprefix("CMD ")) for line in FINAL_STAGE if line.startswith("CMD ")]
    environment = {
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "HOME": str(app),
        "PORT": str(port),
        **given,
        "PYTHONUNBUFFERED": "1",
    }

    log = (tmp_path / "serve.log").open("wb")
    started = [str(binaries / command[0]), *command[1:]]
    with log, subprocess.Popen(started, cwd=app, env=environment, stdout=subprocess.PIPE, stderr=log) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline(), (tmp_path / "serve.log").read_text()
            ready = httpx.get(f"http://127.0.0.1:{port}/api/health/ready", timeout=60)
            token = given["OPERATOR_TOKEN"]
            operator = {"x-drop-operator": token, "authorization": f"Bearer {token}"}
            page = httpx.get(
                f"http://127.0.0.1:{port}/graphql", headers={"accept": "text/html", **operator}, timeout=60
            )
            document = httpx.get(f"http://127.0.0.1:{port}/openapi.json", headers=operator, timeout=60)
        finally:
            process.kill()

    assert [answer.status_code for answer in (ready, page, document)] == [200, 200, 200]
