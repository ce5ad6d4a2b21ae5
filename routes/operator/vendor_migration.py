"""For operators: moving a port to another vendor."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from routes.operator.guard import NO_STORE, for_operators
from routes.state import services_of
from services.operations.vendor_migration import MoveReport


async def move(request: Request) -> Response:
    """Where a port's move to another vendor stands."""
    report = await services_of(request).vendor_migrations.report(request.path_params["port"])
    return JSONResponse(_move(report), headers=NO_STORE)


async def start_move(request: Request) -> Response:
    """Go on with a move, and have the customers moved who consented."""
    report = await services_of(request).vendor_migrations.start(request.path_params["port"])
    return JSONResponse(_move(report), status_code=202, headers=NO_STORE)


async def revert_move(request: Request) -> Response:
    """Stop a move, and give the customers back whom it took."""
    report, count = await services_of(request).vendor_migrations.revert(request.path_params["port"])
    return JSONResponse({**_move(report), "takenBack": count}, headers=NO_STORE)


def _move(report: MoveReport) -> dict[str, object]:
    move, counts = report.move, report.counts
    customers = counts and {
        "atOldVendor": counts.at_old_vendor,
        "willing": counts.willing,
        "moved": counts.moved,
        "plansThatStay": counts.plans,
    }
    return {
        "id": move.id,
        "port": move.port,
        "from": move.from_vendor,
        "to": move.to_vendor,
        "shareOfNewUsers": report.share,
        "beganAt": move.began_at.isoformat(),
        "stoppedAt": move.stopped_at.isoformat() if move.stopped_at else None,
        "stoppedBecause": move.stopped_because,
        "customers": customers,
    }


ROUTES = [
    Route("/api/operator/moves/{port}", for_operators(move)),
    Route("/api/operator/moves/{port}", for_operators(start_move), methods=["POST"]),
    Route("/api/operator/moves/{port}/revert", for_operators(revert_move), methods=["POST"]),
]
