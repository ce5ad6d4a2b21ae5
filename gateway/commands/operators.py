"""`gateway operators`: who may use operators' routes. It asks the database itself: no route gives tokens away."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, TypeVar

import typer
from rich.table import Table

from db.engine import Database
from db.unit_of_work import CommitWakeUps, Reading, UnitOfWork
from domain.errors import Refusal
from domain.operator import OperatorRole
from gateway.assembly.clocks import SystemClock
from gateway.commands.own_database import with_database
from gateway.commands.terminal import ERR, OUT, fail
from services.operations.operators import Operators

app = typer.Typer(no_args_is_help=True, help="Operators and their tokens.")
Result = TypeVar("Result")
Name = Annotated[str, typer.Argument(help="As the audit trail will name them; given once, for good.")]


@app.command()
def add(
    name: Name,
    role: Annotated[OperatorRole, typer.Option(help="Whether they may act, or only read.")],
) -> None:
    """Print a new operator's token. It is told this once; the database keeps its hash."""
    token = _with_operators(lambda operators: operators.add(name, role))
    ERR.print(f"{name} may {role}. Send the token as Authorization: Bearer, or to commands as OPERATOR_TOKEN.")
    typer.echo(token)


@app.command()
def revoke(name: Name) -> None:
    """End an operator's token, from the next request on."""
    _with_operators(lambda operators: operators.revoke(name))
    OUT.print(f"{name} is revoked.", highlight=False)


@app.command(name="list")
def list_operators() -> None:
    """Every operator, those who were revoked among them."""
    table = Table("Name", "Role", "Since", "Revoked", box=None)
    for operator in _with_operators(lambda operators: operators.all()):
        since, until = (str(at)[:10] if at else "-" for at in (operator.created_at, operator.revoked_at))
        table.add_row(operator.name, operator.role, since, until)
    OUT.print(table)


def _with_operators(use: Callable[[Operators], Awaitable[Result]]) -> Result:
    async def run(database: Database) -> Result:
        work, read = partial(UnitOfWork, database.write, CommitWakeUps()), partial(Reading, database.read)
        try:
            return await use(Operators(work, read, SystemClock()))
        except Refusal as refusal:
            fail(refusal.message)

    return with_database(run)
