"""What the routes work with, put on the application at its start: the services and the routes' settings."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from domain.operation_cost import CostLimit
from services.container import Services


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """`public_url` fixes this gateway's address; None on plain-http loopback, where the request's host is kept."""

    public_url: str | None
    allowed_origins: tuple[str, ...]
    default_return_to: str
    # The only port on which operators' routes are answered; None where that is any.
    operator_port: int | None
    # Whether operators need no token: in mock mode without OPERATOR_TOKEN.
    is_open_to_operators: bool
    # Whether anybody may ask for the schema; else operators alone.
    is_schema_open: bool
    web_session_s: int
    # Of an operation, also of one that is pushed.
    cost_limit: CostLimit
    sockets_per_address: int
    subscriptions: int
    messages_per_s: int
    # Whether each request and each operation of a socket is a line in the log.
    access_log: bool


def services_of(connection: HTTPConnection) -> Services:
    """Every use case, for the handler of a request or socket."""
    services: Services = connection.app.state.services
    return services


def route_settings_of(connection: HTTPConnection) -> RouteSettings:
    """The routes' settings, for the handler of a request or socket."""
    settings: RouteSettings = connection.app.state.route_settings
    return settings
