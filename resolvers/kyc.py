from strawberry import Info

from domain.errors import Refusal
from resolvers.context import Context
from schema.types.errors import user_errors_of
from schema.types.kyc import Kyc, KycAccessToken, StartKycPayload
from services.users.kyc import StartedKyc


async def start_kyc(info: Info[Context, None]) -> StartKycPayload | None:
    viewer = info.context.viewer()
    try:
        return _present(await info.context.services.kyc.start(viewer.user_id))
    except Refusal as refusal:
        return StartKycPayload(user_errors=user_errors_of(refusal))


async def retry_kyc(info: Info[Context, None]) -> StartKycPayload | None:
    viewer = info.context.viewer()
    try:
        return _present(await info.context.services.kyc.retry(viewer.user_id))
    except Refusal as refusal:
        return StartKycPayload(user_errors=user_errors_of(refusal))


def _present(started: StartedKyc) -> StartKycPayload:
    token = KycAccessToken(token=started.token.token, url=started.token.url, expires_at=started.token.expires_at)
    return StartKycPayload(kyc=Kyc.of(started.kyc), access_token=token)
