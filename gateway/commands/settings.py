"""`gateway settings`: what can be set."""

import typer

from gateway.settings.env_example import env_example


def settings() -> None:
    """Print every setting with its description and default, as .env.example has them."""
    typer.echo(env_example(), nl=False)
