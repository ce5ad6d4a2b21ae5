"""Stripe as data, apart from what loads its SDK: mock mode does without it."""

from typing import Final

from providers.calling.guard import Resilience

BASE_URL: Final = "https://api.stripe.com"
# The shapes that we read are this version's: the SDK would send its own.
API_VERSION: Final = "2023-10-16"
# 5 failures open it for 30 s (design 2); its rate is a setting, as Stripe's limits have changed (1.8).
RESILIENCE: Final = Resilience(timeout_s=10, breaker_failures=5, breaker_open_s=30, retry_after_s=(0.5, 1))
