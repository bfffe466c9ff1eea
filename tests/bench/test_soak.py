"""What a soak concludes from its samples."""

from __future__ import annotations

from random import Random

import pytest

from bench.soak.slopes import BLOCKS, slope

TIMES = [10.0 * number for number in range(360)]  # an hour


def noise(seed: int, kept: float) -> list[float]:
    """What resembles its neighbours the more, the more of the last value is kept."""
    chance, value, found = Random(seed), 0.0, []
    for _ in TIMES:
        value = kept * value + chance.gauss(0.0, 1.0)
        found.append(value)
    return found


def test_a_line_is_found_as_it_is() -> None:
    found = slope(TIMES, [100.0 + 12.0 * second / 3600 for second in TIMES])
    assert found.per_hour == pytest.approx(12.0) and found.margin == pytest.approx(0.0, abs=1e-9)
    assert found.at(0.5) == pytest.approx(106.0) and found.grows


def test_what_grows_is_told_from_noise() -> None:
    grown = [value + 10.0 * second / 3600 for value, second in zip(noise(1, 0.5), TIMES, strict=True)]
    assert slope(TIMES, grown).grows
    assert not slope(TIMES, [-value for value in grown]).grows, "what shrinks does not grow"


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.8])
def test_noise_is_rarely_taken_for_growth(kept: float) -> None:
    grown = sum(slope(TIMES, noise(seed, kept)).grows for seed in range(200))
    assert grown <= 14, "expected about 5 of 200, as the interval has two sides"


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="soak for longer"):
        slope(TIMES[: BLOCKS - 1], TIMES[: BLOCKS - 1])
