"""The verify page: one HTML file that checks alloys in a browser, without a network, also from a disk.

    cadence alloy page --out verify.html

It is put together from the sources in this folder, which share nothing with the Python side but the rules. Its content
security policy allows exactly the one script and the one style that are in it, by hash, and no connection at all: what
a hostile alloy says cannot become code, and nothing that is dropped here can leave.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

SOURCES = ("json.js", "proof.js", "qr.js", "report.js", "view.js")

__all__ = ["SOURCES", "page"]


@cache
def page() -> str:
    """The whole page as HTML."""
    folder = Path(__file__).parent
    style = (folder / "style.css").read_text(encoding="utf-8")
    script = "\n".join(_plain((folder / name).read_text(encoding="utf-8")) for name in SOURCES)
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )
    template = (folder / "page.html").read_text(encoding="utf-8")
    for name, text in (("policy", policy), ("style", style), ("script", script)):
        before, _, after = template.partition(f"{{{name}}}")
        template = before + text + after
    return template


def _plain(module: str) -> str:
    """A module without its imports and exports, so that all of them fit into one script."""
    lines, importing = [], False
    for line in module.splitlines():
        importing = importing or line.startswith("import ")
        if not importing:
            lines.append(line.removeprefix("export "))
        elif line.endswith(";"):
            importing = False
    return "\n".join(lines)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
