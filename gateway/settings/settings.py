"""Every setting, read once at start and checked as a whole."""

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.feature import Feature, Features
from domain.notification import Template
from gateway.settings.vendors import (
    BANKID,
    BETTERSTACK,
    MOCK,
    NEEDS,
    OPERATORS_PORTS,
    PROVIDERS,
    SENTRY,
    SLACK,
    choices,
)
from providers import stripe_api
from providers.email import sendgrid
from providers.geocoding import google
from providers.identity import bankid
from providers.kyc import sumsub
from providers.open_banking import enable_banking_client, open_payments
from providers.sms import twilio
from providers.uptime import betterstack

_VAR: Final = Path("var")
# For mock mode alone, so that a newcomer sets nothing; production refuses to start without its own.
_MOCK_FIELD_KEY: Final = "ZHJvcC1tb2NrLW1vZGUtZmllbGQta2V5LTAwMDAwMDA="
_MOCK_SECRET: Final = "mock-mode-only"
_SECRETS: Final = (
    "field_encryption_keys",
    "field_hash_key",
    "bankid_client_secret",
    "sumsub_app_token",
    "sumsub_app_secret",
    "sumsub_secret_key",
    "openbanking_client_secret",
    "enablebanking_private_key",
    "openbanking_webhook_secret",
    "stripe_secret_key",
    "stripe_webhook_secret",
    "sendgrid_api_key",
    "smtp_url",
    "twilio_auth_token",
    "aws_secret_access_key",
    "google_maps_api_key",
    "operator_token",
    "redis_url",
    "slack_webhook_url",
    "sentry_dsn",
    "betterstack_api_token",
)


class ServiceMode(StrEnum):
    """Whether vendors are mocks unless a setting says otherwise, or real ones."""

    MOCK = "mock"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """Read once at start. Each description is that setting's text in .env.example."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore")

    service_mode: ServiceMode | None = Field(
        default=None, description="mock (default) or production; NEXT_PUBLIC_SERVICE_MODE is read, too."
    )
    next_public_service_mode: ServiceMode | None = Field(
        default=None,
        description="The name that Drop's other parts use for SERVICE_MODE. Two that differ stop the start.",
    )
    environment: str = Field(default="development", description="Named in alerts: development, staging, production.")
    bankid_mock: bool | None = Field(
        default=None, description="true chooses the simulated BankID alone, false the real one."
    )
    identity_provider: str | None = Field(default=None, description=choices("identity"))
    kyc_provider: str | None = Field(default=None, description=choices("kyc"))
    open_banking_provider: str | None = Field(default=None, description=choices("open_banking"))
    card_payments_provider: str | None = Field(default=None, description=choices("card_payments"))
    card_issuing_provider: str | None = Field(default=None, description=choices("card_issuing"))
    email_provider: str | None = Field(default=None, description=choices("email"))
    sms_provider: str | None = Field(default=None, description=choices("sms"))
    storage_provider: str | None = Field(default=None, description=choices("storage"))
    geocoding_provider: str | None = Field(default=None, description=choices("geocoding"))
    alerts_provider: str | None = Field(default=None, description=choices("alerts"))
    uptime_provider: str | None = Field(default=None, description=choices("uptime"))
    errors_provider: str | None = Field(default=None, description=choices("errors"))
    kyc_next_provider: str | None = Field(default=None, description="Sumsub's successor for a share of new users.")
    open_banking_next_provider: str | None = Field(
        default=None, description="The vendor that new bank connections and renewals move to, for a share of users."
    )
    card_payments_next_provider: str | None = Field(
        default=None, description="The vendor that takes a share of users who are not yet known to any."
    )
    next_provider_share: Annotated[int, Field(ge=0, le=100)] = Field(
        default=0, description="How many users of a hundred go to the next vendors; a user is always on the same side."
    )
    feature_cardholders: bool = Field(default=False, description="Lets users become known to the card issuer.")
    feature_virtual_cards: bool = Field(default=False, description="Lets users have cards in the phone.")
    feature_physical_cards: bool = Field(default=False, description="Lets users have cards sent by post.")
    database_url: str = Field(
        default=f"sqlite:///{_VAR}/drop.sqlite3", description="sqlite:///path or postgresql://user@host/name."
    )
    redis_url: SecretStr | None = Field(
        default=None,
        description="redis://host:6379/0: joins several processes on PostgreSQL. One process needs none.",
    )
    sandbox_path: Path = Field(
        default=_VAR / "sandbox.sqlite3", description="The file in which the mock vendors keep what they know."
    )
    sandbox_url: str | None = Field(
        default=None,
        description="Where `gateway sandbox` plays the vendors for several processes; else each plays them itself.",
    )
    serve_works_queue: bool = Field(
        default=True, description="Whether `gateway serve` also does queued work; false beside `gateway worker`."
    )
    drain_s: Annotated[float, Field(ge=0, le=300)] = Field(
        default=0,
        description="Seconds in which a stopping `serve` is not ready, still answers, and closes its sockets.",
    )
    job_lease_s: Annotated[int, Field(ge=1, le=600)] = Field(
        default=60, description="Seconds that a job may take, after which another worker may have it."
    )
    requests_at_once: Annotated[int, Field(ge=1)] = Field(
        default=500, description="How many requests a process answers at once; more are told to come again (503)."
    )
    jobs_at_once: Annotated[int, Field(ge=1, le=64)] = Field(
        default=8, description="How many jobs a process does at once; half of them at most are of one kind."
    )
    worker_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8001, description="Where `gateway worker` answers for its health."
    )
    public_url: str = Field(
        default="http://localhost:8000", description="Where clients reach this gateway; https in production."
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(default=8000, description="The port to listen on.")
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Origins of web front ends, separated by commas: CORS, WebSockets, return addresses."
    )
    app_schemes: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("drop",), description="URL schemes of Drop's apps, separated by commas, to which a login may return."
    )
    default_return_to: str = Field(default="/sandbox/", description="Where users go where a client names no address.")
    field_encryption_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(SecretStr(_MOCK_FIELD_KEY),),
        description="Fernet keys for encrypted fields, separated by commas; the first encrypts, all decrypt.",
    )
    field_hash_key: SecretStr = Field(
        default=SecretStr(_MOCK_SECRET), description="Key of the hashes by which encrypted fields are found."
    )
    bankid_api_url: str = Field(
        default=bankid.ISSUER,
        description="BankID's issuer; https://auth.current.bankid.no/auth/realms/current for tests.",
    )
    bankid_client_id: str | None = Field(default=None, description="BankID: the client that they set up for you.")
    bankid_client_secret: SecretStr | None = Field(
        default=None, description="BankID: the client's secret, or for private_key_jwt its private key in PEM."
    )
    bankid_client_auth: Literal["private_key_jwt", "client_secret_basic", "client_secret_post"] = Field(
        default="client_secret_basic",
        description="private_key_jwt (which BankID recommends), client_secret_basic or client_secret_post.",
    )
    bankid_scope: str = Field(
        default=bankid.SCOPE,
        description="What is asked of BankID; nnin_altsub, the identity number, needs their approval.",
    )
    bankid_acr_values: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(bankid.HIGH,),
        description="Levels at which one may sign in, separated by commas: urn:bankid:bid (high), urn:bankid:bis. "
        "Deleting the account and issuing a card always take the first.",
    )
    sumsub_api_url: str = Field(default=sumsub.BASE_URL, description="Sumsub's address.")
    sumsub_app_token: SecretStr | None = Field(
        default=None, description="Sumsub, Dev space > App tokens (sbx:... or prd:...)."
    )
    sumsub_app_secret: SecretStr | None = Field(
        default=None, description="Sumsub, Dev space > App tokens > secret key: signs our requests."
    )
    sumsub_secret_key: SecretStr = Field(
        default=SecretStr(_MOCK_SECRET), description="Sumsub, Webhooks > secret key: verifies their digest."
    )
    sumsub_level_name: str = Field(
        default="id-and-liveness", description="Sumsub, Applicants > Levels: the level that users pass, as it is spelt."
    )
    openpayments_api_url: str = Field(
        default=open_payments.API_URL,
        description="Open Payments' API; https://api.sandbox.openbankingplatform.com for tests.",
    )
    openpayments_auth_api_url: str = Field(
        default=open_payments.AUTH_URL,
        description="Open Payments' tokens; https://auth.sandbox.openbankingplatform.com for tests.",
    )
    openbanking_client_id: str | None = Field(default=None, description="Open Payments, your application's client id.")
    openbanking_client_secret: SecretStr | None = Field(
        default=None, description="The application's secret, which is shown once."
    )
    openbanking_scope: str = Field(
        default=open_payments.SCOPE,
        description="What is asked of Open Payments; leave aspspinformation out where it is refused.",
    )
    openbanking_callback_url: str | None = Field(
        default=None,
        description="Where banks send browsers back, as it is listed with the vendor; "
        "without it PUBLIC_URL/api/openbanking/callback.",
    )
    openbanking_client_cert: Path | None = Field(
        default=None, description="File of our client certificate in PEM, which production asks for."
    )
    openbanking_client_key: Path | None = Field(
        default=None, description="File of its key in PEM; without it the certificate's file holds it."
    )
    openbanking_ca: Path | None = Field(
        default=None, description="File of a further authority in PEM, whose servers are believed, too."
    )
    openbanking_banks: Annotated[Mapping[str, str], NoDecode] = Field(
        default={},
        description="Banks that are reached directly: bank_dnb=https://api.psd.dnb.no, separated by commas.",
    )
    openbanking_seal_cert: Path | None = Field(
        default=None, description="File of our seal's certificate (QSealC) in PEM, for banks that want requests signed."
    )
    openbanking_seal_key: Path | None = Field(default=None, description="File of the seal's RSA key in PEM.")
    enablebanking_api_url: str = Field(default=enable_banking_client.API_URL, description="Enable Banking's address.")
    enablebanking_app_id: str | None = Field(
        default=None, description="Enable Banking, the application's id; it belongs to their sandbox or to production."
    )
    enablebanking_private_key: SecretStr | None = Field(
        default=None, description="The application's RSA key in PEM, better by ENABLEBANKING_PRIVATE_KEY_FILE."
    )
    openbanking_webhook_secret: SecretStr = Field(
        default=SecretStr(_MOCK_SECRET), description="Verifies X-OB-Signature of open banking webhooks."
    )
    stripe_api_url: str = Field(default=stripe_api.BASE_URL, description="Stripe's address.")
    stripe_secret_key: SecretStr | None = Field(
        default=None, description="Stripe, Developers > API keys (sk_test_..., sk_live_... or a restricted rk_...)."
    )
    stripe_prices: Annotated[Mapping[str, str], NoDecode] = Field(
        default={}, description="Stripe's prices by our plans, every one: plan_plus=price_..., separated by commas."
    )
    stripe_calls_per_second: float = Field(
        default=20,
        gt=0,
        description="How many calls one process sends to Stripe at most, for payments and for issuing.",
    )
    stripe_webhook_secret: SecretStr = Field(
        default=SecretStr(_MOCK_SECRET), description="Stripe, Developers > Webhooks (whsec_...): verifies its webhooks."
    )
    sendgrid_api_url: str = Field(
        default=sendgrid.BASE_URL, description="SendGrid's address; https://api.eu.sendgrid.com keeps mail in the EU."
    )
    sendgrid_api_key: SecretStr | None = Field(
        default=None, description="SendGrid, Settings > API Keys (SG....): it needs the scope mail.send."
    )
    sendgrid_webhook_public_key: str | None = Field(
        default=None,
        description="SendGrid, Mail Settings > Event Webhook > verification key: base64 without PEM lines.",
    )
    sendgrid_templates: Annotated[Mapping[Template, str], NoDecode] = Field(
        default={},
        description="SendGrid's dynamic templates by ours: welcome=d-..., separated by commas; "
        "what has none is sent in our own words.",
    )
    smtp_url: SecretStr | None = Field(
        default=None, description="smtp://user:password@host:587 or smtps://...: takes mail that SendGrid cannot."
    )
    email_from_address: str | None = Field(default=None, description="Who mail is from: an address that may send.")
    email_from_name: str = Field(default="Drop", description="The name beside it.")
    twilio_api_url: str = Field(default=twilio.BASE_URL, description="Twilio's address.")
    twilio_account_sid: str | None = Field(default=None, description="Twilio, Account > Account SID (AC...).")
    twilio_from: str | None = Field(
        default=None, description="Who SMS are from: a number, a name of at most 11 letters, or a service (MG...)."
    )
    twilio_auth_token: SecretStr = Field(
        default=SecretStr(_MOCK_SECRET), description="Twilio, Account > Auth token: verifies its status callbacks."
    )
    s3_region: str = Field(default="eu-north-1", description="The region of the buckets.")
    s3_api_url: str | None = Field(
        default=None, description="A store of one's own that speaks S3; without it, Amazon's in the region."
    )
    s3_uploads_bucket: str | None = Field(default=None, description="S3 bucket of users' documents. Private.")
    s3_exports_bucket: str | None = Field(default=None, description="S3 bucket of users' data exports. Private.")
    s3_public_bucket: str | None = Field(default=None, description="S3 bucket of what everybody may read.")
    aws_access_key_id: str | None = Field(
        default=None, description="A key for the buckets; without it the default chain, such as an IAM role."
    )
    aws_secret_access_key: SecretStr | None = Field(default=None, description="The key's secret.")
    google_maps_api_url: str = Field(default=google.BASE_URL, description="Google Maps' address.")
    google_maps_api_key: SecretStr | None = Field(
        default=None, description="Google Cloud, APIs > Credentials: a key for the Geocoding API."
    )
    mock_mail_key: SecretStr = Field(
        default=SecretStr(_MOCK_SECRET), description="From which the mock mail vendor's signing key is made."
    )
    mock_storage_key: SecretStr = Field(
        default=SecretStr(_MOCK_SECRET), description="Signs the addresses of the mock object store."
    )
    merchant_name: str = Field(default="Drop AS", description="Who is paid by card: Drop, for its own services.")
    merchant_account: str = Field(default="86011117947", description="Drop's own account number, shown to payers.")
    sandbox_seed: str = Field(default="drop", description="Fixes every draw of lots of the mock vendors.")
    uptime_landing_url: str = Field(default="https://drop.example", description="The landing page that is watched.")
    uptime_email: str = Field(default="oncall@drop.example", description="Who is told after five minutes.")
    uptime_phone: str = Field(default="+4740000000", description="Who is told by SMS after fifteen minutes.")
    uptime_status_page: str = Field(default="drop", description="The subdomain of the public status page.")
    operator_token: SecretStr | None = Field(
        default=None, description="Opens /api/operator; without it only mock mode has that open."
    )
    slack_webhook_url: SecretStr | None = Field(
        default=None, description="Slack, Incoming Webhooks: where alerts go. It is a secret; without it, the console."
    )
    sentry_dsn: SecretStr | None = Field(
        default=None, description="Sentry, Client Keys (DSN): where unforeseen errors go; without it, the log alone."
    )
    betterstack_api_url: str = Field(default=betterstack.BASE_URL, description="Better Stack Uptime's address.")
    betterstack_api_token: SecretStr | None = Field(
        default=None, description="Better Stack, API tokens > Uptime API tokens of the team."
    )
    otel_exporter_otlp_endpoint: str | None = Field(
        default=None,
        description="An OpenTelemetry collector, OTLP over HTTP, such as http://localhost:4318; without it, no traces.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR."
    )

    @field_validator("allowed_origins", "app_schemes", "bankid_acr_values", "field_encryption_keys", mode="before")
    @classmethod
    def _comma_separated(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("sendgrid_templates", "stripe_prices", "openbanking_banks", mode="before")
    @classmethod
    def _pairs(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
        return {name.strip(): template.strip() for name, _, template in pairs}

    @model_validator(mode="before")
    @classmethod
    def _secrets_from_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        """`NAME_FILE` names a file that holds the secret, as vaults and secret managers hand them over."""
        unreadable = []
        for name in _SECRETS:
            variable = f"{name.upper()}_FILE"
            path = os.environ.get(variable)
            if path is not None and name not in values:
                try:
                    values[name] = Path(path).read_text().strip()
                except (OSError, UnicodeDecodeError):
                    unreadable.append(f"{variable}: {path} cannot be read as text.")
        if unreadable:
            raise ValueError("\n".join(unreadable))
        return values

    @property
    def mode(self) -> ServiceMode:
        return self.service_mode or self.next_public_service_mode or ServiceMode.MOCK

    @property
    def features(self) -> Features:
        switches = {
            Feature.CARDHOLDERS: self.feature_cardholders,
            Feature.VIRTUAL_CARDS: self.feature_virtual_cards,
            Feature.PHYSICAL_CARDS: self.feature_physical_cards,
        }
        return Features([feature for feature, is_on in switches.items() if is_on])

    def vendor_of(self, port: str) -> str:
        """The port's vendor: its own switch, else what the mode runs on; operators' where they are set."""
        chosen: str | None = getattr(self, f"{port}_provider")
        if chosen is None:
            chosen = self._implied(port)
        is_real = self.mode is ServiceMode.PRODUCTION and port not in OPERATORS_PORTS
        return chosen or PROVIDERS[port][1 if is_real else 0]

    def _implied(self, port: str) -> str | None:
        """The vendor that another setting chooses."""
        if port == "identity" and self.bankid_mock is not None:
            return MOCK if self.bankid_mock else BANKID
        operators = {
            "alerts": (self.slack_webhook_url, SLACK),
            "errors": (self.sentry_dsn, SENTRY),
            "uptime": (self.betterstack_api_token, BETTERSTACK),
        }
        credential, vendor = operators.get(port, (None, None))
        return vendor if credential is not None else None

    @property
    def mocked(self) -> tuple[str, ...]:
        """The ports whose vendor the sandbox plays; where operators are told does not matter."""
        return tuple(port for port in PROVIDERS if port not in OPERATORS_PORTS and MOCK in self._chosen(port))

    @property
    def has_sandbox(self) -> bool:
        """In mock mode it stays beside real vendors, for rows that name its own."""
        return self.mode is ServiceMode.MOCK or bool(self.mocked)

    @property
    def is_all_mock(self) -> bool:
        """Whether no real vendor hears of users, of a share of them neither."""
        return all({*self._chosen(port)} <= {MOCK, None} for port in PROVIDERS.keys() - OPERATORS_PORTS)

    def vendors_of(self, port: str) -> tuple[str, ...]:
        """The port's vendors that can be spoken to, for rows that name them; the current one among them."""
        return tuple(vendor for vendor in PROVIDERS[port] if vendor in self._chosen(port) or self._is_set_up(vendor))

    def next_of(self, port: str) -> str | None:
        """The vendor that the port is being moved to."""
        chosen: str | None = getattr(self, f"{port}_next_provider", None)
        return chosen if chosen != self.vendor_of(port) else None

    def missing_for(self, vendor: str) -> tuple[str, ...]:
        """The settings that the vendor needs and that are not set; mock mode's own secrets do not count as set."""
        return tuple(name for name in NEEDS.get(vendor, ()) if _is_unset(getattr(self, name)))

    def is_mock_modes_own(self, name: str) -> bool:
        """Whether a secret still is the one that everybody knows."""
        value = getattr(self, name)
        secrets = value if isinstance(value, tuple) else (value,)
        return any(secret.get_secret_value() in (_MOCK_SECRET, _MOCK_FIELD_KEY) for secret in secrets)

    def _chosen(self, port: str) -> tuple[str | None, ...]:
        return self.vendor_of(port), self.next_of(port)

    def _is_set_up(self, vendor: str) -> bool:
        return self.has_sandbox if vendor == MOCK else not self.missing_for(vendor)

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def bank_callback_url(self) -> str:
        return self.openbanking_callback_url or f"{self.public_url.rstrip('/')}/api/openbanking/callback"

    @property
    def return_origins(self) -> tuple[str, ...]:
        """Where a browser may be sent: here, the listed front ends, the apps."""
        return (self.public_url.rstrip("/"), *self.allowed_origins, *(f"{scheme}://" for scheme in self.app_schemes))


def _is_unset(value: object) -> bool:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return text in (None, "", _MOCK_SECRET, {})
