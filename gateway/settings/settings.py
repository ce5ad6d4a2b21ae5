"""Every setting, read once at start and checked as a whole."""

import os
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar, cast, get_args

from pydantic import BaseModel, BeforeValidator, Field, SecretStr, create_model, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from db.engine import CONNECTIONS
from domain.feature import Feature, Features
from domain.redirect import LOCAL_ORIGINS
from domain.retention import LEGAL_YEARS
from domain.service import ServiceMode
from domain.session import Lifetime, Lifetimes
from domain.trusted_document import DocumentMode
from gateway.settings.graphql_settings import GraphQlSettings
from gateway.settings.limit_settings import LimitSettings
from gateway.settings.operator_settings import OperatorSettings
from gateway.settings.session_settings import MOCK_WEB_IDLE_MINUTES, WEB_IDLE_MINUTES, SessionSettings
from providers.calling.loopback import LOOPBACK, parts_of
from providers.declaration import MOCK, Vendor
from providers.registry import PORTS, declared
from providers.setting_types import MOCK_SECRET, CommaSeparated, listed

Own = TypeVar("Own", bound=BaseModel)
_VAR: Final = Path("var")
# For mock mode alone, so that a newcomer sets nothing; production refuses to start without its own.
_MOCK_FIELD_KEY: Final = "ZHJvcC1tb2NrLW1vZGUtZmllbGQta2V5LTAwMDAwMDA="


def _choices(port: str) -> str:
    return f"One provider switched alone: {' or '.join(PORTS[port].names)}."


class Settings(OperatorSettings, SessionSettings, GraphQlSettings, LimitSettings, BaseSettings):
    """The gateway's own settings. Each description is that setting's text in .env.example.

    Those that `settings_class` makes inherit the settings of every vendor, too: `of` gives them by their type.
    """

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
    identity_provider: str | None = Field(default=None, description=_choices("identity"))
    kyc_provider: str | None = Field(default=None, description=_choices("kyc"))
    open_banking_provider: str | None = Field(default=None, description=_choices("open_banking"))
    card_payments_provider: str | None = Field(default=None, description=_choices("card_payments"))
    card_issuing_provider: str | None = Field(default=None, description=_choices("card_issuing"))
    email_provider: str | None = Field(default=None, description=_choices("email"))
    sms_provider: str | None = Field(default=None, description=_choices("sms"))
    storage_provider: str | None = Field(default=None, description=_choices("storage"))
    geocoding_provider: str | None = Field(default=None, description=_choices("geocoding"))
    alerts_provider: str | None = Field(default=None, description=_choices("alerts"))
    uptime_provider: str | None = Field(default=None, description=_choices("uptime"))
    errors_provider: str | None = Field(default=None, description=_choices("errors"))
    kyc_next_provider: str | None = Field(default=None, description="Sumsub's successor for a share of new users.")
    open_banking_next_provider: str | None = Field(
        default=None, description="The vendor that new bank links and renewals move to, for a share of users."
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
        default=f"sqlite:///{_VAR}/drop.sqlite3",
        description="sqlite:///path or postgresql://user@host/name; live: "
        "?sslmode=verify-full (&sslrootcert=ca.pem), or by a Unix socket: postgresql://user@/name?host=/run/postgresql.",
    )
    database_connections: Annotated[int, Field(ge=2, le=500)] = Field(
        default=CONNECTIONS,
        description="How many connections to PostgreSQL a process opens at most; one more watches the server.",
    )
    database_serving_role: str | None = Field(
        default=None,
        description="For `gateway migrate` as the tables' owner: the PostgreSQL role of `serve` and `worker`, "
        "which gets rows and no tables.",
    )
    redis_url: SecretStr | None = Field(
        default=None,
        description="redis://host:6379/0 (live: rediss:// or unix:///run/redis/redis.sock): joins several processes on "
        "PostgreSQL. One process needs none.",
    )
    migrate_at_start: bool | None = Field(
        default=None,
        description="Whether `serve` and `worker` migrate; by default in mock mode alone, else `gateway migrate` does.",
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
    records_kept_years: Annotated[int, Field(ge=1, le=100)] = Field(
        default=LEGAL_YEARS,
        description="Years for which payments, consents, KYC and what else the law names are kept: docs/retention.md.",
    )
    operation_deadline_s: Annotated[float, Field(gt=0, le=55)] = Field(
        default=20,
        description="Seconds that a query may take, or a mutation wait for its vendor; less than the proxies wait.",
    )
    requests_at_once: Annotated[int, Field(ge=1)] = Field(
        default=500, description="How many requests a process answers at once; more are told to come again (503)."
    )
    jobs_at_once: Annotated[int, Field(ge=2, le=64)] = Field(
        default=8,
        description="How many jobs a process does at once: half at most of one kind, a quarter for money.",
    )
    worker_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8001, description="Where `gateway worker` answers for its health."
    )
    public_url: str = Field(
        default="http://localhost:8000", description="Where clients reach this gateway; https in production."
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(default=8000, description="The port to listen on.")
    trusted_proxies: CommaSeparated = Field(
        default=("127.0.0.1",),
        description="Addresses and networks of the proxies before `serve`, separated by commas: they alone tell who "
        "asks. The client is the rightmost hop of X-Forwarded-For that is none of them.",
    )
    allowed_origins: CommaSeparated = Field(
        default=(),
        description="Origins of web front ends, separated by commas: CORS, WebSockets, return addresses. Where every "
        "vendor is a mock, any port of localhost is among them.",
    )
    app_schemes: CommaSeparated = Field(
        default=("drop",),
        description="URL schemes of Drop's apps, separated by commas, to which a bank's page may return.",
    )
    app_redirect_uris: CommaSeparated = Field(
        default=("no.drop.app:/auth",),
        description="redirect_uri of Drop's apps, separated by commas, matched letter by letter: a reverse-domain "
        "scheme or a claimed https link. Where every vendor is a mock, any port of this machine is among them.",
    )
    default_return_to: str = Field(default="/sandbox/", description="Where users go where a client names no address.")
    field_encryption_keys: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(listed)] = Field(
        default=(SecretStr(_MOCK_FIELD_KEY),),
        description="Keys of encrypted fields (32 bytes in URL-safe base64), separated by commas: the first encrypts, "
        "all decrypt. To rotate: docs/security.md.",
    )
    field_encryption_as_before: bool = Field(
        default=False,
        description="While processes of a release without AES-256-GCM still run: fields are written as they read them, "
        "e-mail, phone, address, messages and webhooks readable. `gateway keys rotate` encrypts them afterwards.",
    )
    field_hash_key: SecretStr = Field(
        default=SecretStr(MOCK_SECRET), description="Key of the hashes by which encrypted fields are found."
    )
    field_hash_keys_old: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(listed)] = Field(
        default=(),
        description="Earlier or coming FIELD_HASH_KEYs, separated by commas: found by, too, until "
        "`gateway keys rotate` is through.",
    )
    merchant_name: str = Field(default="Drop AS", description="Who is paid by card: Drop, for its own services.")
    merchant_account: str = Field(default="86011117947", description="Drop's own account number, shown to payers.")
    sandbox_seed: str = Field(default="drop", description="Fixes every draw of lots of the mock vendors.")
    sandbox_kyc_by_itself: bool = Field(
        default=False,
        description="Whether the mock KYC vendor decides three seconds after the start; else after the form came in.",
    )
    uptime_landing_url: str = Field(default="https://drop.example", description="The landing page that is watched.")
    uptime_email: str = Field(default="oncall@drop.example", description="Who is told after five minutes.")
    uptime_phone: str = Field(default="+4740000000", description="Who is told by SMS after fifteen minutes.")
    uptime_status_page: str = Field(default="drop", description="The subdomain of the public status page.")
    otel_exporter_otlp_endpoint: str | None = Field(
        default=None,
        description="An OpenTelemetry collector, OTLP over HTTP, such as http://localhost:4318; without it, no traces.",
    )
    access_log: bool = Field(
        default=False,
        description="Whether each request, and each operation over a socket, is a line in the log: its route, status "
        "and time, at INFO.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR."
    )

    @model_validator(mode="before")
    @classmethod
    def _secrets_from_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        """`NAME_FILE` names a file that holds the secret, as vaults and secret managers hand them over."""
        unreadable = []
        for name, field in cls.model_fields.items():
            variable = f"{name.upper()}_FILE"
            path = os.environ.get(variable)
            if path is not None and name not in values and _is_secret(field):
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
    def lifetimes(self) -> Lifetimes:
        """How long sign-ins last."""
        usual = MOCK_WEB_IDLE_MINUTES if self.mode is ServiceMode.MOCK else WEB_IDLE_MINUTES
        idle = timedelta(minutes=self.web_session_idle_minutes or usual)
        return Lifetimes(Lifetime(idle, timedelta(hours=self.web_session_hours)), self.app_lifetime)

    @property
    def document_mode(self) -> DocumentMode:
        """What is done with a GraphQL document that was not pushed."""
        is_live = self.mode is ServiceMode.PRODUCTION
        return self.graphql_documents or (DocumentMode.ENFORCE if is_live else DocumentMode.ANY)

    @property
    def migrates_at_start(self) -> bool:
        """Whether a process brings the database up to date; else it starts only on a database that is."""
        return self.mode is ServiceMode.MOCK if self.migrate_at_start is None else self.migrate_at_start

    @property
    def connections_of_a_process(self) -> int:
        """How many a process opens to PostgreSQL at most, with the one by which it watches the server."""
        return self.database_connections + 1

    @property
    def features(self) -> Features:
        switches = {
            Feature.CARDHOLDERS: self.feature_cardholders,
            Feature.VIRTUAL_CARDS: self.feature_virtual_cards,
            Feature.PHYSICAL_CARDS: self.feature_physical_cards,
        }
        return Features([feature for feature, is_on in switches.items() if is_on])

    def of(self, kind: type[Own]) -> Own:
        """A vendor's settings, by the class with which its module declares them."""
        assert isinstance(self, kind)
        return self

    def vendor_of(self, port: str) -> str:
        """The vendor of the port: its own switch, else what another setting or the mode implies."""
        chosen: str | None = getattr(self, f"{port}_provider")
        if chosen is None:
            chosen = self._implied(port)
        is_real = self.mode is ServiceMode.PRODUCTION and not PORTS[port].is_for_operators
        return chosen or PORTS[port].names[1 if is_real else 0]

    def _implied(self, port: str) -> str | None:
        if port == "identity" and self.bankid_mock is not None:
            return PORTS[port].names[0 if self.bankid_mock else 1]
        for vendor in PORTS[port].vendors:
            if vendor.chosen_by is not None and getattr(self, vendor.chosen_by) is not None:
                return vendor.name
        return None

    @property
    def mocked(self) -> tuple[str, ...]:
        """The ports whose vendor the sandbox plays, apart from those that only operators meet."""
        return tuple(name for name, port in PORTS.items() if not port.is_for_operators and MOCK in self._chosen(name))

    @property
    def has_sandbox(self) -> bool:
        """Whether a sandbox runs. In mock mode it stays beside real vendors, for rows that name the mock ones."""
        return self.mode is ServiceMode.MOCK or bool(self.mocked)

    @property
    def is_all_mock(self) -> bool:
        """Whether the sandbox plays every vendor that meets users, also the target of any vendor migration."""
        return all({*self._chosen(name)} <= {MOCK, None} for name, port in PORTS.items() if not port.is_for_operators)

    def vendors_of(self, port: str) -> tuple[str, ...]:
        """The port's vendors that are set up, for rows that name them; the current vendor is among them."""
        chosen = self._chosen(port)
        return tuple(vendor.name for vendor in PORTS[port].vendors if vendor.name in chosen or self._is_set_up(vendor))

    def next_of(self, port: str) -> str | None:
        """The target of the port's vendor migration, None without one."""
        chosen: str | None = getattr(self, f"{port}_next_provider", None)
        return chosen if chosen != self.vendor_of(port) else None

    def missing_for(self, vendor: Vendor[Any, object]) -> tuple[str, ...]:
        """The settings that the vendor needs and that are not set; mock mode's own secrets do not count as set."""
        return tuple(name for name in vendor.needs if _is_unset(getattr(self, name)))

    def is_mock_modes_own(self, name: str) -> bool:
        """Whether a secret is still mock mode's own, which is public."""
        value = getattr(self, name)
        secrets = value if isinstance(value, tuple) else (value,)
        return any(secret.get_secret_value() in (MOCK_SECRET, _MOCK_FIELD_KEY) for secret in secrets)

    def _chosen(self, port: str) -> tuple[str | None, ...]:
        return self.vendor_of(port), self.next_of(port)

    def _is_set_up(self, vendor: Vendor[Any, object]) -> bool:
        return self.has_sandbox if vendor.name == MOCK else not self.missing_for(vendor)

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def front_ends(self) -> tuple[str, ...]:
        """The origins of web front ends. In mock mode those of the developer's machine are among them."""
        local = LOCAL_ORIGINS if self.mode is ServiceMode.MOCK and self.is_all_mock else ()
        return (*self.allowed_origins, *local)

    @property
    def app_redirects(self) -> tuple[str, ...]:
        """Where an app's login may end. In mock mode an app that is developed on this machine is among them."""
        return (*self.app_redirect_uris, *(origin for origin in self.front_ends if origin in LOCAL_ORIGINS))

    @property
    def is_reachable_mock(self) -> bool:
        """Whether it is in mock mode, and other machines can reach it: a container can be."""
        return self.mode is ServiceMode.MOCK and self.host not in LOOPBACK

    @property
    def own_names(self) -> frozenset[str]:
        """The names of hosts by which this gateway is called."""
        public = parts_of(self.public_url).hostname
        return LOOPBACK | ({public} if public else set())

    @property
    def return_origins(self) -> tuple[str, ...]:
        """The origins to which a browser may be sent: this gateway, the listed front ends and the apps."""
        return (self.public_url.rstrip("/"), *self.front_ends, *(f"{scheme}://" for scheme in self.app_schemes))


def settings_class() -> type[Settings]:
    """The gateway's settings together with those of every vendor in the registry, as one flat class."""
    kinds = dict.fromkeys(vendor.settings for vendor in declared())
    # A class cannot inherit a base before that base's own subclass, which brings the base's settings anyway.
    return _joined(tuple(kind for kind in kinds if not any(kind in other.__mro__[1:] for other in kinds)))


@cache
def _joined(kinds: tuple[type[BaseModel], ...]) -> type[Settings]:
    # Pydantic takes the fields of the last base first.
    bases: tuple[type[BaseModel], ...] = (*reversed(kinds), Settings)
    return cast(type[Settings], create_model("Settings", __base__=bases))


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *get_args(field.annotation))


def _is_unset(value: object) -> bool:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return text in (None, "", MOCK_SECRET, {})
