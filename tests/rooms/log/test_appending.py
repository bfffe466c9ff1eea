"""Together or one by one, the log is the same; and together nothing goes wrong that would not alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.rooms.log import Appended, Draft, LogConflict, LogError
from cadence.rooms.log.appending import ROWS_AT_ONCE, append_all
from cadence.rooms.log.reads import messages
from cadence.rooms.log.schema import Store, open_store
from cadence.rooms.log.writes import Append, commit_together, open_room
from cadence.rooms.wire import Author


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "log.db", 0.0)
    for room in ("lab", "attic"):
        open_room(opened, room)
    yield opened
    opened.close()


def draft(id: str, room: str = "lab", at: float = 1.0, text: str = "x") -> Draft:
    return Draft(room, Author("ann", "Ann", "agent"), id, at, text)


def test_seqs_follow_the_order_of_the_drafts_room_by_room(store: Store) -> None:
    count = sum(ROWS_AT_ONCE) + ROWS_AT_ONCE[0] + 3
    done = append_all(store, [draft(str(n), "lab" if n % 3 else "attic") for n in range(count)])
    assert done is not None and len(done) == count
    for room in ("lab", "attic"):
        seqs = [each.message.seq for each in done if each.message.room == room]
        assert seqs == list(range(1, len(seqs) + 1))
        kept = messages(store, room, 0, None, count)
        assert kept == [each.message for each in done if each.message.room == room]
    following = append_all(store, [draft("next"), draft("next but one")])
    assert following is not None and following[0].message.seq == len(messages(store, "lab", 0, None, count)) - 1


def test_time_does_not_go_back(store: Store) -> None:
    done = append_all(store, [draft("a", at=5.0), draft("b", at=4.0), draft("c", at=6.0)])
    assert done is not None
    assert [each.message.at[17:19] for each in done] == ["05", "05", "06"]


@pytest.mark.parametrize(
    "bad", [draft("old"), draft("twice"), draft("x", room="cellar"), draft("half", text="\ud83d")], ids=lambda d: d.id
)
def test_with_one_that_is_not_new_nothing_is_done(store: Store, bad: Draft) -> None:
    assert append_all(store, [draft("old")]) is not None
    assert append_all(store, [draft("fresh"), draft("twice"), bad]) is None
    assert [each.id for each in messages(store, "lab", 0, None, 9)] == ["old"]
    assert append_all(store, [draft("fresh")]) is not None


def test_in_a_transaction_the_others_are_kept_and_each_learns_its_own_outcome(store: Store) -> None:
    works = [draft("a"), draft("a"), draft("a", text="other"), draft("b", room="cellar"), draft("c")]
    outcomes = commit_together(store, [Append(each) for each in works])
    first, again, other, nowhere, last = outcomes
    assert isinstance(first.value, Appended) and not first.value.duplicate
    assert again.value == Appended(first.value.message, duplicate=True)
    assert isinstance(other.error, LogConflict) and isinstance(nowhere.error, LogError)
    assert last.value.message.seq == 2


def test_other_work_between_drafts_keeps_its_place(store: Store) -> None:
    heads: list[int] = []

    def look(opened: Store) -> None:
        heads.append(opened.execute("SELECT head FROM rooms WHERE room = 'lab'").fetchone()[0])

    commit_together(store, [Append(draft("a")), Append(draft("b")), look, Append(draft("c")), look])
    assert heads == [2, 3]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["lab", "attic", "cellar"]), st.sampled_from("xy"))))
def test_together_is_what_one_by_one_would_be(said: list[tuple[str, str, str]]) -> None:
    drafts = [draft(id, room, float(n), text) for n, (id, room, text) in enumerate(said)]

    def outcomes(at_once: int) -> list[object]:
        with Store(":memory:", isolation_level=None) as opened:
            _make(opened)
            found = []
            for start in range(0, len(drafts), at_once):
                works = [Append(each) for each in drafts[start : start + at_once]]
                for outcome in commit_together(opened, works):
                    found.append(outcome.value or type(outcome.error).__name__)
            return found

    assert outcomes(4) == outcomes(1)


def _make(store: Store) -> None:
    from cadence.rooms.log.tables import STEPS

    for step in STEPS:
        store.executescript(step)
    store.executemany("INSERT INTO rooms (room, epoch) VALUES (?, 'e')", [("lab",), ("attic",)])
