"""`.env.example`, written from the settings' own descriptions."""

from pydantic import SecretStr

from gateway.settings.settings import settings_class


def env_example() -> str:
    """Each setting with its description and default, commented out: a checkout needs none of them."""
    lines = ["# Every setting of the gateway. Mock mode needs none; copy to .env what you change.", ""]
    for name, field in settings_class().model_fields.items():
        default = field.default
        is_hidden = default is None or isinstance(default, SecretStr) or "keys" in name
        shown = "" if is_hidden else _text(default)
        lines += [f"# {field.description}", f"#{name.upper()}={shown}", ""]
    return "\n".join(lines)


def _text(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
