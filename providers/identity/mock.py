"""The simulated BankID: the user picks a test person on a page of the sandbox."""

import secrets
from typing import Final
from urllib.parse import urlencode, urlsplit

from domain.errors import InDoubt, Unavailable
from providers.calling.guard import Resilience
from providers.calling.sandbox_client import SandboxClient, SandboxRefusal
from providers.declaration import MOCK, NoSettings, Tools, Vendor
from providers.identity.port import AuthorizationRequest, Identity, LoginFailed

RESILIENCE: Final = Resilience(timeout_s=10, breaker_failures=5, breaker_open_s=30)
RETRIED: Final[frozenset[str]] = frozenset()  # a code works once
CLIENT_ID: Final = "drop-gateway"


class MockBankId:
    """Logins at the sandbox's BankID. It has no session of its own, so `end_session_url` gives None."""

    def __init__(self, sandbox: SandboxClient) -> None:
        self._sandbox = sandbox

    async def authorization_url(self, request: AuthorizationRequest) -> str:
        query = {
            "client_id": CLIENT_ID,
            "response_type": "code",
            "scope": "openid profile nnin_altsub email phone",
            "redirect_uri": request.redirect_uri,
            "state": request.state,
            "nonce": request.nonce,
            "code_challenge": request.code_challenge,
            "code_challenge_method": "S256",
        }
        if request.login_hint:
            query["login_hint"] = request.login_hint
        origin = urlsplit(request.redirect_uri)
        return f"{origin.scheme}://{origin.netloc}/sandbox/bankid/authorize?{urlencode(query)}"

    async def exchange_code(
        self,
        *,
        code: str,
        code_verifier: str,
        redirect_uri: str,
        nonce: str,
        max_age_s: int | None = None,
        issuer: str | None = None,
    ) -> Identity:
        form = {"code": code, "code_verifier": code_verifier, "redirect_uri": redirect_uri, "client_id": CLIENT_ID}
        try:
            claims = await self._sandbox.command("token", "/bankid/token", form)
        except SandboxRefusal as error:
            raise LoginFailed("BankID did not accept the login. Start again.") from error
        except InDoubt as error:
            raise Unavailable("identity") from error
        if issuer not in (None, claims["iss"]) or not secrets.compare_digest(str(claims["nonce"]), nonce):
            raise LoginFailed("The login belongs to another browser. Start again.")
        return Identity(
            issuer=claims["iss"],
            subject=claims["sub"],
            name=claims["name"],
            national_identity_number=claims["nnin_altsub"],
            id_token=claims["id_token"],
            email=claims["email"],
            phone=claims["phone_number"],
        )

    async def end_session_url(self, *, id_token: str, return_to: str) -> str | None:
        return None


def _build(settings: NoSettings, tools: Tools) -> MockBankId:
    return MockBankId(tools.sandbox(RESILIENCE, RETRIED))


VENDOR: Final = Vendor(MOCK, NoSettings, _build)
