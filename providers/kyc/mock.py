"""The sandbox's KYC vendor, which answers and signs as Sumsub does."""

from collections.abc import Mapping
from typing import Final

from domain.clock import Clock
from domain.errors import InvalidState
from domain.ids import UserId
from domain.kyc import Review
from providers.calling.guard import Resilience
from providers.calling.sandbox_client import SandboxClient, SandboxRefusal
from providers.declaration import MOCK, Tools, Vendor
from providers.kyc import sumsub_webhook
from providers.kyc.port import TOKEN_LIFETIME, AccessToken, KycEvent
from providers.kyc.sumsub import SumsubSettings
from providers.kyc.sumsub_review import review_of
from providers.setting_types import secret_of, valid_secrets

RESILIENCE: Final = Resilience(timeout_s=10, breaker_failures=5, breaker_open_s=30, retry_after_s=(1, 2, 4))
# A creation is safe to repeat: our user id is the applicant's key, so an existing applicant is found.
RETRIED: Final = frozenset({"create_applicant", "get_access_token", "get_verification_result"})


class MockKyc:
    """Verifications at the sandbox. `webhook_secret` verifies its webhooks."""

    def __init__(
        self,
        sandbox: SandboxClient,
        *,
        webhook_secret: str,
        clock: Clock,
        previous_webhook_secret: str | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._secrets = valid_secrets(webhook_secret, previous_webhook_secret)
        self._clock = clock

    async def create_applicant(self, user_id: UserId, name: str) -> str:
        body = {"externalUserId": user_id, "name": name}
        try:
            answer = await self._sandbox.post("create_applicant", "/kyc/applicants", body)
        except SandboxRefusal as refusal:
            if refusal.status != 409:
                raise
            answer = await self._sandbox.get("get_applicant", f"/kyc/applicants/by-external-id/{user_id}")
        return str(answer["id"])

    async def get_access_token(self, user_id: UserId, return_to: str | None) -> AccessToken:
        ttl = int(TOKEN_LIFETIME.total_seconds())
        body = {"userId": user_id, "ttlInSecs": ttl, "returnTo": return_to}
        answer = await self._sandbox.post("get_access_token", "/kyc/access-tokens", body)
        token = str(answer["token"])
        return AccessToken(token, self._clock.now() + TOKEN_LIFETIME, f"/sandbox/kyc/{token}")

    async def submit_again(self, applicant_id: str) -> None:
        try:
            await self._sandbox.post("submit_again", f"/kyc/applicants/{applicant_id}/pending", {})
        except SandboxRefusal as refusal:
            raise InvalidState("The verification takes no new documents.", text="NO_DOCUMENTS_AWAITED") from refusal

    async def get_verification_result(self, applicant_id: str) -> Review | None:
        try:
            answer = await self._sandbox.get("get_verification_result", f"/kyc/applicants/{applicant_id}/status")
        except SandboxRefusal:
            return None
        return review_of(answer, sumsub_webhook.time_of(answer["reviewDate"]))

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> KycEvent:
        sumsub_webhook.verify(raw, headers, self._secrets)
        return sumsub_webhook.parse(raw)

    def read_webhook(self, raw: bytes) -> KycEvent:
        return sumsub_webhook.parse(raw)


def _build(settings: SumsubSettings, tools: Tools) -> MockKyc:
    secret, before = settings.sumsub_secret_key.get_secret_value(), secret_of(settings.sumsub_secret_key_previous)
    return MockKyc(
        tools.sandbox(RESILIENCE, RETRIED),
        webhook_secret=secret,
        clock=tools.clock,
        previous_webhook_secret=before,
    )


VENDOR: Final = Vendor(MOCK, SumsubSettings, _build, address="sumsub")
