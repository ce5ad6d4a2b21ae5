"""A file is read in one go: none is longer than 400 lines."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST = 400


def test_no_file_of_python_is_longer_than_is_read_in_one_go() -> None:
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    files = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    lengths = {file: len((ROOT / file).read_text().splitlines()) for file in files if (ROOT / file).exists()}

    assert lengths
    assert {file: length for file, length in lengths.items() if length > MOST} == {}
