"""For operators: moving a port to another vendor."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.clock import text_of
from routes.openapi_schemas import INTEGER, TEXT, TIME, TIME_OR_NULL, NamedSchema, record
from routes.operations import Answer, Operation, in_path
from routes.operator.guard import NO_STORE, operator_route
from routes.state import services_of
from services.operations.vendor_migration import MigrationReport


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


def _move(report: MigrationReport) -> dict[str, object]:
    migration, counts = report.migration, report.counts
    customers = counts and {
        "atOldVendor": counts.at_old_vendor,
        "willing": counts.willing,
        "moved": counts.moved,
        "plansThatStay": counts.plans,
    }
    return {
        "id": migration.id,
        "port": migration.port,
        "from": migration.from_vendor,
        "to": migration.to_vendor,
        "shareOfNewUsers": report.share,
        "beganAt": text_of(migration.began_at),
        "stoppedAt": text_of(migration.stopped_at) if migration.stopped_at else None,
        "stoppedBecause": migration.stopped_because,
        "customers": customers,
    }


_PORT = in_path("port", "Such as `card_payments`.")
_NOT_MOVED = {404: "The port is not being moved."}
_VENDOR_MOVE = NamedSchema(
    "VendorMove",
    record(
        {
            "id": TEXT,
            "port": TEXT,
            "from": {**TEXT, "description": "The vendor that is moved away from."},
            "to": TEXT,
            "shareOfNewUsers": {**INTEGER, "description": "In percent."},
            "beganAt": TIME,
            "stoppedAt": TIME_OR_NULL,
            "stoppedBecause": {"enum": ["ERROR_BUDGET", "REVERTED", None]},
            "customers": {
                "type": ["object", "null"],
                "description": "Null where the port has none.",
                "properties": {"atOldVendor": INTEGER, "willing": INTEGER, "moved": INTEGER, "plansThatStay": INTEGER},
            },
            "takenBack": {**INTEGER, "description": "Of a revert: how many customers were given back."},
        },
        optional=("takenBack",),
    ),
)

ROUTES = [
    operator_route(
        "/api/operator/moves/{port}",
        move,
        Operation(
            "readMove",
            "Where a move to another vendor stands (operators)",
            {200: Answer("As it stands.", _VENDOR_MOVE)},
            _NOT_MOVED,
            parameters=(_PORT,),
        ),
    ),
    operator_route(
        "/api/operator/moves/{port}",
        start_move,
        Operation(
            "startMove",
            "Go on with a move, and move the customers who consented (operators)",
            {202: Answer("Queued.", _VENDOR_MOVE)},
            _NOT_MOVED,
            parameters=(_PORT,),
        ),
        method="POST",
    ),
    operator_route(
        "/api/operator/moves/{port}/revert",
        revert_move,
        Operation(
            "revertMove",
            "Stop a move, and give its customers back (operators)",
            {200: Answer("Stopped.", _VENDOR_MOVE)},
            _NOT_MOVED,
            parameters=(_PORT,),
        ),
        method="POST",
    ),
]
