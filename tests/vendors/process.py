"""A vendor in a process of its own: two TLS ports, one of which asks for our certificate.

Arguments: which vendor, a folder with ca.pem and server.pem, and where browsers come back to.
Prints the API's port and the other's, where tokens and the banks' pages are. Time stands still until `POST /advance`.
"""

import asyncio
import ssl
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from gateway.assembly.clocks import SystemClock
from tests.builders.port import started
from tests.builders.sandbox import sandbox_alone
from tests.builders.server import free_port
from tests.vendors import nextgenpsd2, nextgenpsd2_routes, open_payments, open_payments_routes


async def _started(app: ASGIApp, folder: Path, port: int, demanded: ssl.VerifyMode) -> uvicorn.Server:
    server = str(folder / "server.pem")
    return await started(
        app,
        port=port,
        log_level="error",
        ssl_certfile=server,
        ssl_keyfile=server,
        ssl_ca_certs=str(folder / "ca.pem"),
        ssl_cert_reqs=demanded,
    )


async def serve(vendor: str, folder: Path, callback: str) -> None:
    api, site = free_port(), free_port()
    async with sandbox_alone(folder, SystemClock().now()) as sandbox:
        # The bank knows its customers; nobody signs in to the sandbox's BankID here.
        await sandbox.sign_in("kari")
        host = f"https://127.0.0.1:{site}"
        if vendor == "open_payments":
            face = open_payments_routes.app(open_payments.OpenPayments(sandbox.inner, callback=callback, host=host))
        else:
            banks = nextgenpsd2.NextGenBanks(sandbox.inner, host=host)
            face = nextgenpsd2_routes.app(banks)

        async def advance(request: Request) -> Response:
            await sandbox.advance(seconds=2)
            return Response(status_code=204)

        async def pushes(request: Request) -> Response:
            return JSONResponse(await banks.pushes())

        pages = Starlette(
            routes=[
                Route("/advance", advance, methods=["POST"]),
                Route("/pushes", pushes),
                Mount("/sandbox", sandbox.pages_app),
                Mount("/", face),
            ]
        )
        servers = [
            await _started(face, folder, api, ssl.CERT_REQUIRED),
            await _started(pages, folder, site, ssl.CERT_NONE),
        ]
        sys.stdout.write(f"{api} {site}\n")
        sys.stdout.flush()
        await asyncio.gather(*(server.main_loop() for server in servers))


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
