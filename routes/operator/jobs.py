"""For operators: queued work, and what was given up."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from domain.errors import InvalidInput
from routes.operator.guard import NO_STORE, for_operators, limit_of
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
            "dueAt": job.due_at.isoformat(),
            "lastError": job.last_error,
        }
        for job in await read(limit_of(request))
    ]
    return JSONResponse({"jobs": rows}, headers=NO_STORE)


async def replay_job(request: Request) -> Response:
    """Try a dead job once more."""
    await services_of(request).queue.replay(request.path_params["job"])
    return Response(status_code=202)


ROUTES = [
    Route("/api/operator/jobs", for_operators(jobs)),
    Route("/api/operator/jobs/{job}/replay", for_operators(replay_job), methods=["POST"]),
]
