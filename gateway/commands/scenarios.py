"""`gateway scenarios`: what the mock vendors can be made to do."""

import json
from dataclasses import asdict

import typer
from rich.table import Table
from rich.text import Text

from gateway.commands.terminal import OUT, Json
from sandbox.card_catalogue import cards as test_cards
from sandbox.scenarios import scenarios as all_scenarios


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
