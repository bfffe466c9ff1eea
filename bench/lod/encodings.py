"""Sentence vectors for the benchmark, computed once and kept under the data folder."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cadence.lod.vectors import Matrix
from cadence.models.encoder import MiniLmEncoder, missing

CHUNK = 1_024


class Encodings:
    """MiniLM vectors by list of texts. `available` says whether there can be any."""

    def __init__(self, data: Path) -> None:
        self._folder = data / "bench-encodings"
        self.why_not = missing(data)
        self._encoder = MiniLmEncoder(data)

    @property
    def available(self) -> bool:
        return self.why_not is None

    def of(self, texts: Sequence[str]) -> Matrix | None:
        """[len(texts), 384], from the cache if they were encoded before; None without the extra."""
        if not self.available:
            return None
        key = hashlib.sha256("\x00".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:20]
        path = self._folder / f"{key}.npy"
        if path.is_file():
            kept: Matrix = np.load(path).astype(np.float32)
            return kept
        found = self._encode(texts)
        self._folder.mkdir(parents=True, exist_ok=True)
        np.save(path, found.astype(np.float16))
        return found

    def _encode(self, texts: Sequence[str]) -> Matrix:
        parts: list[Matrix] = []
        for first in range(0, len(texts), CHUNK):
            print(f"encoding {first} of {len(texts)} texts", end="\r", file=sys.stderr)
            parts.append(self._encoder.encode(texts[first : first + CHUNK]))
        return np.concatenate(parts) if parts else np.zeros((0, 384), dtype=np.float32)
