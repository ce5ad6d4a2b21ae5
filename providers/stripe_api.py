"""Stripe's address, API version and resilience, without the SDK: mock mode must not load the SDK."""

from datetime import timedelta
from typing import Final

from providers.calling.guard import Resilience

BASE_URL: Final = "https://api.stripe.com"
# Every request names the version whose shapes are read here: the SDK would name a newer version by default.
API_VERSION: Final = "2023-10-16"
# The limit of calls in a second is a setting, because Stripe has changed its limits (docs/vendors/stripe.md, Limits).
RESILIENCE: Final = Resilience(timeout_s=10, breaker_failures=5, breaker_open_s=30, retry_after_s=(0.5, 1))
# Idempotency keys live for at least 24 hours (stripe.md, Idempotency). An older object is looked for before it is
# created, because a repeat would create a second one.
KEYS_LIVE: Final = timedelta(hours=23)
