"""The contract of the eID behind the login."""

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest

from domain.errors import Unavailable
from providers.identity import mock
from providers.identity.port import AuthorizationRequest, Identity, IdentityProvider, LoginFailed
from tests.builders.gateway import BASE
from tests.builders.line import Line
from tests.builders.sandbox import Sandbox

CALLBACK = f"{BASE}/auth/bankid/callback"
VERIFIER = "a-verifier-that-is-long-enough-for-rfc-7636"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
REQUEST = AuthorizationRequest(CALLBACK, "the-state", "the-nonce", CHALLENGE, login_hint="kari")


@pytest.fixture(params=["mock"])
def eid(sandbox: Sandbox) -> IdentityProvider:
    return mock.MockBankId(sandbox.client("identity", mock))


async def sign_in(sandbox: Sandbox, eid: IdentityProvider) -> dict[str, str]:
    """What the browser brings back to the callback."""
    response = await sandbox.pages.get(await eid.authorization_url(REQUEST))
    returned = urlsplit(response.headers["location"])
    assert returned.geturl().startswith(CALLBACK)
    return {name: values[0] for name, values in parse_qs(returned.query).items()}


async def exchange(eid: IdentityProvider, code: str, **changes: str) -> Identity:
    given = {"code_verifier": VERIFIER, "redirect_uri": CALLBACK, "nonce": "the-nonce", **changes}
    return await eid.exchange_code(
        code=code,
        code_verifier=given["code_verifier"],
        redirect_uri=given["redirect_uri"],
        nonce=given["nonce"],
    )


async def test_the_browser_is_sent_with_state_nonce_and_challenge(eid: IdentityProvider) -> None:
    query = parse_qs(urlsplit(await eid.authorization_url(REQUEST)).query)

    assert query["state"] == ["the-state"]
    assert query["nonce"] == ["the-nonce"]
    assert query["code_challenge"] == [CHALLENGE]
    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == [CALLBACK]


async def test_a_code_becomes_the_person(sandbox: Sandbox, eid: IdentityProvider) -> None:
    returned = await sign_in(sandbox, eid)

    identity = await exchange(eid, returned["code"])

    assert returned["state"] == "the-state"
    assert identity.name == "Kari Nordmann"
    assert identity.national_identity_number is not None
    assert len(identity.national_identity_number) == 11


async def test_the_same_person_has_the_same_subject_each_time(sandbox: Sandbox, eid: IdentityProvider) -> None:
    first = await exchange(eid, (await sign_in(sandbox, eid))["code"])
    again = await exchange(eid, (await sign_in(sandbox, eid))["code"])

    assert (first.issuer, first.subject) == (again.issuer, again.subject)


async def test_a_code_works_once(sandbox: Sandbox, eid: IdentityProvider) -> None:
    code = (await sign_in(sandbox, eid))["code"]
    await exchange(eid, code)

    with pytest.raises(LoginFailed):
        await exchange(eid, code)


@pytest.mark.parametrize("wrong", ["code_verifier", "redirect_uri", "nonce"])
async def test_a_code_with_another_secret_is_refused(sandbox: Sandbox, eid: IdentityProvider, wrong: str) -> None:
    code = (await sign_in(sandbox, eid))["code"]

    with pytest.raises(LoginFailed):
        await exchange(eid, code, **{wrong: "another"})


async def test_an_old_code_is_refused(sandbox: Sandbox, eid: IdentityProvider) -> None:
    code = (await sign_in(sandbox, eid))["code"]
    await sandbox.advance(minutes=10)

    with pytest.raises(LoginFailed):
        await exchange(eid, code)


async def test_a_code_is_sent_once_whatever_happens(sandbox: Sandbox, eid: IdentityProvider, line: Line) -> None:
    code = (await sign_in(sandbox, eid))["code"]
    line.cut_after_request()

    with pytest.raises(Unavailable):
        await exchange(eid, code)
    assert line.requests == 1
