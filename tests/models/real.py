"""The real encoder for tests, where `make test` could get its parts: they lie beside the environment."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import pytest

from cadence.models.encoder import MiniLmEncoder, missing

DATA = Path(sys.prefix) / "data"  # where the Makefile has the tokenizer put


@cache
def loaded() -> MiniLmEncoder:
    return MiniLmEncoder(DATA)


def real_encoder() -> MiniLmEncoder:
    """MiniLM, loaded once for all tests; skips the test, saying why, where a part of it is missing."""
    if (why := missing(DATA)) is not None:
        pytest.skip(f"no real vectors: {why}")
    return loaded()
