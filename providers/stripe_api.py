"""Stripe's settings, API version and resilience, without the SDK: mock mode must not load the SDK."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, Field, SecretStr

from domain.plan import PLANS
from providers.calling.guard import Resilience
from providers.declaration import Tools
from providers.setting_types import MOCK_SECRET, PREVIOUS, Pairs, secret_of

if TYPE_CHECKING:
    from providers.stripe_sdk import Stripe

BASE_URL: Final = "https://api.stripe.com"
# Every request names the version whose shapes are read here: the SDK would name a newer version by default.
API_VERSION: Final = "2023-10-16"
# The limit of calls in a second is a setting, because Stripe has changed its limits (docs/vendors/stripe.md, Limits).
RESILIENCE: Final = Resilience(timeout_s=10, breaker_failures=5, breaker_open_s=30, retry_after_s=(0.5, 1))
STRIPE: Final = "stripe"
NEEDS: Final = ("stripe_secret_key", "stripe_webhook_secret", "stripe_prices")
LIVE_KEYS: Final = {"stripe_secret_key": ("sk_live_", "rk_live_")}
TEST_KEYS: Final = {"stripe_secret_key": ("sk_test_", "rk_test_")}


class StripeSettings(BaseModel):
    """Our account at Stripe, for card payments and for issuing."""

    stripe_api_url: str = Field(default=BASE_URL, description="Stripe's address.")
    stripe_secret_key: SecretStr | None = Field(
        default=None, description="Stripe, Developers > API keys (sk_test_..., sk_live_... or a restricted rk_...)."
    )
    stripe_publishable_key: str | None = Field(
        default=None,
        description="Stripe, Developers > API keys (pk_test_..., pk_live_...): given to clients with a form.",
    )
    stripe_prices: Pairs = Field(
        default={}, description="Stripe's prices by our plans, every one: plan_plus=price_..., separated by commas."
    )
    stripe_calls_per_second: float = Field(
        default=20,
        gt=0,
        description="How many calls one process sends to Stripe at most, for payments and for issuing.",
    )
    stripe_webhook_secret: SecretStr = Field(
        default=SecretStr(MOCK_SECRET), description="Stripe, Developers > Webhooks (whsec_...): verifies its webhooks."
    )
    stripe_webhook_secret_previous: SecretStr | None = Field(
        default=None,
        description=PREVIOUS,
    )


def problems_of(settings: StripeSettings) -> Sequence[str]:
    """A plan without a price could not be started."""
    if settings.stripe_prices and set(settings.stripe_prices) != set(PLANS):
        return [f"STRIPE_PRICES must name a price of each plan: {', '.join(PLANS)}."]
    return []


def client_of(settings: StripeSettings, tools: Tools, retried: frozenset[str]) -> "Stripe":
    """The SDK over our own HTTP client. `retried` are the operations that may be repeated."""
    from providers.stripe_sdk import Stripe  # loading the SDK takes a fifth of a second: not in mock mode

    return Stripe(
        tools.internet(),
        tools.guard(RESILIENCE, retried, per_second=settings.stripe_calls_per_second),
        api_key=secret_of(settings.stripe_secret_key),
        base_url=settings.stripe_api_url,
    )
