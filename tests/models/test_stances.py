from __future__ import annotations

import numpy as np

from cadence.models.encoder import DIMENSIONS
from cadence.models.stances import stance_directions


def test_the_directions_fit_the_encoder_and_come_with_the_project() -> None:
    found = stance_directions()
    assert found.shape == (DIMENSIONS, 16) and found.dtype == np.float32
    assert np.isfinite(found).all() and np.linalg.norm(found, axis=0).min() > 0


def test_each_direction_tells_something_of_its_own() -> None:
    found = stance_directions() / np.linalg.norm(stance_directions(), axis=0)
    assert np.abs(found.T @ found - np.eye(16)).max() < 0.01


def test_it_is_read_once() -> None:
    assert stance_directions() is stance_directions()
