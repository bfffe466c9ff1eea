"""Serves the built client at `/`, or a page that says how to build it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

BUILT = Path(__file__).parent / "web"
# The page loads nothing from elsewhere and runs no inline script: what a persona writes cannot become code.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
MISSING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Cadence</title>
<h1>Cadence is running, its page is not built</h1>
<p>Run <code>make web</code> in the checkout and reload. Agents can connect to <code>/ws</code> all the same.</p></html>
"""


def mount_site(api: FastAPI, built: Path = BUILT) -> None:
    """Add the client to `api`, behind all its routes."""

    @api.middleware("http")
    async def harden(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        if not request.url.path.startswith(("/docs", "/redoc")):  # FastAPI's own pages load scripts from elsewhere
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
        if request.url.path in ("/", "/index.html"):
            response.headers["Cache-Control"] = "no-cache"  # the names of all other files carry their hash
        return response

    if (built / "index.html").is_file():
        api.mount("/", StaticFiles(directory=built, html=True), name="site")
        return

    @api.get("/", include_in_schema=False)
    async def missing() -> Any:
        return HTMLResponse(MISSING, status_code=503)
