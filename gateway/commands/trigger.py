"""`gateway trigger`: a vendor's webhook, fired by hand."""

import time
from typing import Annotated, Final

import typer

from gateway.commands.terminal import LOCAL, LOOK_EVERY_S, OUT, Token, Url, ask
from sandbox.triggers import TRIGGERS

_PROCESSED_WITHIN_S: Final = 10


def trigger(
    event: Annotated[str, typer.Argument(help="Such as payment_intent.succeeded or payment.status; `list` names all.")],
    about: Annotated[
        str | None, typer.Argument(help="An object, by the vendor's id or ours; the newest if left out.")
    ] = None,
    url: Url = LOCAL,
    token: Token = None,
) -> None:
    """Fire any vendor's webhook about an object as it stands, and tell what it did or why it did nothing."""
    if event == "list":
        for name, trigger in TRIGGERS.items():
            OUT.print(f"{trigger.provider:<12} {name}", highlight=False)
        return
    form = {"event": event, **({"object": about} if about else {})}
    fired = ask("POST", url, "/sandbox/trigger", form=form)
    OUT.print(f"{fired['provider']} {fired['event']} about {fired['about']}", highlight=False)
    outcome = _outcome_of(url, token, fired["event_key"])
    OUT.print(outcome, highlight=False)


def _outcome_of(url: str, token: str | None, event_key: str) -> str:
    """What the gateway did with it, once it has; a webhook is processed after it is answered."""
    deadline = time.monotonic() + _PROCESSED_WITHIN_S
    while time.monotonic() < deadline:
        received = ask("GET", url, "/api/operator/webhooks", token=token)["webhooks"]
        found = next((webhook for webhook in received if event_key in webhook["eventKey"]), None)
        if found is None:
            return "refused: the gateway did not store it"
        if found["status"] != "RECEIVED":
            return f"{found['id']} {found['status']}: {found['outcome']}"
        time.sleep(LOOK_EVERY_S)
    return "stored, and not processed yet"
