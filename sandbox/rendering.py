"""How the sandbox's pages are read and rendered: templates with their filters, forms, and refusals."""

from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from sandbox import webhooks
from sandbox.problems import Refused
from sandbox.world import World

_HERE: Final = Path(__file__).parent


def kroner(amount_minor: int) -> str:
    """For people: `1 234,50 kr`."""
    sign = "−" if amount_minor < 0 else ""
    major, minor = divmod(abs(amount_minor), 100)
    return f"{sign}{major:,}".replace(",", "\u00a0") + f",{minor:02d}\u00a0kr"


def grouped(number: str) -> str:
    """A BBAN as Norwegians write it: `1203 05 86402`."""
    return f"{number[:4]} {number[4:6]} {number[6:]}"


_templates: Final = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=select_autoescape())


def our_payment(end_to_end_id: str) -> str:
    """The product's payment id, which the bank was given as its reference."""
    return f"pay_{end_to_end_id.removeprefix('D-')}"


_templates.filters.update(kroner=kroner, grouped=grouped, pretty=webhooks.pretty, our_payment=our_payment)


def world_of(request: Request) -> World:
    world: World = request.app.state.world
    return world


def render(name: str, status: int = 200, **values: object) -> Response:
    return HTMLResponse(_templates.get_template(name).render(**values), status_code=status)


async def refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    if "text/html" not in request.headers.get("accept", "text/html"):
        return JSONResponse({"code": error.code, "detail": error.message}, error.status)
    return render("refused.html", error.status, message=error.message)


async def http_error(request: Request, error: Exception) -> Response:
    """A page for an address or method that the sandbox does not have."""
    assert isinstance(error, HTTPException)
    message = "The sandbox has nothing at this address." if error.status_code == 404 else error.detail
    return render("refused.html", error.status_code, message=message)


async def form_of(request: Request) -> dict[str, str]:
    form = await request.form(max_files=0, max_fields=50)
    return {name: value for name, value in form.items() if isinstance(value, str)}
