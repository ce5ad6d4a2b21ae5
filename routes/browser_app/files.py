"""The reference client's built files, for the browser of someone who tries the gateway without Node."""

from pathlib import Path
from typing import Final

from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

_ASSETS: Final = Path(__file__).parent / "assets"

ROUTES = [Mount("/app", StaticFiles(directory=_ASSETS, html=True))]
"""What only a gateway in mock mode has."""
