"""What a stranger gets from the package: the wheel in an empty environment, without Node.js, running.

Slow (pip installs the real dependencies), and the only proof that they are complete.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.source import ROOT

PAGE = ROOT / "cadence" / "web" / "index.html"
INSTALL_SECONDS_MAX = 600
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="the page is not built: make web")


def run(*command: str | Path, **more: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS_MAX,
        **more,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def cadence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `cadence` command of an environment that holds nothing but the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (wheel,) = folder.glob("*.whl")
    run(sys.executable, "-m", "venv", folder / "empty")
    programs = folder / "empty" / ("Scripts" if os.name == "nt" else "bin")
    run(programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    return programs / "cadence"


@pytest.fixture(scope="module")
def alone(cadence: Path) -> dict[str, str]:
    """An environment in which only the package's own programs are found: no Node.js, no checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CADENCE_", "NODE"))}
    return {**kept, "PATH": str(cadence.parent)}


@pytest.fixture(scope="module")
def place(cadence: Path, alone: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("host") / "my place"
    run(cadence, "init", place, env=alone, cwd=place.parent)
    return place


@pytest.fixture
def address(cadence: Path, place: Path, alone: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """Where the installed server answers."""
    command = [str(cadence), "serve", str(place), "--port", "0", "--data", str(tmp_path / "data")]
    child = subprocess.Popen(
        command, env=alone, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert child.stdout is not None
        line = child.stdout.readline()
        assert "http://127.0.0.1:" in line, line
        yield line.split()[-1].partition("#")[0]
    finally:
        child.terminate()
        child.communicate(timeout=30)


def test_a_place_it_writes_passes_its_own_check(cadence: Path, place: Path, alone: dict[str, str]) -> None:
    checked = run(cadence, "check", place, "--json", env=alone, cwd=place.parent)
    assert json.loads(checked.stdout) == []


def test_it_serves_the_page_and_the_rooms(address: str) -> None:
    with urllib.request.urlopen(address, timeout=30) as answer:
        page = answer.read().decode()
    script = page.partition('src="')[2].partition('"')[0]
    assert script
    with urllib.request.urlopen(address.rstrip("/") + "/" + script.lstrip("./"), timeout=30) as answer:
        assert len(answer.read()) > 10_000
    with urllib.request.urlopen(address.rstrip("/") + "/api/rooms", timeout=30) as answer:
        assert json.loads(answer.read())
