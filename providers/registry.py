"""Which vendors serve which port: a new vendor is a name here."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from domain.service import PortName
from providers.alerts import console, slack
from providers.alerts.port import AlertChannel
from providers.card_issuing import mock as issuing_mock
from providers.card_issuing import stripe_vendor as stripe_issuing
from providers.card_issuing.port import CardIssuing
from providers.card_payments import mock as cards_mock
from providers.card_payments import stripe_vendor as stripe_cards
from providers.card_payments.port import CardPaymentsProvider
from providers.declaration import Port, Vendor
from providers.email import mock as email_mock
from providers.email import sendgrid
from providers.email.port import EmailProvider
from providers.errors import off, sentry_vendor
from providers.errors.port import ErrorCapture
from providers.geocoding import google
from providers.geocoding import mock as geocoding_mock
from providers.geocoding.port import Geocoder
from providers.identity import bankid
from providers.identity import mock as identity_mock
from providers.identity.port import IdentityProvider
from providers.kyc import mock as kyc_mock
from providers.kyc import sumsub
from providers.kyc.port import KycProvider
from providers.open_banking import direct_vendor, enable_banking_vendor, open_payments
from providers.open_banking import mock as banks_mock
from providers.open_banking.port import BankAdapters
from providers.sms import mock as sms_mock
from providers.sms import twilio
from providers.sms.port import SmsProvider
from providers.storage import mock as storage_mock
from providers.storage import s3
from providers.storage.port import ObjectStore
from providers.told_webhooks import Told
from providers.uptime import betterstack
from providers.uptime import mock as uptime_mock
from providers.uptime.port import UptimeMonitoring

IDENTITY: Final[Port[IdentityProvider]] = Port(PortName.IDENTITY, (identity_mock.VENDOR, bankid.VENDOR))
KYC: Final[Port[KycProvider]] = Port(PortName.KYC, (kyc_mock.VENDOR, sumsub.VENDOR))
OPEN_BANKING: Final[Port[BankAdapters]] = Port(
    PortName.OPEN_BANKING, (banks_mock.VENDOR, open_payments.VENDOR, enable_banking_vendor.VENDOR, direct_vendor.VENDOR)
)
CARD_PAYMENTS: Final[Port[CardPaymentsProvider]] = Port(
    PortName.CARD_PAYMENTS, (cards_mock.VENDOR, stripe_cards.VENDOR)
)
CARD_ISSUING: Final[Port[CardIssuing]] = Port(PortName.CARD_ISSUING, (issuing_mock.VENDOR, stripe_issuing.VENDOR))
EMAIL: Final[Port[EmailProvider]] = Port(PortName.EMAIL, (email_mock.VENDOR, sendgrid.VENDOR))
SMS: Final[Port[SmsProvider]] = Port(PortName.SMS, (sms_mock.VENDOR, twilio.VENDOR))
STORAGE: Final[Port[ObjectStore]] = Port(PortName.STORAGE, (storage_mock.VENDOR, s3.VENDOR))
GEOCODING: Final[Port[Geocoder]] = Port(PortName.GEOCODING, (geocoding_mock.VENDOR, google.VENDOR))
ALERTS: Final[Port[AlertChannel]] = Port(PortName.ALERTS, (console.VENDOR, slack.VENDOR), is_for_operators=True)
UPTIME: Final[Port[UptimeMonitoring]] = Port(
    PortName.UPTIME, (uptime_mock.VENDOR, betterstack.VENDOR), is_for_operators=True
)
ERRORS: Final[Port[ErrorCapture]] = Port(PortName.ERRORS, (off.VENDOR, sentry_vendor.VENDOR), is_for_operators=True)

PORTS: Final[Mapping[str, Port[object]]] = {
    port.name: port
    for port in (
        *(IDENTITY, KYC, OPEN_BANKING, CARD_PAYMENTS, CARD_ISSUING, EMAIL, SMS, STORAGE, GEOCODING),
        *(ALERTS, UPTIME, ERRORS),
    )
}


def declared() -> Iterator[Vendor[Any, object]]:
    """Every vendor, of all ports."""
    for port in PORTS.values():
        yield from port.vendors


# What webhooks tell the person whom they are about, by the address that they came to.
TOLD_WEBHOOKS: Final[Mapping[str, Callable[[bytes], Told | None]]] = {
    vendor.webhook_address: vendor.told.of for vendor in declared() if vendor.told is not None
}
