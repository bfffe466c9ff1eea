"""Runs `cadence alloy` in this process, in a folder with alloys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from cadence.cli import app
from tests.factory.alloy.examples import Value, text
from tests.factory.alloy.gates.bundles import FILES


def alloy(*arguments: object) -> Result:
    """The result of a command; an exception that is not an exit is raised."""
    result = CliRunner().invoke(app, ["alloy", *(str(one) for one in arguments)], catch_exceptions=False)
    assert "Traceback" not in result.output
    return result


def told(*arguments: object, code: int = 0) -> Any:
    """What a command prints with `--json`."""
    result = alloy(*arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def put(folder: Path, value: Value, name: str = "x") -> Path:
    """The value as a file NAME.alloy.json."""
    path = folder / f"{name}.alloy.json"
    path.write_bytes(text(value))
    return path


def bundle(folder: Path) -> Path:
    """The files that belong to `examples.forged()`."""
    for name, content in FILES.items():
        path = folder / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder / "model"


def key(folder: Path, owner: str = "someone") -> tuple[Path, Path]:
    """A signing key, and a registry with it and all that were made before in this folder."""
    path, registry = folder / f"{owner}.pem", folder / "keys.json"
    made = alloy("key", path, "--owner", owner)
    known = json.loads(registry.read_text())["keys"] if registry.is_file() else []
    registry.write_text(json.dumps({"keys": [*known, json.loads(made.stdout)]}))
    return path, registry
