from typing import Annotated

from strawberry import UNSET, Info

from domain.errors import Refusal
from resolvers.context import Context
from schema.types.absent import given
from schema.types.arguments import INPUT
from schema.types.errors import user_errors_of
from schema.types.kyc import Kyc, KycAccessToken, StartKycInput, StartKycPayload
from services.users.kyc import StartedKyc

KycInput = Annotated[StartKycInput | None, INPUT]


async def start_kyc(info: Info[Context, None], input: KycInput = UNSET) -> StartKycPayload | None:
    viewer = info.context.viewer()
    try:
        return _present(await info.context.services.kyc.start(viewer.user_id, _return_to(input)))
    except Refusal as refusal:
        return StartKycPayload(user_errors=user_errors_of(refusal))


async def retry_kyc(info: Info[Context, None], input: KycInput = UNSET) -> StartKycPayload | None:
    viewer = info.context.viewer()
    try:
        return _present(await info.context.services.kyc.retry(viewer.user_id, _return_to(input)))
    except Refusal as refusal:
        return StartKycPayload(user_errors=user_errors_of(refusal))


def _return_to(input: StartKycInput | None) -> str | None:
    asked = given(input)
    return given(asked.return_to) if asked else None


def _present(started: StartedKyc) -> StartKycPayload:
    token = KycAccessToken(token=started.token.token, url=started.token.url, expires_at=started.token.expires_at)
    return StartKycPayload(kyc=Kyc.of(started.kyc), access_token=token)
