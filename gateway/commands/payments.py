"""`gateway payments`: those whose outcome is not known."""

import json
from typing import Annotated
from urllib.parse import quote

import typer
from rich.table import Table

from gateway.commands.terminal import LOCAL, OUT, Json, Limit, Token, Url, ask

app = typer.Typer(no_args_is_help=True, help="Payments whose outcome is not known.")


@app.command("doubts")
def in_doubt(url: Url = LOCAL, token: Token = None, as_json: Json = False, limit: Limit = 50) -> None:
    """What is in doubt, overdue, withdrawn or watched in vain, oldest first."""
    found = ask("GET", url, f"/api/operator/payments/doubts?limit={limit}", token=token)["payments"]
    if as_json:
        typer.echo(json.dumps(found))
        return
    columns = (
        "Id",
        "Made",
        "Overdue",
        "Withdrawn",
        "Rail",
        "Status",
        "Vendor",
        "Their id",
        "Our reference",
        "Waits for",
    )
    table = Table(*columns, "Like lines", "Proposed", box=None)
    for payment in found:
        table.add_row(
            payment["id"],
            payment["createdAt"][:19],
            (payment["overdueSince"] or "-")[:10],
            (payment["withdrawnSince"] or "-")[:10],
            payment["rail"],
            payment["status"],
            payment["vendor"],
            payment["vendorPaymentId"] or "-",
            payment["endToEndId"],
            payment["waitsFor"] or "-",
            ", ".join(line["bookingDate"] for line in payment["likeDebits"]) or "-",
            "{outcome} by {by}: {reason}".format(**payment["proposed"]) if payment["proposed"] else "-",
        )
    OUT.print(table)


@app.command("lines")
def odd_lines(
    url: Url = LOCAL,
    token: Token = None,
    as_json: Json = False,
    limit: Limit = 50,
    before: Annotated[str | None, typer.Option(help="Only lines older than the one with this id.")] = None,
) -> None:
    """Lines of statements that bear our references and fit no payment, newest first."""
    older = f"&before={quote(before)}" if before is not None else ""
    found = ask("GET", url, f"/api/operator/payments/lines?limit={limit}{older}", token=token)["lines"]
    if as_json:
        typer.echo(json.dumps(found))
        return
    table = Table("Id", "Booked", "Bank", "Reason", "Amount", "Our reference", "Payment", box=None)
    for line in found:
        table.add_row(
            line["id"],
            line["bookingDate"],
            line["bank"],
            line["reason"],
            f"{line['amountMinor']} {line['currency']}",
            line["endToEndId"],
            line["payment"] or "-",
        )
    OUT.print(table)


Payment = Annotated[str, typer.Argument(help="Of `payments doubts`.")]
Outcome = Annotated[str, typer.Option(help="SETTLED or FAILED, as the bank or card vendor says.")]


@app.command()
def resolve(
    payment: Payment,
    outcome: Outcome,
    reason: Annotated[str, typer.Option(help="How it is known; kept in the audit trail.")],
    url: Url = LOCAL,
    token: Token = None,
) -> None:
    """End a doubt by what the bank or card vendor has said; live another operator approves it."""
    form = {"outcome": outcome, "reason": reason}
    done = ask("POST", url, f"/api/operator/payments/{payment}/resolve", form=form, token=token)
    if done["proposed"] is None:
        OUT.print(f"{done['id']} is {done['status']}.", highlight=False)
        return
    OUT.print(
        f"Proposed. Another operator runs: gateway payments approve {payment} --outcome {outcome}", highlight=False
    )


@app.command()
def approve(payment: Payment, outcome: Outcome, url: Url = LOCAL, token: Token = None) -> None:
    """End a doubt as another operator has proposed (`payments doubts` shows what)."""
    done = ask("POST", url, f"/api/operator/payments/{payment}/approve", form={"outcome": outcome}, token=token)
    OUT.print(f"{done['id']} is {done['status']}.", highlight=False)
