"""An operators' token for a gateway in mock mode that others can reach, where none is set."""

import secrets

from pydantic import SecretStr

from gateway.settings.settings import Settings


def with_operator_token(settings: Settings) -> tuple[Settings, str | None]:
    """The settings with a token, and the token where it was made here: it is printed, and another one each start."""
    if settings.operator_token is not None or not settings.is_reachable_mock:
        return settings, None
    made = secrets.token_urlsafe(32)
    return settings.model_copy(update={"operator_token": SecretStr(made)}), made
