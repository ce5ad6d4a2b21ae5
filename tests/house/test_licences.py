"""What is shipped may be shipped: each library's licence is one that asks for no more than to be named."""

import re
from importlib.metadata import PackageNotFoundError, metadata
from typing import Final

from tests.house.test_documents import ROOT

# The identifiers of SPDX, and the older names that some libraries still give.
_ALLOWED: Final = re.compile(
    r"MIT(-0)?( License)?|(3-Clause )?BSD(-[23]-Clause)?( License)?|Apache(-2\.0| License,? (Version )?2\.0| 2\.0)"
    r"|Apache Software License|ISC( License)?( \(ISCL\))?|PSF-2\.0|(The )?Unlicense( \(Unlicense\))?"
    r"|MPL-2\.0|Mozilla Public License 2\.0 \(MPL 2\.0\)"
)


def licences(library: str) -> list[str]:
    """As it tells them: by an expression, which may join several, or else by a text or a classifier."""
    told = metadata(library)
    if "License-Expression" in told:
        return [one.strip("() ") for one in re.split(r" AND | OR ", told["License-Expression"])]
    classified = [one.rpartition(" :: ")[2] for one in told.get_all("Classifier") or [] if one.startswith("License ::")]
    named = [one for one in classified if one != "OSI Approved"]
    return named or "".join(told.get_all("License") or []).splitlines()[:1] or [""]


def test_every_library_that_is_shipped_may_be() -> None:
    locked = re.findall(r"^([a-z0-9_.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    strange = {}
    for library in locked:
        try:
            unknown = [one for one in licences(library) if not _ALLOWED.fullmatch(one)]
        except PackageNotFoundError:  # not of this system
            continue
        if unknown:
            strange[library] = unknown

    assert locked
    assert strange == {}
