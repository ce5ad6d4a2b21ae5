"""The simulated BankID: an OpenID Connect code flow with PKCE, without a network."""

import base64
import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode, urlsplit

from sandbox.people import Person, person, someone_new
from sandbox.problems import Refused
from sandbox.store import Document
from sandbox.world import World

ISSUER: Final = "https://bankid.sandbox.invalid"
CODE_LIFETIME: Final = timedelta(seconds=60)
_PEOPLE: Final = 4_000
_NEEDED: Final = ("client_id", "redirect_uri", "state", "nonce", "code_challenge")


def check_request(query: Document, host: str) -> None:
    """Raises Refused. As at the real BankID, a wrong client or redirect shows a page and redirects to no stranger."""
    if any(not query.get(name) for name in _NEEDED):
        raise Refused(400, "invalid_request", "client_id, redirect_uri, state, nonce and code_challenge are needed.")
    if query.get("response_type") != "code" or query.get("code_challenge_method") != "S256":
        raise Refused(400, "invalid_request", "Only the code flow with an S256 code_challenge is offered.")
    redirect = urlsplit(query["redirect_uri"])
    if redirect.netloc != host or redirect.path != "/auth/bankid/callback":
        raise Refused(400, "invalid_request", "The redirect_uri is not registered.")


async def sign_in(world: World, query: Document, who: str) -> str:
    """Give out a code for a person; `who` is a persona's id or `new`. Gives the address to return to."""
    async with world.store.transaction():
        chosen = await _somebody(world) if who == "new" else person(who)
        if chosen is None:
            raise Refused(400, "invalid_request", "There is no such persona.")
        code = secrets.token_urlsafe(24)
        issued = {name: query[name] for name in _NEEDED}
        issued |= {"person": chosen.id, "expires_at": (world.now + CODE_LIFETIME).isoformat()}
        await world.store.put("code", code, issued)
        # The person is a customer of the banks from now on.
        await world.store.put("person", chosen.id, {"id": chosen.id}, reference=chosen.identity_number)
        for account in chosen.accounts:
            await world.store.put("holding", account.bban, {"person": chosen.id})
    return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state'], 'iss': ISSUER})}"


def cancelled(query: Document) -> str:
    return f"{query['redirect_uri']}?{urlencode({'error': 'access_denied', 'state': query['state'], 'iss': ISSUER})}"


async def exchange(world: World, form: Document) -> Document:
    """The token request. A code works once, for the client, address and verifier that it was given to."""
    async with world.store.transaction():
        issued = await world.store.get("code", str(form.get("code")))
        await world.store.delete("code", str(form.get("code")))
    if issued is None or issued["expires_at"] < world.now.isoformat():
        raise Refused(400, "invalid_grant", "The code is unknown, used or expired.")
    if (form.get("client_id"), form.get("redirect_uri")) != (issued["client_id"], issued["redirect_uri"]):
        raise Refused(400, "invalid_grant", "The code was given to another client or address.")
    if not hmac.compare_digest(_s256(str(form.get("code_verifier"))), issued["code_challenge"]):
        raise Refused(400, "invalid_grant", "The code_verifier does not match.")
    chosen = person(issued["person"])
    assert chosen is not None
    return _claims(chosen, issued["nonce"])


async def _somebody(world: World) -> Person:
    """The next invented person. Numbers are finite, so after `_PEOPLE` persons the first comes again."""
    number = await world.store.next_number("people")
    return someone_new(1 + (number - 1) % _PEOPLE)


def _claims(chosen: Person, nonce: str) -> Document:
    return {
        "iss": ISSUER,
        "sub": hashlib.sha256(f"{ISSUER}:{chosen.identity_number}".encode()).hexdigest()[:32],
        "name": chosen.name,
        "nnin_altsub": chosen.identity_number,
        "email": f"{chosen.id}@example.no",
        "phone_number": chosen.phone,
        "nonce": nonce,
        "id_token": f"sandbox.{chosen.id}",
    }


def _s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
