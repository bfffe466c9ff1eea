from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI

from cadence.site import POLICY, mount_site


async def get(api: FastAPI, path: str) -> tuple[int, dict[str, str], bytes]:
    """One GET without a server: status, headers, body."""
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(event: Any) -> None:
        sent.append(event)

    await api(scope, receive, send)  # type: ignore[arg-type]
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(event.get("body", b"") for event in sent[1:])


async def test_a_missing_client_says_how_to_build_it(tmp_path: Path) -> None:
    api = FastAPI()
    mount_site(api, tmp_path)
    status, _, body = await get(api, "/")
    assert status == 503
    assert b"make web" in body


async def test_no_page_may_run_code_that_is_not_ours(tmp_path: Path) -> None:
    api = FastAPI()
    mount_site(api, tmp_path)
    _, headers, _ = await get(api, "/")
    assert headers["content-security-policy"] == POLICY
    assert "unsafe-eval" not in POLICY and "script-src 'self';" in POLICY
    assert headers["x-content-type-options"] == "nosniff"
