"""BankID against a real OpenID provider, honest and tampered with."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from structlog.testing import capture_logs

from domain.errors import Unavailable
from gateway.assembly.clocks import SystemClock
from providers.calling.guard import Guard
from providers.identity import bankid, openid_metadata
from providers.identity.bankid import BankId
from providers.identity.port import AuthorizationRequest, Identity, LoginFailed
from tests.builders.openid import POST_LOGOUT, SECRET, Between, Op, openid_provider, returned
from tests.builders.server import free_port
from tests.contract.test_identity import CALLBACK, CHALLENGE, REQUEST, VERIFIER

# What stood beside each code in the callback (RFC 9207).
BROUGHT: dict[str, str | None] = {}
NOW = int(SystemClock().now().timestamp())
Change = Callable[[Between, Op], None]


@pytest.fixture(scope="module")
def op() -> Iterator[Op]:
    with openid_provider(free_port(), CALLBACK) as op:
        yield op


@pytest.fixture
async def between() -> AsyncIterator[Between]:
    between = Between()
    yield between
    await between.aclose()


@pytest.fixture
async def http(between: Between) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=between) as http:
        yield http


def an_adapter(http: httpx.AsyncClient, op: Op, **changes: Any) -> BankId:
    guard = Guard("identity", bankid.RESILIENCE, bankid.RETRIED, vendor="bankid")
    given = {
        "issuer": op.issuer,
        "client_id": "drop",
        "client_secret": SECRET,
        "auth_method": "client_secret_basic",
        "clock": SystemClock(),
        **changes,
    }
    return BankId(http, guard, **given)


@pytest.fixture
def eid(http: httpx.AsyncClient, op: Op) -> BankId:
    return an_adapter(http, op)


async def a_code(eid: BankId, who: str = "kari", max_age_s: int | None = None) -> str:
    request = AuthorizationRequest(CALLBACK, "the-state", "the-nonce", CHALLENGE, max_age_s=max_age_s)
    back = await returned(await eid.authorization_url(request), CALLBACK, login_hint=who)
    assert back["state"] == "the-state"
    BROUGHT[back["code"]] = back.get("iss")
    return back["code"]


async def exchange(eid: BankId, code: str, **changes: Any) -> Identity:
    usual: dict[str, Any] = {"code_verifier": VERIFIER, "redirect_uri": CALLBACK, "nonce": "the-nonce"}
    given = {**usual, "issuer": BROUGHT.get(code), **changes}
    return await eid.exchange_code(code=code, **given)


async def test_a_login_gives_the_person(eid: BankId, op: Op) -> None:
    await eid.check()

    kari = await exchange(eid, await a_code(eid))

    assert (kari.issuer, kari.subject, kari.name) == (op.issuer, "kari", "Kari Nordmann")
    assert (kari.national_identity_number, kari.email, kari.phone) == ("15019000083", "kari@example.no", "+4740000001")
    assert kari.authenticated_at is not None
    assert timedelta() <= SystemClock().now() - kari.authenticated_at < timedelta(minutes=1)


async def test_the_request_is_bankids(eid: BankId) -> None:
    url = urlsplit(await eid.authorization_url(REQUEST))
    query = {name: values[0] for name, values in parse_qs(url.query).items()}

    assert url.path == "/auth/realms/current/precheck/auth"
    assert query == {
        "client_id": "drop",
        "response_type": "code",
        "scope": "openid profile nnin_altsub email phone",
        "redirect_uri": CALLBACK,
        "state": "the-state",
        "nonce": "the-nonce",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "acr_values": "urn:bankid:bid",
        "ui_locales": "nb en",
    }


async def test_who_cancels_brings_no_code(eid: BankId) -> None:
    back = await returned(await eid.authorization_url(REQUEST), CALLBACK, login_hint="cancel")

    assert (back["error"], back["state"], "code" in back) == ("access_denied", "the-state", False)


async def test_without_leave_to_the_number_the_subject_is_enough(http: httpx.AsyncClient, op: Op) -> None:
    eid = an_adapter(http, op, scope="openid profile")

    kari = await exchange(eid, await a_code(eid))

    assert (kari.subject, kari.name) == ("kari", "Kari Nordmann")
    assert (kari.national_identity_number, kari.email, kari.phone) == (None, None, None)


async def test_a_code_works_once_and_with_its_own_secrets(eid: BankId) -> None:
    code = await a_code(eid)
    await exchange(eid, code)
    with pytest.raises(LoginFailed):
        await exchange(eid, code)
    for changes in ({"code_verifier": VERIFIER + "x"}, {"redirect_uri": f"{CALLBACK}/x"}, {"nonce": "another"}):
        with pytest.raises(LoginFailed):
            await exchange(eid, await a_code(eid), **changes)


async def test_a_code_whose_answer_is_lost_is_not_sent_again(eid: BankId, between: Between) -> None:
    code = await a_code(eid)

    def time_out(answer: object) -> object:
        raise httpx.ReadTimeout("lost")

    between.changes["token"] = time_out
    with pytest.raises(Unavailable):
        await exchange(eid, code)

    assert between.asked.count("token") == 1


async def test_a_client_may_sign_with_its_key(http: httpx.AsyncClient, op: Op) -> None:
    key = op.client_key.as_pem(private=True).decode()
    eid = an_adapter(http, op, client_id="drop-by-key", client_secret=key, auth_method="private_key_jwt")

    assert (await exchange(eid, await a_code(eid))).subject == "kari"


async def test_a_client_that_is_not_known_is_our_fault_and_not_the_users(http: httpx.AsyncClient, op: Op) -> None:
    eid = an_adapter(http, op, client_secret="rolled")

    with pytest.raises(Unavailable, match="invalid_client"):
        await exchange(eid, await a_code(eid))


# Tokens that somebody has changed on the way


def _other_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256", "kid": kid}, private=True)


def _part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _joined(*values: object) -> str:
    return ".".join(_part(json.dumps(value).encode()) for value in values)


def _unsigned(header: Mapping[str, Any], claims: dict[str, Any]) -> str:
    return f"{_joined({'alg': 'none'}, claims)}."


def _by_the_public_key(op: Op) -> Callable[[Mapping[str, Any], dict[str, Any]], str]:
    """The known trick: what everybody may read, as the secret of an HMAC."""

    def made(header: Mapping[str, Any], claims: dict[str, Any]) -> str:
        signed = _joined({"alg": "HS256", "kid": "first"}, claims)
        mac = hmac.new(op.key.as_pem(private=False), signed.encode(), hashlib.sha256)
        return f"{signed}.{_part(mac.digest())}"

    return made


TAMPERED: dict[str, Change] = {
    "another signature": lambda between, op: between.change_token(
        lambda header, claims: jwt.encode(dict(header), claims, _other_key(kid="first"))
    ),
    "a key of its own": lambda between, op: between.change_token(
        lambda header, claims: jwt.encode({"alg": "RS256", "kid": "mine"}, claims, _other_key(kid="mine"))
    ),
    "no signature": lambda between, op: between.change_token(_unsigned),
    "an HMAC with the public key": lambda between, op: between.change_token(_by_the_public_key(op)),
    "cut": lambda between, op: between.change_token(lambda header, claims: "eyJhbGciOiJSUzI1NiJ9.e30"),
    "no token": lambda between, op: between.change_token(lambda header, claims: "not a token"),
    "another issuer": lambda between, op: between.change_claims(op.key, iss="https://elsewhere.example"),
    "another audience": lambda between, op: between.change_claims(op.key, aud="another"),
    "an audience beside us": lambda between, op: between.change_claims(op.key, aud=["drop", "another"]),
    "another party": lambda between, op: between.change_claims(op.key, azp="another"),
    "expired": lambda between, op: between.change_claims(op.key, exp=NOW - 120),
    "of the future": lambda between, op: between.change_claims(op.key, iat=NOW + 3_600),
    "not yet valid": lambda between, op: between.change_claims(op.key, nbf=NOW + 3_600),
    "no end": lambda between, op: between.change_claims(op.key, exp=None),
    "another nonce": lambda between, op: between.change_claims(op.key, nonce="another"),
    "no nonce": lambda between, op: between.change_claims(op.key, nonce=None),
    "a lower level": lambda between, op: between.change_claims(op.key, acr="urn:bankid:bis;LOA=3"),
    "no level": lambda between, op: between.change_claims(op.key, acr=None),
    "another access token": lambda between, op: between.change_claims(op.key, at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "another person than userinfo's": lambda between, op: between.change_claims(op.key, sub="ola"),
    "a sign-in at no time": lambda between, op: between.change_claims(op.key, auth_time="noon"),
    "a sign-in beyond all times": lambda between, op: between.change_claims(op.key, auth_time=1e30),
    "a sign-in to come": lambda between, op: between.change_claims(op.key, auth_time=NOW + 3_600),
    "made before all times": lambda between, op: between.change_claims(op.key, auth_time=None, iat=-(10**20)),
    "a name that shows nothing": lambda between, op: between.change_claims(op.key, name="\0\u200b"),
    "nobody": lambda between, op: between.change_claims(op.key, sub=None),
}


@pytest.mark.parametrize("change", TAMPERED)
async def test_a_tampered_token_signs_nobody_in(eid: BankId, between: Between, op: Op, change: str) -> None:
    code = await a_code(eid)
    TAMPERED[change](between, op)

    with capture_logs() as logs, pytest.raises(LoginFailed):
        await exchange(eid, code)

    assert [entry["event"] for entry in logs] == ["id_token_refused"]
    assert "15019000083" not in str(logs)


@pytest.mark.parametrize("amr", ["BID", ["bid", "bid-mfa"], None])
async def test_however_the_methods_are_told_a_good_token_is_good(
    eid: BankId, between: Between, op: Op, amr: object
) -> None:
    code = await a_code(eid)
    between.change_claims(op.key, amr=amr, aud=["drop"], azp="drop")

    assert (await exchange(eid, code)).subject == "kari"


async def test_a_person_without_a_name_is_not_signed_in(eid: BankId) -> None:
    with pytest.raises(LoginFailed):
        await exchange(eid, await a_code(eid, "nameless"))


async def test_a_lower_level_is_enough_where_the_settings_say_so(http: httpx.AsyncClient, op: Op) -> None:
    eid = an_adapter(http, op, levels=("urn:bankid:bid", "urn:bankid:bis"))
    kari = await exchange(eid, await a_code(eid, "kari.bis"))
    assert kari.subject == "kari.bis"

    # And never for what cannot be undone.
    with pytest.raises(LoginFailed):
        await exchange(eid, await a_code(eid, "kari.bis", 300), max_age_s=300)


async def test_a_step_up_wants_the_person_now(eid: BankId, between: Between, op: Op) -> None:
    fresh = await exchange(eid, await a_code(eid, max_age_s=300), max_age_s=300)
    assert fresh.subject == "kari"

    for auth_time in (NOW - 600, None):
        code = await a_code(eid, max_age_s=300)
        between.change_claims(op.key, auth_time=auth_time)
        with pytest.raises(LoginFailed):
            await exchange(eid, code, max_age_s=300)


# Keys and metadata


async def test_a_new_key_is_asked_for_once_and_old_ones_go_on(eid: BankId, between: Between, op: Op) -> None:
    await exchange(eid, await a_code(eid))
    new = _other_key(kid="second")
    codes = [await a_code(eid), await a_code(eid)]
    between.changes["certs"] = lambda document: {"keys": [*document["keys"], new.as_dict(private=False)]}
    between.change_token(lambda header, claims: jwt.encode({"alg": "RS256", "kid": "second"}, claims, new))

    assert [(await exchange(eid, code)).subject for code in codes] == ["kari", "kari"]
    assert between.asked.count("certs") == 2


async def test_a_key_that_is_made_anew_under_its_old_id_is_asked_for(eid: BankId, between: Between, op: Op) -> None:
    await exchange(eid, await a_code(eid))
    code, new = await a_code(eid), _other_key(kid=op.key.kid or "")
    between.changes["certs"] = lambda document: {"keys": [new.as_dict(private=False)]}
    between.change_token(lambda header, claims: jwt.encode({"alg": "RS256", "kid": new.kid}, claims, new))

    assert (await exchange(eid, code)).subject == "kari"
    assert between.asked.count("certs") == 2


async def test_keys_that_hang_hold_nobody_up_who_signs_in_with_a_known_one(
    eid: BankId, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    await exchange(eid, await a_code(eid))
    code = await a_code(eid)
    monkeypatch.setattr(openid_metadata, "_KEPT_S", -1)
    monkeypatch.setattr(openid_metadata, "_ANSWERED_WITHIN_S", 0.2)
    between.silent.add("certs")

    assert (await exchange(eid, code)).subject == "kari"
    assert between.asked.count("certs") == 2


async def test_a_key_that_we_do_not_understand_costs_itself_alone(eid: BankId, between: Between) -> None:
    odd = [{"kty": "AKP", "kid": "new", "alg": "ML-DSA-44", "pub": "AA"}, {"kty": "EC", "crv": "P-999"}, {}, None]
    between.changes["certs"] = lambda document: {"keys": [*odd, *document["keys"]]}

    assert (await exchange(eid, await a_code(eid))).subject == "kari"


@pytest.mark.parametrize("issuer", ["https://elsewhere.example", None])
async def test_a_callback_of_another_issuer_brings_no_code_here(
    eid: BankId, between: Between, issuer: str | None
) -> None:
    promised = {"authorization_response_iss_parameter_supported": True}
    between.changes["openid-configuration"] = lambda document: {**document, **promised}
    code = await a_code(eid)

    with pytest.raises(LoginFailed):
        await exchange(eid, code, issuer=issuer)
    assert "token" not in between.asked


@pytest.mark.parametrize("is_true", [True, False])
async def test_a_signed_userinfo_is_read_or_refused_loudly(
    eid: BankId, between: Between, op: Op, is_true: bool
) -> None:
    key = op.key if is_true else _other_key(kid=op.key.kid or "")
    between.signed["userinfo"] = lambda document: jwt.encode({"alg": "RS256", "kid": key.kid}, document, key)
    code = await a_code(eid)

    if is_true:
        assert (await exchange(eid, code)).email is not None
        return
    with capture_logs() as logs, pytest.raises(LoginFailed):
        await exchange(eid, code)
    assert [line["rule"] for line in logs if line["event"] == "id_token_refused"] == ["userinfo_bad_signature"]


async def test_tokens_with_keys_of_their_own_do_not_make_us_ask_each_time(
    eid: BankId, between: Between, op: Op
) -> None:
    codes = [await a_code(eid) for _ in range(8)]
    between.change_token(lambda header, claims: jwt.encode({"alg": "RS256", "kid": "x"}, claims, _other_key(kid="x")))

    for code in codes:
        with pytest.raises(LoginFailed):
            await exchange(eid, code)

    assert between.asked.count("certs") <= 6


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://elsewhere.example"},
        {"token_endpoint": "http://elsewhere.example/token"},
        {"jwks_uri": None},
    ],
)
async def test_metadata_that_cannot_be_trusted_are_not_used(
    eid: BankId, between: Between, changes: dict[str, object]
) -> None:
    between.changes["openid-configuration"] = lambda document: {**document, **changes}

    with pytest.raises(Unavailable):
        await eid.authorization_url(REQUEST)


async def test_userinfo_that_is_away_holds_nobody_up(eid: BankId, between: Between) -> None:
    between.changes["userinfo"] = lambda document: []

    kari = await exchange(eid, await a_code(eid))

    assert (kari.subject, kari.email) == ("kari", None)


async def test_the_session_at_bankid_is_ended_by_its_own_token(eid: BankId) -> None:
    kari = await exchange(eid, await a_code(eid))

    url = await eid.end_session_url(id_token=kari.id_token, return_to=POST_LOGOUT)

    assert url is not None
    async with httpx.AsyncClient() as browser:
        asked = await browser.get(url)
        forged = await browser.get(url.replace("id_token_hint=ey", "id_token_hint=ay"))
    assert (asked.status_code, forged.status_code) == (200, 400)
