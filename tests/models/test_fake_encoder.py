"""What the fakes promise beyond the contracts in `test_encoder.py` and `test_async_encoder.py`."""

from __future__ import annotations

import hashlib

import pytest

from cadence.models.encoder import Vectors
from cadence.models.fake_encoder import FakeEncoder, InlineEncoder


def test_a_vector_is_the_same_on_every_machine() -> None:
    vector = FakeEncoder().encode(["ledger"])[0]
    signs = (vector > 0).tobytes()
    assert hashlib.sha256(signs).hexdigest()[:16] == "01e7331f9cbe7a30"
    assert abs(vector) == pytest.approx(384**-0.5)


def test_texts_are_as_close_as_the_words_they_share() -> None:
    vectors = FakeEncoder().encode(["alpha beta", "alpha beta gamma delta", "epsilon zeta", "beta alpha"])
    assert vectors[0] @ vectors[3] == pytest.approx(1.0, abs=1e-6)
    assert vectors[0] @ vectors[1] == pytest.approx(0.5**0.5, abs=0.12)
    assert vectors[0] @ vectors[2] == pytest.approx(0.0, abs=0.2)


async def test_an_encoder_that_refuses_now_and_then_can_be_played() -> None:
    answers: dict[int, Vectors | None] = {}
    encoder = InlineEncoder(FakeEncoder(), answers.__setitem__, refuse_every=3)
    for key in range(1, 8):
        encoder.submit(key, ["text"])
    assert answers == {}, "never while it is being asked"
    await encoder.close()
    assert [key for key, vectors in sorted(answers.items()) if vectors is None] == [3, 6]
    assert (encoder.count().encoded, encoder.count().dropped) == (5, 2)
