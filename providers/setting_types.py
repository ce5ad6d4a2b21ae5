"""Types of settings that a vendor's class and the gateway's own share."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, SecretStr
from pydantic_settings import NoDecode

# For mock mode alone, so that a newcomer sets nothing; production refuses to start without its own.
MOCK_SECRET: Final = "mock-mode-only"  # noqa: S105  # and is refused in production

# The description of a second secret.
PREVIOUS: Final = (
    "While the setting above is changed: the other one of the two. A webhook that either has signed is taken."
)


def listed(value: Any) -> Any:
    """`a, b` as a tuple; what is no text stays as it is."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def pairs_of(value: Any) -> Any:
    """`a=1, b=2` as a mapping; what is no text stays as it is."""
    if not isinstance(value, str):
        return value
    pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
    return {name.strip(): given.strip() for name, _, given in pairs}


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed)]
Pairs = Annotated[Mapping[str, str], NoDecode, BeforeValidator(pairs_of)]


def valid_secrets(current: str, previous: str | None) -> tuple[str, ...]:
    """What a webhook may be signed with: a vendor goes on with the old secret for a while after it was changed."""
    return (current, previous) if previous else (current,)


def secret_of(value: SecretStr | None) -> str:
    """The text of a setting that the vendor needs, so that the start has checked it."""
    return value.get_secret_value() if value is not None else ""
