"""The command `gateway`. Exit codes: 0 done, 1 something is wrong, 2 wrong usage."""

import gc
from importlib.metadata import version
from pkgutil import resolve_name
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

# Where under `gateway/commands/` each command stands, and what the list of all says of it.
COMMANDS: Final = {
    "serve": ("serve:serve", "Serve GraphQL, the side-routes and, in mock mode, the sandbox."),
    "worker": ("worker:worker", "Do queued work; any number may run. Answers for its health on WORKER_PORT."),
    "sandbox": (
        "worker:sandbox",
        "Play the vendors of mock mode for several processes, at SANDBOX_URL. Never for the internet.",
    ),
    "migrate": ("migrate:migrate", "Bring the database to the newest version of its tables."),
    "doctor": ("doctor:doctor", "Check the settings, the database and every vendor outside, and say what to do."),
    "settings": (
        "settings:settings",
        "Print every setting with its description and default, as .env.example has them.",
    ),
    "demo": (
        "demo:demo",
        "Play the whole product against a running gateway in mock mode, as a client would, and time each step.",
    ),
    "scenarios": ("scenarios:scenarios", "List what the mock vendors can be made to do, and how to choose it."),
    "seed": ("seed:seed", "Make users for tests, signed in and as ordered, or have one leave (mock mode)."),
    "trigger": (
        "trigger:trigger",
        "Fire any vendor's webhook about an object as it stands, and tell what it did or why it did nothing.",
    ),
    "schema": ("schema:app", "The GraphQL schema."),
    "openapi": ("openapi:app", "The OpenAPI document of the side-routes."),
    "errors": ("errors:app", "The page of all error codes."),
    "clock": ("clock:app", "The one clock of mock mode."),
    "events": ("events:app", "Timelines of payments."),
    "webhooks": ("webhooks:app", "Webhooks that were received."),
    "notifications": ("notifications:app", "Messages that no vendor took."),
    "monitors": ("monitors:app", "What is watched from outside."),
    "provider": ("provider:app", "Which vendors serve, and moving from one to another."),
    "payments": ("payments:app", "Payments whose outcome is not known."),
    "operators": ("operators:app", "Operators and their tokens."),
    "keys": ("keys:app", "The keys of encrypted fields."),
    "audit": ("audit:app", "The audit trail."),
    "jobs": ("jobs:app", "Queued work, and what is blocked."),
    "documents": ("documents:app", "The GraphQL documents that front ends may send."),
    "reconcile": ("reconcile:app", "What differs between the vendors and what is stored here."),
}


class OnDemand(TyperGroup):
    """Imports the command that is run and no other, so that the list of all is there at once."""

    def __init__(self, **rest: Any) -> None:
        listed = {name: TyperCommand(name, help=says) for name, (_, says) in COMMANDS.items()}
        super().__init__(**{**rest, "commands": listed})

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, listed, rest = super().resolve_command(ctx, args)
        return name, command(name) if name in COMMANDS else listed, rest


def command(name: str) -> Any:
    """The command itself, with its options."""
    where, _ = COMMANDS[name]
    # Modules that are imported hold nothing to collect: looking for it takes a quarter of the start.
    gc.disable()
    found = resolve_name(f"gateway.commands.{where}")
    gc.freeze()
    gc.enable()
    if isinstance(found, typer.Typer):
        return get_group(found)
    alone = typer.Typer(add_completion=False)
    alone.command(name=name)(found)
    return get_command(alone)


app = typer.Typer(cls=OnDemand)


@app.callback(invoke_without_command=True)
def gateway(
    context: typer.Context,
    is_version_wanted: Annotated[bool, typer.Option("--version", help="Tell the release, and stop.")] = False,
) -> None:
    """Drop Gateway."""
    if is_version_wanted:
        typer.echo(version("drop-gateway"))
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def main() -> None:
    app()
