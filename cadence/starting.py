"""What must be right before a server starts: its address, its place, its data folder. Each problem is one sentence."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from pathlib import Path
from typing import Any

from cadence.reload import PID_FILE
from cadence.settings import Settings

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class StartError(Exception):
    """The server cannot start; the text is one sentence for the operator."""


def check_exposure(settings: Settings) -> None:
    """Refuse to be reachable from elsewhere by accident (protocol rule 10). Raises `StartError`."""
    if settings.host not in LOOPBACK and not settings.open and settings.token is None:
        raise StartError(
            f"host {settings.host} can be reached from other machines: set CADENCE_TOKEN to a secret that everyone "
            "must show, or pass --open to let anyone in"
        )


def check_place(place: Path) -> None:
    """Refuse a folder that is not there: a misspelt path is no empty place. Raises `StartError`."""
    if not place.is_dir():
        raise StartError(f"expected a folder at {place}, got none; `cadence init {place}` makes one")


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `StartError` naming what to do."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise StartError(f"host {host}: expected an address of this machine: {error.strerror}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise StartError(
            f"port {port} on {host} cannot be used: {error.strerror}; stop what is using it or pass --port with another"
        ) from error
    return listener


def read_host_token(data: Path) -> str:
    """The host's token in DATA/host-token, made on the first start and readable by its owner only."""
    path = data / "host-token"
    with contextlib.suppress(FileExistsError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
    token = path.read_text().strip()
    if len(token) < 16:
        raise StartError(f"{path}: expected a token of at least 16 characters; remove the file to get a new one")
    return token


def copies(data: Path) -> list[str]:
    """Names of older copies of the log that lie beside it: nothing that is erased now is erased in them."""
    return sorted(path.name for pattern in ("version-*", "before-*") for path in data.glob(f"log.db.{pattern}"))


@contextlib.contextmanager
def pid_file(data: Path) -> Any:
    """DATA/cadence.pid holds this process's id meanwhile, for `cadence reload`."""
    path = data / PID_FILE
    path.write_text(f"{os.getpid()}\n")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
