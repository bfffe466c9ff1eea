"""Everything an operator can set: `CADENCE_` variables of the environment, and what the command line overrides."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

SPEED_MIN = 0.01
SPEED_MAX = 100.0


class SettingsError(Exception):
    """A setting cannot be used; the text is one sentence that names it, what was expected and what came."""


def data_home() -> Path:
    """The folder where this platform keeps an application's data, for us."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Application Support")
    else:
        base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "cadence"


def mediators_fitting() -> int:
    """One, beside the server, where there is a core for it and a way to reach it."""
    return 1 if os.name == "posix" and (os.cpu_count() or 1) > 1 else 0


class Settings(BaseSettings):
    """One frozen set of settings. `load` makes it and explains itself; constructing it raises pydantic's error."""

    model_config = SettingsConfigDict(env_prefix="CADENCE_", env_ignore_empty=True, frozen=True, extra="forbid")

    place: Annotated[Path, Field(description="folder with rooms/, personas/ and models/")] = Path(".")

    data: Annotated[Path, Field(default_factory=data_home, description="folder of the log and all the server writes")]

    host: Annotated[str, Field(min_length=1, max_length=255, description="address to listen on")] = "127.0.0.1"

    port: Annotated[int, Field(ge=0, le=65535, description="port to listen on; 0 takes a free one")] = 8765

    speed: Annotated[float, Field(ge=SPEED_MIN, le=SPEED_MAX, description="scripts play this many times faster")] = 1.0

    open: Annotated[bool, Field(description="let anyone who reaches the server in, off loopback too")] = False

    token: Annotated[SecretStr | None, Field(description="what guests must show to enter, also on loopback")] = None

    redis: Annotated[SecretStr | None, Field(description="the Redis by which servers share rooms")] = None

    host_token: Annotated[
        SecretStr | None, Field(min_length=16, description="the host's token, where several servers must know the same")
    ] = None

    mediators: Annotated[
        int,
        Field(default_factory=mediators_fitting, ge=0, le=64, description="processes for Alex; 0: the server's own"),
    ]

    sink: Annotated[
        Literal["auto", "transport", "asgi"],
        Field(description="how frames leave: `auto` writes them to the transport where that is proven to work"),
    ] = "auto"

    pack: Annotated[Path | None, Field(description="a domain pack, as `cadence lod pack` writes it")] = None


def load(**given: object) -> Settings:
    """Settings from the environment, overridden by those of `given` that are not None. Raises `SettingsError`."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        came = "" if name in ("token", "redis", "host_token") else f", got {first['input']!r}"[:80]
        said = first["msg"].replace("Input should be", "expected").replace("String should have", "expected a string of")
        raise SettingsError(f"{name} (CADENCE_{name.upper()}): {said}{came}") from None
