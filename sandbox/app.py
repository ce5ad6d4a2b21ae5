"""The vendors of mock mode: one application for their interfaces, one for their pages, over one world."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from sandbox import api, pages, rendering
from sandbox.problems import Refused
from sandbox.world import World


def vendors_app(world: World) -> Starlette:
    """What the mock adapters talk to. Never reachable from a browser."""
    app = Starlette(routes=api.ROUTES, exception_handlers={Refused: api.refused})
    app.state.world = world
    return app


def pages_app(world: World) -> Starlette:
    """What people see, under /sandbox."""
    app = Starlette(
        routes=pages.ROUTES, exception_handlers={Refused: rendering.refused, HTTPException: rendering.http_error}
    )
    app.state.world = world
    return app
