"""The command `gateway`. Exit codes: 0 done, 1 something is wrong, 2 wrong usage."""

import asyncio
import json
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final, NoReturn

import httpx
import typer
import uvicorn
from rich.console import Console
from rich.table import Table
from rich.text import Text
from starlette.applications import Starlette

from db.engine import open_database
from db.migrate import current_revision, migrate, newest_revision
from domain.uptime import Change, UptimePlan, uptime_plan
from gateway.adapters import uptime_adapter
from gateway.app import create_app
from gateway.demo import DemoFailed, play
from gateway.env_example import env_example
from gateway.graphql.check import breaking_changes
from gateway.graphql.schema import sdl
from gateway.log import configure_logging
from gateway.settings import InvalidSettings, Settings, load_settings
from sandbox.card_catalogue import cards as test_cards
from sandbox.scenarios import scenarios as all_scenarios
from sandbox.triggers import TRIGGERS

SDL_PATH: Final = Path(__file__).parent.parent / "schema" / "schema.graphql"
_MAX_SOCKET_BYTES: Final = 128 * 1024
app = typer.Typer(no_args_is_help=True, add_completion=False, help="Drop Gateway.")
schema_app = typer.Typer(no_args_is_help=True, help="The GraphQL schema.")
clock_app = typer.Typer(no_args_is_help=True, help="The one clock of mock mode.")
app.add_typer(schema_app, name="schema")
webhooks_app = typer.Typer(no_args_is_help=True, help="Webhooks that were received.")
notifications_app = typer.Typer(no_args_is_help=True, help="Messages that no vendor took.")
events_app = typer.Typer(no_args_is_help=True, help="Timelines of payments.")
app.add_typer(clock_app, name="clock")
monitors_app = typer.Typer(no_args_is_help=True, help="What is watched from outside.")
app.add_typer(monitors_app, name="monitors")
app.add_typer(webhooks_app, name="webhooks")
app.add_typer(notifications_app, name="notifications")
app.add_typer(events_app, name="events")
_LOCAL: Final = "http://localhost:8000"
# Years of due things take a while.
_PATIENCE_S: Final = 600
Url = Annotated[str, typer.Option(help="The running gateway.")]
Token = Annotated[str | None, typer.Option(envvar="OPERATOR_TOKEN", help="The operators' token.")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="How many lines.")]
_LOOK_EVERY_S: Final = 0.2
_PROCESSED_WITHIN_S: Final = 10
Json = Annotated[bool, typer.Option("--json", help="For machines.")]
_out: Final = Console()
_err: Final = Console(stderr=True)


def _settings() -> Settings:
    try:
        return load_settings()
    except InvalidSettings as error:
        _fail(f"The settings need attention:\n{error}")


def _fail(message: str) -> NoReturn:
    _err.print(message, style="red", markup=False)
    raise typer.Exit(1)


@app.command()
def serve() -> None:
    """Serve GraphQL, the side-routes and, in mock mode, the sandbox."""
    settings = _settings()
    configure_logging(settings.log_level, is_terminal=sys.stderr.isatty())
    asyncio.run(_migrate(settings))
    app = create_app(settings)
    config = uvicorn.Config(
        app, host=settings.host, port=settings.port, log_level="warning", ws_max_size=_MAX_SOCKET_BYTES
    )
    AnnouncedServer(config, app, settings.public_url.rstrip("/")).run()


class AnnouncedServer(uvicorn.Server):
    """Prints where everything is once it can be opened, and remembers what stopped it."""

    def __init__(self, config: uvicorn.Config, app: Starlette, address: str) -> None:
        super().__init__(config)
        self._app = app
        self._address = address

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._app.state.stopped_by = signal.Signals(sig).name
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            for name, path in (("GraphiQL", "/graphql"), ("Sandbox", "/sandbox/"), ("Health", "/api/health")):
                print(f"{name:<9} {self._address}{path}", flush=True)  # noqa: T201  # plain, so that scripts can read it


@app.command(name="migrate")
def migrate_command() -> None:
    """Bring the database to the newest version of its tables."""
    settings = _settings()
    asyncio.run(_migrate(settings))
    _out.print(f"The database is at version {newest_revision()}.")


async def _migrate(settings: Settings) -> None:
    database = open_database(settings.database_url)
    try:
        await migrate(database)
    finally:
        await database.close()


@app.command()
def doctor() -> None:
    """Check the settings and the connections, and say what to do."""
    settings = _settings()
    _out.print("[green]ok[/] settings")
    try:
        revision = asyncio.run(_revision(settings))
    except Exception as error:  # whatever the driver raises
        _fail(f"The database does not answer ({type(error).__name__}). Check DATABASE_URL.")
    _out.print("[green]ok[/] database")
    if revision != newest_revision():
        _fail(f"The database is at version {revision}, not {newest_revision()}. Run: gateway migrate")
    _out.print("[green]ok[/] migrations")


async def _revision(settings: Settings) -> str | None:
    database = open_database(settings.database_url)
    try:
        return await current_revision(database)
    finally:
        await database.close()


@app.command()
def demo(
    url: Url = _LOCAL,
    persona: Annotated[str, typer.Option(help="Who plays it.")] = "new",
) -> None:
    """Play sign-in, KYC, a bank and a payment against a running gateway in mock mode, as a client would."""
    try:
        asyncio.run(play(url.rstrip("/"), persona, _out))
    except DemoFailed as error:
        _fail(str(error))


def _ask(
    method: str, url: str, path: str, *, form: dict[str, str] | None = None, token: str | None = None
) -> dict[str, Any]:
    """One request to the running gateway. Exits where nobody answers or the answer is no."""
    headers = {"accept": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
    try:
        response = httpx.request(method, f"{url.rstrip('/')}{path}", data=form, headers=headers, timeout=_PATIENCE_S)
    except httpx.TransportError:
        _fail(f"No gateway answers at {url}. Start it with: make run")
    body: dict[str, Any] = response.json() if response.content else {}
    if response.is_error:
        _fail(f"{body.get('detail', response.reason_phrase)}")
    return body


def _tell_time(reading: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(reading))
        return
    _out.print(f"Now       {reading['now']}", highlight=False)
    _out.print(f"Ahead by  {timedelta(seconds=reading['aheadSeconds'])}", highlight=False)
    _out.print(f"Next due  {reading['nextDue'] or 'nothing'}", highlight=False)


@clock_app.command()
def show(url: Url = _LOCAL, as_json: Json = False) -> None:
    """Tell the product's time."""
    _tell_time(_ask("GET", url, "/api/mock/clock"), as_json=as_json)


@clock_app.command()
def advance(
    by: Annotated[str, typer.Argument(help="Such as 180d or 1h30m; `next` goes to whatever falls due next.")],
    url: Url = _LOCAL,
    as_json: Json = False,
) -> None:
    """Move the one clock of mock mode forward; everything on the way happens in order."""
    _tell_time(_ask("POST", url, "/api/mock/clock", form={"advance": by}), as_json=as_json)


def _uptime_plan(settings: Settings) -> UptimePlan:
    return uptime_plan(
        public_url=settings.public_url.rstrip("/"),
        landing_url=settings.uptime_landing_url,
        email=settings.uptime_email,
        phone=settings.uptime_phone,
        status_page=settings.uptime_status_page,
    )


def _tell_changes(changes: Sequence[Change], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([asdict(change) for change in changes]))
    elif not changes:
        _out.print("Nothing differs.")
    for change in changes if not as_json else ():
        text = f"{change.kind:<7} {change.what}: {change.detail}"
        _out.print(text, highlight=False, markup=False, soft_wrap=True)


@monitors_app.command(name="plan")
def plan_monitors(as_json: Json = False) -> None:
    """Print what would be changed at the uptime vendor: monitors, escalation, status page."""
    _tell_changes(asyncio.run(uptime_adapter().plan(_uptime_plan(_settings()))), as_json=as_json)


@monitors_app.command(name="apply")
def apply_monitors(as_json: Json = False) -> None:
    """Make it so. Safe to repeat: what is as wanted stays."""
    _tell_changes(asyncio.run(uptime_adapter().apply(_uptime_plan(_settings()))), as_json=as_json)


@app.command()
def trigger(
    event: Annotated[str, typer.Argument(help="Such as payment_intent.succeeded or payment.status; `list` names all.")],
    about: Annotated[
        str | None, typer.Argument(help="An object, by the vendor's id or ours; the newest if left out.")
    ] = None,
    url: Url = _LOCAL,
    token: Token = None,
) -> None:
    """Fire any vendor's webhook about an object as it stands, and tell what it did or why it did nothing."""
    if event == "list":
        for name, one in TRIGGERS.items():
            _out.print(f"{one.provider:<12} {name}", highlight=False)
        return
    form = {"event": event, **({"object": about} if about else {})}
    fired = _ask("POST", url, "/sandbox/trigger", form=form)
    _out.print(f"{fired['provider']} {fired['event']} about {fired['about']}", highlight=False)
    outcome = _outcome_of(url, token, fired["event_key"])
    _out.print(outcome, highlight=False)


def _outcome_of(url: str, token: str | None, event_key: str) -> str:
    """What the gateway did with it, once it has; a webhook is processed after it is answered."""
    deadline = time.monotonic() + _PROCESSED_WITHIN_S
    while time.monotonic() < deadline:
        received = _ask("GET", url, "/api/operator/webhooks", token=token)["webhooks"]
        found = next((one for one in received if event_key in one["eventKey"]), None)
        if found is None:
            return "refused: the gateway did not store it"
        if found["status"] != "RECEIVED":
            return f"{found['id']} {found['status']}: {found['outcome']}"
        time.sleep(_LOOK_EVERY_S)
    return "stored, and not processed yet"


@webhooks_app.command(name="list")
def list_webhooks(url: Url = _LOCAL, token: Token = None, as_json: Json = False, limit: Limit = 50) -> None:
    """What was received, newest first, with what it did or why it did nothing."""
    received = _ask("GET", url, f"/api/operator/webhooks?limit={limit}", token=token)["webhooks"]
    if as_json:
        typer.echo(json.dumps(received))
        return
    table = Table("Id", "Received", "Provider", "Status", "What it did", box=None)
    for one in received:
        table.add_row(one["id"], one["receivedAt"][:19], one["provider"], one["status"], one["outcome"])
    _out.print(table)


@webhooks_app.command(name="replay")
def replay_webhook(
    webhook: Annotated[str, typer.Argument(help="Of `webhooks list`.")], url: Url = _LOCAL, token: Token = None
) -> None:
    """Process a stored webhook once more."""
    _ask("POST", url, f"/api/operator/webhooks/{webhook}/replay", token=token)
    _out.print("Queued.")


@notifications_app.command(name="list")
def list_notifications(url: Url = _LOCAL, token: Token = None, as_json: Json = False, limit: Limit = 50) -> None:
    """Messages that no vendor took, newest first."""
    dead = _ask("GET", url, f"/api/operator/notifications?limit={limit}", token=token)["notifications"]
    if as_json:
        typer.echo(json.dumps(dead))
        return
    table = Table("Id", "Made", "Template", "Why", box=None)
    for one in dead:
        table.add_row(one["id"], one["createdAt"][:19], one["template"], one["outcome"])
    _out.print(table)


@notifications_app.command(name="replay")
def replay_notification(
    notification: Annotated[str, typer.Argument(help="Of `notifications list`.")],
    url: Url = _LOCAL,
    token: Token = None,
) -> None:
    """Send a dead message once more, with all its tries."""
    _ask("POST", url, f"/api/operator/notifications/{notification}/replay", token=token)
    _out.print("Queued.")


@events_app.command(name="show")
def show_events(
    payment: Annotated[str, typer.Argument(help="pay_...")],
    url: Url = _LOCAL,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """A payment's way: what was asked, called, received, learnt and pushed."""
    lines = _ask("GET", url, f"/api/operator/payments/{payment}/timeline", token=token)["events"]
    _tell_events(lines, as_json=as_json)


@events_app.command(name="tail")
def tail_events(
    url: Url = _LOCAL,
    token: Token = None,
    as_json: Json = False,
    limit: Limit = 20,
    follow: Annotated[bool, typer.Option(help="Go on until interrupted.")] = True,
) -> None:
    """The newest lines of all payments, as they come."""
    lines = _ask("GET", url, f"/api/operator/events?limit={limit}", token=token)["events"]
    _tell_events(lines, as_json=as_json, with_payment=True)
    last = lines[-1]["number"] if lines else 0
    while follow:
        time.sleep(_LOOK_EVERY_S)
        lines = _ask("GET", url, f"/api/operator/events?after={last}", token=token)["events"]
        _tell_events(lines, as_json=as_json, with_payment=True)
        last = lines[-1]["number"] if lines else last


def _tell_events(lines: list[dict[str, Any]], *, as_json: bool, with_payment: bool = False) -> None:
    for one in lines:
        if as_json:
            typer.echo(json.dumps(one))
        else:
            payment = f"{one['payment']}  " if with_payment else ""
            webhook = f"  {one['webhook']}" if one["webhook"] else ""
            text = f"{one['at'][11:19]}  {payment}{one['kind']:<11}  {one['summary']}: {one['outcome']}{webhook}"
            _out.print(text, highlight=False, markup=False, soft_wrap=True)


@app.command()
def scenarios(as_json: Json = False) -> None:
    """List what the mock vendors can be made to do, and how to choose it."""
    rows = [{"header": one.id, **asdict(one)} for one in all_scenarios().values()]
    found_cards = [asdict(card) for card in test_cards().values()]
    if as_json:
        typer.echo(json.dumps({"scenarios": rows, "cards": found_cards}))
        return
    table = Table("X-Drop-Scenario", "Rails", "Or chosen by", "What happens", box=None, title_justify="left")
    for one in all_scenarios().values():
        by = ", ".join(f"{name} {value}" for name, value in one.chosen_by.items())
        table.add_row(one.id, " ".join(one.rails), by, one.about)
    cards_table = Table("Payment method", "Card number", "What happens", box=None, title_justify="left")
    for card in test_cards().values():
        cards_table.add_row(card.payment_method, card.number, card.about)
    _out.print(table, Text(), cards_table)


@app.command()
def settings() -> None:
    """Print every setting with its description and default, as .env.example has them."""
    typer.echo(env_example(), nl=False)


@schema_app.command()
def export(path: Annotated[Path, typer.Argument(help="The file to write.")] = SDL_PATH) -> None:
    """Write the schema in its own language."""
    path.write_text(sdl())
    _out.print(f"Wrote {path.name}.")


@schema_app.command()
def check(
    against: Annotated[Path | None, typer.Option(help="An older schema: breaking changes to it are refused.")] = None,
) -> None:
    """Compare the schema with the exported file, and with an older one for breaking changes."""
    if SDL_PATH.read_text() != sdl():
        _fail("schema/schema.graphql is not the schema. Run: gateway schema export")
    if against is not None:
        broken = breaking_changes(against.read_text(), sdl())
        if broken:
            _fail("Breaking changes:\n" + "\n".join(broken))
    _out.print("The schema is as exported.")


def main() -> None:
    app()
