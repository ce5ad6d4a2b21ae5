"""The command `gateway`. Exit codes: 0 done, 1 something is wrong, 2 wrong usage."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from db.migrate import newest_revision
from gateway.commands import clock, events, jobs, monitors, notifications, openapi, payments, provider, schema, webhooks
from gateway.commands.demo import DemoFailed, play
from gateway.commands.doctor import doctor
from gateway.commands.serve import serve
from gateway.commands.start import bring_up_to_date, one_message
from gateway.commands.terminal import LOCAL, OUT, Json, Token, Url, checked_settings, fail
from gateway.commands.worker import sandbox, worker
from gateway.settings.env_example import env_example
from sandbox.card_catalogue import cards as test_cards
from sandbox.scenarios import scenarios as all_scenarios

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Drop Gateway.")
app.command()(serve)
app.command()(worker)
app.command()(sandbox)
app.command()(doctor)
app.command()(webhooks.trigger)
for name, commands in (
    ("schema", schema.app),
    ("openapi", openapi.app),
    ("clock", clock.app),
    ("events", events.app),
    ("webhooks", webhooks.app),
    ("notifications", notifications.app),
    ("monitors", monitors.app),
    ("provider", provider.app),
    ("payments", payments.app),
    ("jobs", jobs.app),
):
    app.add_typer(commands, name=name)


@app.command(name="migrate")
def migrate_command() -> None:
    """Bring the database to the newest version of its tables."""
    settings = checked_settings()
    with one_message(settings):
        asyncio.run(bring_up_to_date(settings))
    OUT.print(f"The database is at version {newest_revision()}.")


@app.command()
def demo(
    url: Url = LOCAL,
    persona: Annotated[str, typer.Option(help="Who plays it.")] = "new",
    token: Token = None,
) -> None:
    """Play the whole product against a running gateway in mock mode, as a client would, and time each step."""
    try:
        asyncio.run(play(url.rstrip("/"), persona, token, OUT))
    except DemoFailed as error:
        fail(str(error))


@app.command()
def scenarios(as_json: Json = False) -> None:
    """List what the mock vendors can be made to do, and how to choose it."""
    rows = [{"header": scenario.id, **asdict(scenario)} for scenario in all_scenarios().values()]
    found_cards = [asdict(card) for card in test_cards().values()]
    if as_json:
        typer.echo(json.dumps({"scenarios": rows, "cards": found_cards}))
        return
    table = Table("X-Drop-Scenario", "Rails", "Or chosen by", "What happens", box=None, title_justify="left")
    for scenario in all_scenarios().values():
        by = ", ".join(f"{name} {value}" for name, value in scenario.chosen_by.items())
        table.add_row(scenario.id, " ".join(scenario.rails), by, scenario.about)
    cards_table = Table("Payment method", "Card number", "What happens", box=None, title_justify="left")
    for card in test_cards().values():
        cards_table.add_row(card.payment_method, card.number, card.about)
    OUT.print(table, Text(), cards_table)


@app.command()
def settings() -> None:
    """Print every setting with its description and default, as .env.example has them."""
    typer.echo(env_example(), nl=False)


def main() -> None:
    app()
