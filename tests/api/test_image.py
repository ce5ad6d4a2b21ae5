"""The container image, as far as it goes without an engine: its files, its installation, its command."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import httpx

from tests.builders.server import free_port

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
FINAL_STAGE = DOCKERFILE.rpartition("\nFROM ")[2].splitlines()
PIP = "/venv/bin/pip "


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


def test_the_image_starts_with_errors_and_traces_reported(tmp_path: Path) -> None:
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
        "PUBLIC_URL": f"http://localhost:{port}",
        "SENTRY_DSN": "https://key@127.0.0.1:9/1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "PYTHONUNBUFFERED": "1",
    }

    log = (tmp_path / "serve.log").open("wb")
    started = [str(binaries / command[0]), *command[1:]]
    with log, subprocess.Popen(started, cwd=app, env=environment, stdout=subprocess.PIPE, stderr=log) as process:
        assert process.stdout is not None
        try:
            announced = [process.stdout.readline() for _ in range(3)]
            assert all(announced), (tmp_path / "serve.log").read_text()
            ready = httpx.get(f"http://127.0.0.1:{port}/api/health/ready")
            page = httpx.get(f"http://127.0.0.1:{port}/sandbox/")
            document = httpx.get(f"http://127.0.0.1:{port}/openapi.json")
        finally:
            process.kill()

    assert [answer.status_code for answer in (ready, page, document)] == [200, 200, 200]
