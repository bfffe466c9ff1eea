"""The directions in which the two sides of an argument differ, learned from arguments of known stance.

    python -m bench.lod.stances [--data DIR] [--shared DIR] [--out FILE]

For each topic of `arguments_train.csv` (ArgKP-2021) the direction that tells its two sides apart best, by Fisher's
linear discriminant on MiniLM vectors less the topic's mean; over all topics, the axes along which these directions lie.
Closed form, so the same data give the same file. Topics that are judged are never learned from: `unseen` leaves each
out.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.lod.data import Argument, arguments
from bench.lod.encodings import Encodings
from cadence.lod.leanings import Leanings
from cadence.lod.vectors import Matrix
from cadence.models.stances import PATH
from cadence.settings import data_home

RANK = 16
SHRINKAGE = 1.0  # of the covariance, in mean variances of a topic of vectors of length 1
FOLDS = 7

Topic = tuple[Matrix, NDArray[np.int64]]  # vectors [n, d], stances [n]


def learned(topics: list[Topic]) -> Matrix:
    """The axes [d, RANK], each as long as it tells sides apart. Needs `RANK` topics with both sides."""
    dimensions = topics[0][0].shape[1]
    forms = np.zeros((dimensions, dimensions))
    for vectors, stances in topics:
        own = (vectors - vectors.mean(axis=0)).astype(np.float64)
        apart = own[stances > 0].mean(axis=0) - own[stances < 0].mean(axis=0)
        spread = own.T @ own / len(own) + np.eye(dimensions) * SHRINKAGE / dimensions
        direction = np.linalg.solve(spread, apart)
        direction /= np.sqrt(np.mean((own @ direction) ** 2))
        forms += np.outer(direction, direction)
    strength, axes = np.linalg.eigh(forms)
    found: Matrix = (axes[:, -RANK:] * np.sqrt(strength[-RANK:])).astype(np.float32)
    return found


def unseen(topics: Mapping[str, Topic]) -> dict[str, Leanings]:
    """For each topic what is learned without it: the topics in `FOLDS` parts, each judged by the others."""
    names, found = sorted(topics), dict[str, Leanings]()
    for fold in range(FOLDS):
        held_out = names[fold::FOLDS]
        leanings = Leanings(learned([topics[name] for name in names if name not in held_out]))
        found |= dict.fromkeys(held_out, leanings)
    return found


def encoded(held: Mapping[str, list[Argument]], encodings: Encodings) -> dict[str, Topic]:
    """Topics as vectors and stances; none without an encoder."""
    found: dict[str, Topic] = {}
    for topic, own in held.items():
        vectors = encodings.of([one.text for one in own])
        if vectors is not None:
            found[topic] = vectors, np.array([one.stance for one in own])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.lod.stances", description=__doc__)
    parser.add_argument("--data", type=Path, default=data_home(), help="tokenizer and kept encodings")
    parser.add_argument("--shared", type=Path, default=Path("../shared/data"), help="the real conversations")
    parser.add_argument("--out", type=Path, default=PATH, help="where the directions go")
    given = parser.parse_args()
    encodings = Encodings(given.data)
    if encodings.why_not:
        parser.error(encodings.why_not)
    topics = encoded(arguments(given.shared, parts=("train",)), encodings)
    np.save(given.out, learned(list(topics.values())).astype(np.float16))
    print(f"{len(topics)} topics, {sum(len(own) for own, _ in topics.values())} arguments: {given.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
