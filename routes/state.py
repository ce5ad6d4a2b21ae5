"""What the routes work with, put on the application at its start: the services and the routes' settings."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from services.container import Services


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """`public_url` fixes this gateway's address; None on plain-http loopback, where the request's host is kept."""

    public_url: str | None
    allowed_origins: tuple[str, ...]
    default_return_to: str
    operator_token: str | None


def services_of(connection: HTTPConnection) -> Services:
    """Every use case, for the handler of a request or socket."""
    services: Services = connection.app.state.services
    return services


def route_settings_of(connection: HTTPConnection) -> RouteSettings:
    """The routes' settings, for the handler of a request or socket."""
    settings: RouteSettings = connection.app.state.route_settings
    return settings
