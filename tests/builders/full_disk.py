"""A small disk of a test's own, which can be filled up. Whoever may mount none has no such disk."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import pytest

_CHUNK = b"\0" * 65_536


@dataclass(frozen=True)
class FullDisk:
    """`folder` lies on it."""

    folder: Path

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"

    def fill(self) -> None:
        """To the last byte."""
        with suppress(OSError), self._filler.open("wb", buffering=0) as filler:
            for size in (len(_CHUNK), 512, 1):
                with suppress(OSError):
                    while filler.write(_CHUNK[:size]):
                        pass

    def free(self) -> None:
        self._filler.unlink()


@contextmanager
def small_disk(megabytes: int = 200) -> Iterator[FullDisk]:
    place = Path(mkdtemp(prefix="drop-disk-"))
    place.chmod(0o755)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "tmpfs", str(place)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no disk may be mounted here: {mounted.stderr.strip()}")
    try:
        yield FullDisk(place)
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
        place.rmdir()
