"""Writes the verify page to a file."""

from __future__ import annotations

import sys
from pathlib import Path

from cadence.factory.alloy.page import page

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("expected where to write the page: python -m cadence.factory.alloy.page verify.html")
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
