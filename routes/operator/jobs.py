"""For operators: queued work, and what is blocked by a fault of our own."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.clock import text_of
from domain.errors import InvalidInput
from routes.openapi_schemas import INTEGER, OBJECT, TEXT, TEXT_OR_NULL, TIME, NamedSchema, array, record
from routes.operations import Answer, Body, Operation, Parameter, in_path
from routes.operator.guard import LIMIT, NO_STORE, QUEUED, limit_of, operator_route
from routes.requests import FORM, read_form
from routes.state import services_of


async def jobs(request: Request) -> Response:
    """What is blocked, or what is to be done; what is due first comes first."""
    queue = services_of(request).queue
    readings = {"blocked": queue.blocked, "queued": queue.waiting}
    read = readings.get(request.query_params.get("which", "blocked"))
    if read is None:
        raise InvalidInput("INVALID_CHOICE", "Give blocked or queued.", field=("which",))
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
    """Try a blocked job again."""
    await services_of(request).queue.replay(request.path_params["job"])
    return Response(status_code=202)


async def replay_kind(request: Request) -> Response:
    """Try all blocked jobs of a kind again."""
    kind = (await read_form(request)).get("kind", "")
    queued = await services_of(request).queue.replay_kind(kind)
    return JSONResponse({"queued": queued}, status_code=202)


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
            "Queued work, or what is blocked (operators)",
            {200: Answer("What is due first comes first.", record({"jobs": array(_JOB)}))},
            {400: "Another choice, or `limit` is no number."},
            parameters=(Parameter("which", schema={"enum": ["blocked", "queued"], "default": "blocked"}), LIMIT),
        ),
    ),
    operator_route(
        "/api/operator/jobs/replay",
        replay_kind,
        Operation(
            "replayJobs",
            "Try all blocked jobs of a kind again (operators)",
            {202: Answer("Queued.", record({"queued": INTEGER}))},
            {400: "The form cannot be read.", 404: "No job of this kind is blocked."},
            body=Body(record({"kind": TEXT}), FORM),
        ),
        method="POST",
    ),
    operator_route(
        "/api/operator/jobs/{job}/replay",
        replay_job,
        Operation(
            "replayJob",
            "Try a blocked job again (operators)",
            QUEUED,
            {404: "There is no blocked job with this id."},
            parameters=(in_path("job"),),
        ),
        method="POST",
    ),
]
