"""Certificates of an authority that only the tests trust."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import trustme


@dataclass(frozen=True)
class Certificates:
    """Files in PEM; `stranger` is a client's certificate of another authority."""

    folder: Path
    authority: Path
    client: Path
    stranger: Path


@cache
def certificates_of_all() -> Certificates:
    """The same for every test of a process, where nothing is done to them: keys take long to make."""
    return certificates(Path(mkdtemp(prefix="certificates")))


def certificates(folder: Path) -> Certificates:
    authority, another = trustme.CA(), trustme.CA()
    found = Certificates(folder, folder / "ca.pem", folder / "client.pem", folder / "stranger.pem")
    authority.cert_pem.write_to_path(found.authority)
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    # As a QWAC names it (ETSI TS 119 495).
    name = "PSDNO-FSA-123456789"
    authority.issue_cert(common_name=name).private_key_and_cert_chain_pem.write_to_path(found.client)
    another.issue_cert(common_name=name).private_key_and_cert_chain_pem.write_to_path(found.stranger)
    return found
