"""Stripe as a vendor of card payments, declared apart from the adapter: that loads Stripe's SDK."""

from typing import TYPE_CHECKING, Final

from providers.declaration import Tools, Vendor
from providers.setting_types import secret_of
from providers.stripe_api import LIVE_KEYS, NEEDS, STRIPE, TEST_KEYS, StripeSettings, client_of, problems_of
from providers.told_webhooks import ToldWebhook

if TYPE_CHECKING:
    from providers.card_payments.stripe import StripeCardPayments


def _build(settings: StripeSettings, tools: Tools) -> "StripeCardPayments":
    from providers.card_payments import stripe

    adapter = stripe.StripeCardPayments(
        client_of(settings, tools, stripe.RETRIED),
        webhook_secret=settings.stripe_webhook_secret.get_secret_value(),
        previous_webhook_secret=secret_of(settings.stripe_webhook_secret_previous),
        prices=settings.stripe_prices,
        clock=tools.clock,
        publishable_key=settings.stripe_publishable_key,
    )
    tools.add_check(adapter.check)
    return adapter


# Not the results of Stripe's fraud checks: a risk's level or score, `review.` and `radar.` events.
TOLD: Final = ToldWebhook(
    (
        *("type", "created", "data.object.object", "data.object.id", "data.object.payment_intent"),
        *("data.object.amount", "data.object.currency", "data.object.status", "data.object.created"),
    ),
    kind="type",
    kinds=("payment_intent.", "charge.", "refund.", "invoice.", "customer.subscription."),
)
VENDOR: Final = Vendor(
    STRIPE,
    StripeSettings,
    _build,
    needs=(*NEEDS, "stripe_publishable_key"),
    told=TOLD,
    live_keys=LIVE_KEYS,
    test_keys=TEST_KEYS,
    problems=problems_of,
)
