"""The application: its routes, and what is opened and closed with it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Final

import httpx
import structlog
from prometheus_client import Gauge
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from db.clock_offset import load_offset
from db.engine import open_database
from domain.alert import Severity
from domain.clock import Clock
from domain.errors import DropError
from gateway.assembly.bootstrap import build_services, build_worker, route_settings
from gateway.assembly.clocks import OffsetClock, SystemClock
from gateway.assembly.infrastructure import Infrastructure, open_infrastructure
from gateway.assembly.internet import internet_until
from gateway.assembly.keys import field_encryption
from gateway.mock.clock_driver import ClockDriver, follow_offset
from gateway.mock.sandbox_link import open_sandbox
from gateway.mock.scenario import HEADER, ScenarioHeader
from gateway.mock.seeder import MockSeeder
from gateway.observability.telemetry import telemetry
from gateway.observability.tracing import Tracing
from gateway.settings.settings import Settings
from routes import health, middleware, openapi, problems, side_routes
from routes.access_log import AccessLog
from routes.browser_app import files
from routes.client_address import ClientAddress
from routes.content_policy import content_policies
from routes.cross_origin import CrossOrigin
from routes.graphql import graphiql
from routes.graphql.http import GraphQlHttp
from routes.graphql.schema import build_schema
from routes.graphql.websocket import GraphQlWebSocket
from routes.intake import Intake
from routes.known_hosts import KnownHosts
from routes.operator import metrics
from routes.operator.door import OperatorDoor
from routes.requests import CSRF_HEADER
from services.container import Services
from services.jobs.worker import Worker


@dataclass(slots=True)
class Gateway:
    """A running gateway. `driver` moves the clock; `worker` and `driver` run by themselves unless told not to."""

    settings: Settings
    clock: OffsetClock
    infrastructure: Infrastructure
    services: Services
    worker: Worker
    driver: ClockDriver
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def sandbox(self) -> httpx.AsyncClient:
        """A client of the sandbox. There is none where every vendor is real."""
        assert self.infrastructure.sandbox is not None
        return self.infrastructure.sandbox


# Longer than a worker waits for its running jobs, so that they may finish first.
END_WITHIN_S: Final = 20
_log = structlog.get_logger()


PROCESS: Final = Gauge("drop_process", "1 of the role that this process has.", ["role"])


class Role(StrEnum):
    """What a process does of the whole."""

    SERVE = "serve"
    WORKER = "worker"


def create_app(
    settings: Settings,
    *,
    role: Role = Role.SERVE,
    base_clock: Clock | None = None,
    machine_clock: Clock | None = None,
    runs_by_itself: bool = True,
) -> Starlette:
    """The gateway as one ASGI application, with the sandbox where it plays a vendor. A worker's answers for health.

    Tests give clocks that stand still and drive it themselves.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            clocks = base_clock or SystemClock(), machine_clock or SystemClock()
            gateway = await _start(app, settings, role, *clocks, stack)
            await gateway.services.retention.schedule()
            await gateway.services.certificate_ends.schedule()
            if runs_by_itself:
                await gateway.services.reconciliation.schedule()
            await gateway.services.vendor_migrations.agree()
            if role is Role.SERVE:
                await gateway.services.documents.look()
            app.state.gateway = gateway
            PROCESS.labels(role).set(1)
            incidents = gateway.services.incidents
            incidents.alert(Severity.INFORMATION, "Gateway started", f"{settings.mode} mode at {settings.public_url}")
            if runs_by_itself:
                gateway.tasks.extend(
                    asyncio.create_task(gateway.services.background.keep(name, run))
                    for name, run in _background(gateway, settings, role).items()
                )
            try:
                yield
            finally:
                why = getattr(app.state, "stopped_by", "shutdown")
                incidents.alert(Severity.INFORMATION, "Gateway stopped", f"{why} at {settings.public_url}")
                await gateway.services.shield.finish()
                await _end(gateway.tasks)
                await gateway.services.timeline.flush()
                await gateway.services.audit.flush()
                await incidents.close()

    return Starlette(
        lifespan=lifespan,
        routes=_routes(settings) if role is Role.SERVE else [*health.ROUTES, *metrics.ROUTES],
        middleware=_middleware(settings, role),
        exception_handlers={
            DropError: problems.drop_error,
            HTTPException: problems.http_error,
        },
    )


def _routes(settings: Settings) -> list[BaseRoute]:
    return [
        Route("/graphql", _graphql, methods=["GET", "POST"]),
        WebSocketRoute("/graphql", _graphql_socket),
        *graphiql.ROUTES,
        *side_routes.ALWAYS,
        *openapi.ROUTES,
        *(files.ROUTES if settings.is_all_mock else []),
        *([*side_routes.WITH_SANDBOX, Mount("/sandbox", _sandbox_pages)] if settings.has_sandbox else []),
    ]


def _background(gateway: Gateway, settings: Settings, role: Role) -> Mapping[str, Callable[[], Awaitable[None]]]:
    services, base = gateway.services, gateway.infrastructure
    running: dict[str, Callable[[], Awaitable[None]]] = {
        "database_watch": base.database.watch.run,
        "alerts": services.incidents.run,
        "timeline": services.timeline.run,
        "vendor_migrations": services.vendor_migrations.run,
        "audit": partial(services.audit.run, services.incidents),
        "fanout": base.fanout.run,
    }
    if base.shared.breakers is not None:
        running["breakers"] = partial(base.shared.breakers.run, base.adapters.guards)
    if role is Role.WORKER or settings.serve_works_queue:
        running |= {"jobs": gateway.worker.run, "job_wake_ups": base.wake_for_jobs, "orphans": services.orphans.run}
        running["sessions"] = partial(services.sessions.run, services.incidents)
        running["reconciliation"] = services.reconciliation.watch
    if base.sockets is not None:
        running["sockets"] = base.sockets.run
    if role is Role.SERVE:
        running["sweep"] = services.sweep.run
        running["documents"] = services.documents.run
        if settings.has_sandbox:
            running["clock"] = gateway.driver.run
    if settings.is_all_mock:
        running["clock_offset"] = partial(follow_offset, gateway.clock, base.database)
    return running


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=END_WITHIN_S)
        if late:
            _log.error("background_not_ended", tasks=len(late))


async def _start(
    app: Starlette, settings: Settings, role: Role, base_clock: Clock, machine: Clock, stack: AsyncExitStack
) -> Gateway:
    database = open_database(settings.database_url, settings.database_connections, field_encryption(settings))
    stack.push_async_callback(database.close)
    await stack.enter_async_context(telemetry(settings, database, role))
    clock = OffsetClock(base_clock)
    if settings.is_all_mock:
        # With one real vendor the clock must not move: the vendor checks timestamps against real time.
        clock.follow(await load_offset(database))

    scheduled = asyncio.Event()
    sandbox = await open_sandbox(app, settings, clock, stack, scheduled.set) if settings.has_sandbox else None
    client = sandbox.client if sandbox is not None else None
    base = open_infrastructure(settings, database, clock, machine, client, internet_until(stack))
    stack.push_async_callback(base.close)
    services = build_services(base)
    worker = build_worker(base, services)
    driver = ClockDriver(clock, client, worker, base.read, database, scheduled, may_move=settings.is_all_mock)
    if sandbox is not None:
        app.state.sandbox_pages = sandbox.pages
        app.state.seeder = MockSeeder(services, sandbox.pages, sandbox.client if settings.is_all_mock else None)
        stack.push_async_callback(app.state.seeder.close)
    app.state.clock = driver
    app.state.services = services
    routing = app.state.route_settings = route_settings(settings, _operator_port(settings, role))
    schema = build_schema(services.incidents, settings.operation_deadline_s, routing.cost_limit, settings.graphql_plans)
    app.state.graphql_http = GraphQlHttp(schema, services)
    app.state.graphql_socket = GraphQlWebSocket(schema, services, routing)
    return Gateway(settings, clock, base, services, worker, driver)


def _operator_port(settings: Settings, role: Role) -> int | None:
    """A worker has no port for anybody else."""
    return settings.operator_port if role is Role.SERVE else None


def _middleware(settings: Settings, role: Role) -> list[Middleware]:
    operator_port = _operator_port(settings, role)
    return [
        Middleware(ClientAddress, trusted=settings.trusted_proxies),
        *([Middleware(KnownHosts, names=settings.own_names)] if settings.is_reachable_mock else []),
        Middleware(
            middleware.SecurityHeaders,
            is_https=settings.is_https,
            policies=content_policies(settings.public_url, settings.return_origins),
        ),
        *([Middleware(AccessLog)] if settings.access_log else []),
        *([Middleware(OperatorDoor, port=operator_port)] if operator_port is not None else []),
        Middleware(CrossOrigin, origins=settings.front_ends, headers=[CSRF_HEADER, HEADER]),
        Middleware(middleware.DatabaseGate),
        Middleware(middleware.Unforeseen),
        Middleware(
            Intake,
            at_once=settings.requests_at_once,
            bodies=settings.limit_bodies,
            bodies_per_address=settings.limit_bodies_per_address,
        ),
        *([Middleware(ScenarioHeader)] if settings.has_sandbox else []),
        Middleware(Tracing),
    ]


async def _graphql(request: Request) -> Response:
    """A browser that opens the address gets GraphiQL, every other client the API."""
    if graphiql.is_wanted(request):
        return await graphiql.page(request)
    endpoint: GraphQlHttp = request.app.state.graphql_http
    return await endpoint(request)


async def _graphql_socket(socket: WebSocket) -> None:
    endpoint: GraphQlWebSocket = socket.app.state.graphql_socket
    await endpoint.serve(socket)


async def _sandbox_pages(scope: Scope, receive: Receive, send: Send) -> None:
    await scope["app"].state.sandbox_pages(scope, receive, send)
