"""Who stands with whom: sides guessed from explicit objections and agreements between speakers.

A guess may steer what is shown, so that the smaller side is not lost; it is never told to anybody as a fact
(LOD.md section 5, law 9).

Pure: `at` is in seconds, as of the log.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

HALF_LIFE_S = 600.0
PAIRS_MAX = 128
EDGE_MIN = 0.1  # weaker ties no longer count
SIDES = ("side 0", "side 1")  # as keys of a `SpeakerMemory`; no speaker's id holds a space


class Sides:
    """Ties between pairs of speakers: agreement pulls together, objection apart, both halved every ten minutes."""

    def __init__(self) -> None:
        self._ties: dict[tuple[str, str], tuple[float, float]] = {}  # (weight, as of)
        self._guessed: tuple[float, dict[str, str]] | None = None  # when it was last asked for; the ties are the same

    def agreed(self, one: str, other: str, at: float) -> None:
        """`one` merely agreed with `other`."""
        self._tie(one, other, 1.0, at)

    def objected(self, one: str, other: str, at: float) -> None:
        """`one` objected to `other`."""
        self._tie(one, other, -1.0, at)

    def clear(self) -> None:
        """Forget all ties."""
        self._ties.clear()
        self._guessed = None

    def guess(self, at: float) -> Mapping[str, str]:
        """The side of each speaker who has ties, or {} while nobody objects to anybody.

        The sign of the leading eigenvector of the signed ties, then single moves while they help.
        """
        if self._guessed is None or self._guessed[0] != at:
            self._guessed = at, self._guess(at)
        return self._guessed[1]

    def _guess(self, at: float) -> dict[str, str]:
        ties = {pair: weight for pair in self._ties if abs(weight := self._weight(pair, at)) >= EDGE_MIN}
        if not any(weight < 0 for weight in ties.values()):
            return {}
        speakers = sorted({speaker for pair in ties for speaker in pair})
        index = {speaker: i for i, speaker in enumerate(speakers)}
        matrix = np.zeros((len(speakers), len(speakers)))
        for (one, other), weight in ties.items():
            matrix[index[one], index[other]] = matrix[index[other], index[one]] = weight
        side = np.where(np.linalg.eigh(matrix)[1][:, -1] >= 0, 1.0, -1.0)
        for _ in range(len(speakers)):
            pull = side * (matrix @ side)
            worst = int(pull.argmin())
            if pull[worst] >= 0:
                break
            side[worst] = -side[worst]
        side *= side[0]  # the first speaker's side is side 0, whatever sign the eigenvector came with
        return {speaker: SIDES[0 if side[i] > 0 else 1] for speaker, i in index.items()}

    def _tie(self, one: str, other: str, weight: float, at: float) -> None:
        if one == other:
            return
        pair, self._guessed = (min(one, other), max(one, other)), None
        self._ties[pair] = (self._weight(pair, at) + weight, at)
        if len(self._ties) > PAIRS_MAX:
            del self._ties[min(self._ties, key=lambda known: (abs(self._weight(known, at)), known))]

    def _weight(self, pair: tuple[str, str], at: float) -> float:
        weight, since = self._ties.get(pair, (0.0, at))
        return float(weight * 0.5 ** (max(0.0, at - since) / HALF_LIFE_S))
