"""What a gateway runs on: its mode, and the ports behind which its vendors stand."""

from enum import StrEnum


class ServiceMode(StrEnum):
    """Whether vendors are simulated."""

    MOCK = "mock"
    PRODUCTION = "production"


class PortName(StrEnum):
    """Every port by the name that settings, rows and errors have for it. Users are told ports, never vendors."""

    IDENTITY = "identity"
    KYC = "kyc"
    OPEN_BANKING = "open_banking"
    CARD_PAYMENTS = "card_payments"
    CARD_ISSUING = "card_issuing"
    EMAIL = "email"
    SMS = "sms"
    STORAGE = "storage"
    GEOCODING = "geocoding"
    ALERTS = "alerts"
    UPTIME = "uptime"
    ERRORS = "errors"
