"""For operators: queued work, and what was given up."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.clock import text_of
from domain.errors import InvalidInput
from routes.openapi_schemas import INTEGER, OBJECT, TEXT, TEXT_OR_NULL, TIME, NamedSchema, array, record
from routes.operations import Answer, Operation, Parameter, in_path
from routes.operator.guard import LIMIT, NO_STORE, QUEUED, limit_of, operator_route
from routes.state import services_of


async def jobs(request: Request) -> Response:
    """What was given up, or what is to be done; what is due first comes first."""
    queue = services_of(request).queue
    readings = {"dead": queue.dead, "queued": queue.waiting}
    read = readings.get(request.query_params.get("which", "dead"))
    if read is None:
        raise InvalidInput("INVALID_CHOICE", "Give dead or queued.", field=("which",))
    rows = [
        {
            "id": job.id,
            "kind": job.kind,
            "payload": job.payload,
            "attempts": job.attempts,
            "dueAt": text_of(job.due_at),
            "lastError": job.last_error,
        }
        for job in await read(limit_of(request))
    ]
    return JSONResponse({"jobs": rows}, headers=NO_STORE)


async def replay_job(request: Request) -> Response:
    """Try a dead job once more."""
    await services_of(request).queue.replay(request.path_params["job"])
    return Response(status_code=202)


_JOB = NamedSchema(
    "Job",
    record(
        {
            "id": TEXT,
            "kind": TEXT,
            "payload": OBJECT,
            "attempts": INTEGER,
            "dueAt": TIME,
            "lastError": TEXT_OR_NULL,
        }
    ),
)

ROUTES = [
    operator_route(
        "/api/operator/jobs",
        jobs,
        Operation(
            "listJobs",
            "Queued work, or what was given up (operators)",
            {200: Answer("What is due first comes first.", record({"jobs": array(_JOB)}))},
            {400: "Another choice, or `limit` is no number."},
            parameters=(Parameter("which", schema={"enum": ["dead", "queued"], "default": "dead"}), LIMIT),
        ),
    ),
    operator_route(
        "/api/operator/jobs/{job}/replay",
        replay_job,
        Operation(
            "replayJob",
            "Try a dead job once more (operators)",
            QUEUED,
            {404: "There is no dead job with this id."},
            parameters=(in_path("job"),),
        ),
        method="POST",
    ),
]
