"""The metadata of RFC 8414 is true: a client that knows nothing else signs in, and what it does not name is refused."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from authlib.oauth2.rfc6749.parameters import parse_authorization_code_response, prepare_grant_uri
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url

from tests.api.test_login import CHALLENGE, VERIFIER
from tests.builders.gateway import BASE, Play, Player, playing
from tests.conftest import NOON

REDIRECT = "no.drop.app:/auth"


async def metadata_of(player: Player, issuer: str) -> dict[str, Any]:
    response = await player.http.get(get_well_known_url(issuer, external=True))
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    return told


async def authorized(player: Player, told: dict[str, Any], **more: str) -> httpx.Response:
    """The answer of the authorization endpoint to what a library sends there, and then of all that lead to the app."""
    url = prepare_grant_uri(
        told["authorization_endpoint"],
        "an-app",
        "code",
        redirect_uri=REDIRECT,
        scope="openid",
        state="app-state",
        **{"code_challenge_method": "S256", "code_challenge": CHALLENGE, **more},
    )
    response = await player.http.get(f"{url}&persona=kari")
    while response.status_code == 303 and not response.headers["location"].startswith(REDIRECT):
        response = await player.http.get(response.headers["location"])
    return response


async def granted(player: Player, told: dict[str, Any], **form: str) -> httpx.Response:
    return await player.http.post(told["token_endpoint"], data={"client_id": "an-app", **form})


async def tokens_of(player: Player, told: dict[str, Any]) -> dict[str, Any]:
    back = (await authorized(player, told)).headers["location"]
    code = parse_authorization_code_response(back, state="app-state")["code"]
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    tokens: dict[str, Any] = (await granted(player, told, **grant)).json()
    return tokens


async def test_a_client_that_knows_the_issuer_alone_signs_in(play: Play) -> None:
    app = play.browser()
    told = await metadata_of(app, BASE)

    tokens = await tokens_of(app, told)
    grant = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    later = (await granted(app, told, **grant)).json()
    viewer = await play.browser(authorization=f"Bearer {later['access_token']}").ask("{ viewer { name } }")

    assert told["issuer"] == BASE
    assert (tokens["token_type"], later["token_type"]) == ("Bearer", "Bearer")
    assert viewer == {"viewer": {"name": "Kari Nordmann"}}


async def test_the_metadata_is_valid_where_the_gateway_has_https(database_url: str, tmp_path: Path) -> None:
    async with playing(database_url, tmp_path, NOON, public_url="https://drop.example") as live:
        response = await live.browser().http.get("/.well-known/oauth-authorization-server")

    AuthorizationServerMetadata(response.json()).validate()
    assert response.json()["issuer"] == "https://drop.example"
    assert response.json()["token_endpoint"] == "https://drop.example/auth/token"
    assert response.headers["cache-control"] == "public, max-age=3600"


async def test_no_other_challenge_than_s256_is_taken(play: Play) -> None:
    app = play.browser()
    told = await metadata_of(app, BASE)

    none = await authorized(app, told, code_challenge="")
    plain = await authorized(app, told, code_challenge=VERIFIER[:43], code_challenge_method="plain")
    code = parse_authorization_code_response(plain.headers["location"], state="app-state")["code"]
    grant = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER[:43]}
    refused = await granted(app, told, **grant)

    assert told["code_challenge_methods_supported"] == ["S256"]
    assert (none.status_code, none.json()["code"]) == (400, "INVALID_CODE_CHALLENGE")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("grant_type", ["password", "client_credentials", "implicit"])
async def test_no_other_grant_is_taken(play: Play, grant_type: str) -> None:
    app = play.browser()
    told = await metadata_of(app, BASE)

    refused = await granted(app, told, grant_type=grant_type)

    assert grant_type not in told["grant_types_supported"]
    assert (refused.status_code, refused.json()["error"]) == (400, "unsupported_grant_type")
