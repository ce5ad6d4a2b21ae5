"""Users made for tests, in mock mode: signed in, verified, with banks, payments and a plan, in one call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.errors import Refusal
from domain.ids import UserId
from domain.money import MAX_PAYMENT_MINOR
from domain.unstorable import unstorable_in
from routes.graphql.messages import read_json
from routes.mock import require_same_site
from routes.openapi_schemas import INTEGER, TEXT, NamedSchema, array, choice, of_model, record
from routes.operations import Answer, Body, DescribedRoute, Operation, in_path
from routes.requests import base_url, cookie_name, is_https, read_bounded
from routes.state import route_settings_of

_BYTES: Final = 64 * 1024
MOST_USERS: Final = 500
NEW: Final = "new"
Text = Annotated[str, Field(min_length=1, max_length=140)]
Name = Annotated[str, Field(min_length=1, max_length=70)]
Amount = Annotated[int, Field(strict=True, ge=1, le=MAX_PAYMENT_MINOR)]
Balance = Annotated[int, Field(strict=True, ge=-(10**12), le=10**12)]


class KycGoal(StrEnum):
    """How far a user's verification is brought. RETRY wants another document; PENDING waits for the form."""

    NOT_STARTED = "NOT_STARTED"
    PENDING = "PENDING"
    RETRY = "RETRY"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class _Part(BaseModel):
    """JSON with known fields alone, so that a misspelt one is no silent nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class LineOrder(_Part):
    """A booked line of an account; today's without a date."""

    amount_minor: Annotated[Balance, Field(description="Negative where money left the account.")]
    counterparty: Name
    account: Annotated[str, Field(pattern="^[0-9]{11}$")] = "15030000000"
    message: Text | None = None
    booking_date: date | None = None


class BankOrder(_Part):
    """A bank that is connected. The lines and the balance (in oere) are those of the user's first account there."""

    id: Annotated[str, Field(max_length=64, description="Of `banks`.")]
    balance_minor: Annotated[Balance | None, Field(description="Once the transactions are booked.")] = None
    transactions: Annotated[tuple[LineOrder, ...], Field(max_length=200)] = ()


class PaymentOrder(_Part):
    """A payment from the first account of `bank`, or of the first bank. It waits for approval unless `approved`."""

    amount_minor: Amount
    bank: Annotated[str | None, Field(max_length=64)] = None
    creditor_name: Name = "Ola Hansen"
    creditor_account: Annotated[str, Field(max_length=40)] = "32010020009"
    message: Text | None = None
    kid: Annotated[str | None, Field(max_length=40)] = None
    execution_date: date | None = None
    approved: bool = True


class PlanOrder(_Part):
    """A plan, and the card vendor's test method that pays it."""

    id: Annotated[str, Field(max_length=64)]
    payment_method: Annotated[str, Field(max_length=64, description="Of /sandbox/scenarios.")] = "pm_card_visa"


class SeedOrder(_Part):
    """What each user gets. `persona` is a persona's id, or `new` for somebody made up; only these can be several."""

    persona: Annotated[str, Field(max_length=16)] = NEW
    count: Annotated[int, Field(strict=True, ge=1, le=MOST_USERS)] = 1
    kyc: KycGoal = KycGoal.APPROVED
    banks: Annotated[tuple[BankOrder, ...], Field(max_length=5)] = ()
    payments: Annotated[tuple[PaymentOrder, ...], Field(max_length=50)] = ()
    plan: PlanOrder | None = None


@dataclass(frozen=True, slots=True)
class SeededUser:
    """A user as a test needs it: ids, a browser's cookie and an app's tokens."""

    id: UserId
    persona: str
    name: str
    kyc: KycGoal
    session_token: str
    access_token: str
    refresh_token: str
    expires_in_s: int
    # Each with its bank's id.
    accounts: Sequence[tuple[str, str]]
    # Each with its status.
    payments: Sequence[tuple[str, str]]
    plan: tuple[str, str] | None


class Seeder(Protocol):
    """Makes users, and unmakes them. Both raise Forbidden where a provider is real."""

    async def seed(self, order: SeedOrder, base_url: str) -> Sequence[SeededUser]:
        """The users, each made through the services that a client calls. Raises Refusal where one of them refuses."""

    async def reset(self, user_id: UserId) -> None:
        """The user leaves, and the banks forget what moved on the person's accounts. Raises NotFound, InvalidState."""


def seeder_of(request: Request) -> Seeder:
    seeder: Seeder = request.app.state.seeder
    return seeder


def seed_order(given: Any) -> SeedOrder:
    """The order of a request's JSON. Raises Refusal, which names the first field that is wrong."""
    if unstorable_in(given) is not None:
        raise Refusal("The body has characters that cannot be stored.")
    try:
        order = SeedOrder.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = tuple(str(part) for part in first["loc"])
        raise Refusal(f"{'.'.join(field) or 'The body'}: {first['msg']}.", field=field) from error
    if order.persona != NEW and order.count > 1:
        raise Refusal(f"Only `{NEW}` can be several: a persona is one user.", field=("count",))
    return order


async def seed(request: Request) -> Response:
    """Make users, and give what their tests need. A single user's cookie is set, too."""
    require_same_site(request)
    raw = await read_bounded(request, at_most_bytes=_BYTES)
    order = seed_order(read_json(raw, "The body") if raw else {})
    users = await seeder_of(request).seed(order, base_url(request))
    name = cookie_name(request)
    response = JSONResponse({"users": [_shown(user, name) for user in users]}, 201, {"Cache-Control": "no-store"})
    if len(users) == 1:
        response.set_cookie(
            name,
            users[0].session_token,
            max_age=route_settings_of(request).web_session_s,
            secure=is_https(request),
            httponly=True,
            samesite="lax",
        )
    return response


async def reset(request: Request) -> Response:
    """Have one user leave, so that the same person begins anew. Others are not touched."""
    require_same_site(request)
    await seeder_of(request).reset(UserId(request.path_params["user"]))
    return Response(status_code=204)


def _shown(user: SeededUser, cookie: str) -> Mapping[str, object]:
    return {
        "id": user.id,
        "persona": user.persona,
        "name": user.name,
        "kyc": user.kyc,
        "cookie": {"name": cookie, "value": user.session_token},
        "tokens": {
            "accessToken": user.access_token,
            "refreshToken": user.refresh_token,
            "expiresIn": user.expires_in_s,
        },
        "accounts": [{"id": account, "bankId": bank} for account, bank in user.accounts],
        "payments": [{"id": payment, "status": status} for payment, status in user.payments],
        "plan": {"id": user.plan[0], "status": user.plan[1]} if user.plan else None,
    }


_OBJECT: Final = {"id": TEXT, "status": TEXT}
_USER: Final = NamedSchema(
    "SeededUser",
    record(
        {
            "id": TEXT,
            "persona": TEXT,
            "name": TEXT,
            "kyc": choice(*KycGoal),
            "cookie": record({"name": TEXT, "value": TEXT}),
            "tokens": record({"accessToken": TEXT, "refreshToken": TEXT, "expiresIn": INTEGER}),
            "accounts": array(record({"id": TEXT, "bankId": TEXT})),
            "payments": array(record(_OBJECT)),
            "plan": {"anyOf": [record(_OBJECT), {"type": "null"}]},
        }
    ),
)

ROUTES = [
    DescribedRoute(
        "/api/mock/users",
        seed,
        Operation(
            "seedUsers",
            "Make users for tests (mock mode)",
            {201: Answer("The users; a single user's cookie is set, too.", record({"users": array(_USER)}))},
            {
                400: "A value is wrong; `detail` names it.",
                403: "A provider is not a mock, another site asks, or KYC does not allow what was ordered.",
                404: "There is no such bank or plan.",
                409: "The user's state does not allow it.",
                503: "A mock vendor was made to fail.",
            },
            description="Each is signed in as a browser and as an app, and brought through KYC, banks, payments and "
            "a plan by what a client calls. A persona that is a user already keeps what it has.",
            body=Body(of_model(SeedOrder)),
        ),
        method="POST",
    ),
    DescribedRoute(
        "/api/mock/users/{user}",
        reset,
        Operation(
            "resetUser",
            "Have one user leave (mock mode)",
            {204: Answer("Signed out everywhere; the same person begins anew at the next sign-in.")},
            {
                403: "A provider is not a mock, or another site asks.",
                404: "There is no such user.",
                409: "A payment is under way that no mock vendor can end.",
                503: "A mock vendor was made to fail.",
            },
            parameters=(in_path("user"),),
        ),
        method="DELETE",
    ),
]
