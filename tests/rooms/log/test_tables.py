from __future__ import annotations

import sqlite3
from hashlib import sha256

from cadence.rooms.log.tables import STEPS, VERSION

# Logs that were made with a step are out there. A step is only added here, never changed.
RELEASED = ("c58dc8",)


def test_a_step_that_was_released_is_never_changed() -> None:
    assert tuple(sha256(step.encode()).hexdigest()[:6] for step in STEPS[: len(RELEASED)]) == RELEASED


def test_the_version_counts_the_steps_and_each_builds_on_those_before() -> None:
    assert len(STEPS) == VERSION
    store = sqlite3.connect(":memory:")
    for step in STEPS:
        before = dict(store.execute("SELECT name, sql FROM sqlite_master"))
        store.executescript(step)
        after = dict(store.execute("SELECT name, sql FROM sqlite_master"))
        assert before.keys() <= after.keys() and before != after
    store.close()
