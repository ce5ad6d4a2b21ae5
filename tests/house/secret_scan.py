"""Looks for keys, tokens and passwords in every file that git knows: `python -m tests.house.secret_scan`.

By their forms, with detect-secrets. Words such as `password` and texts that merely look random are not held for
secrets: a repository of tests is full of both, and a list of exceptions that nobody reads finds nothing.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from detect_secrets import SecretsCollection
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.settings import transient_settings

ROOT: Final = Path(__file__).parents[2]
_HEURISTIC: Final = frozenset(
    {"KeywordDetector", "Base64HighEntropyString", "HexHighEntropyString", "IPPublicDetector"}
)
# Built or locked by tools: hashes alone, on huge lines.
_BUILT: Final = ("routes/graphql/assets/", "graphiql/package-lock.json", "requirements", "tests/web/package-lock.json")
_LOGIN: Final = "Basic Auth Credentials"
# Where something of the form stands that opens nothing, each with what it is.
_KNOWN: Final[dict[tuple[str, str], str]] = {
    (".env.example", _LOGIN): "an example of an address",
    ("docs/providers.md", _LOGIN): "an example of an address",
    ("providers/email/smtp.py", _LOGIN): "an example of an address",
    ("tests/api/test_image.py", _LOGIN): "the tests' own database",
    ("tests/api/test_settings.py", _LOGIN): "made up",
    ("tests/api/test_settings.py", "Slack Token"): "made up",
    ("tests/api/test_stages.py", _LOGIN): "made up",
    ("tests/contract/test_sentry.py", "JSON Web Token"): "made up, to be scrubbed",
    ("tests/contract/test_sentry.py", "Slack Token"): "made up, to be scrubbed",
    ("tests/contract/test_sentry.py", _LOGIN): "made up, to be scrubbed",
    ("tests/vendors/twilio.py", "Twilio API Key"): "of the Twilio that the tests play",
}


def found() -> Iterator[tuple[str, int, str]]:
    """Each by its file, line and kind."""
    kinds = {kind.__name__ for kind in get_mapping_from_secret_type_to_class().values()} - _HEURISTIC
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    with transient_settings({"plugins_used": [{"name": kind} for kind in sorted(kinds)]}):
        secrets = SecretsCollection(root=str(ROOT))
        for name in listed.splitlines():
            if not name.startswith(_BUILT) and (ROOT / name).is_file():
                secrets.scan_file(name)
        for name, secret in secrets:
            yield name, secret.line_number, secret.type


def main() -> int:
    strange = [(name, line, kind) for name, line, kind in found() if (name, kind) not in _KNOWN]
    for name, line, kind in strange:
        print(f"{name}:{line}: {kind}")  # noqa: T201  # what the command is for
    return 1 if strange else 0


if __name__ == "__main__":
    sys.exit(main())
