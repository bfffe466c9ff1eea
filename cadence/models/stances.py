"""The learned directions in which the two sides of an argument differ, as they come with the project.

Learned from the arguments of ArgKP-2021's training part (Friedman et al. 2021; Apache-2.0) by `bench/lod/stances.py`,
in the space of the vectors of `encoder`. No text is in them: 16 directions, as numbers.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PATH = Path(__file__).with_name("stances.npy")


@cache
def stance_directions() -> NDArray[np.float32]:
    """[384, 16], one direction a column. Read once."""
    found: NDArray[np.float32] = np.load(PATH, allow_pickle=False).astype(np.float32)
    return found
