from __future__ import annotations

from dataclasses import replace

from cadence.alex.events import Viewed
from cadence.alex.reader import MediatedRoom, Reader, noted
from cadence.alex.turns import made_turn
from cadence.rooms.wire import Covers, Read, View, ViewPatch
from tests.alex.talk import START, mediator


def reader() -> Reader:
    return Reader(MediatedRoom("lab", "epoch", 0, ViewPatch(cadence_s=8.0)), "ada")


def test_the_view_is_the_records_until_a_mediator_lives() -> None:
    ada = reader()
    ada.set_patch(ViewPatch(sigma=2.0), by="host")
    assert ada.view == View(cadence_s=8.0, sigma=2.0)
    assert ada.record.set_by == "host"
    ada.mediator = mediator(sigma=3.0)
    assert ada.view == View(sigma=3.0)


def test_an_open_raw_range_is_noted_with_what_is_covered_before_it() -> None:
    ada, machine = reader(), mediator(covered_to=6)
    assert not ada.raw
    machine.handle(Viewed(View(mode="raw")), START)
    ada.mediator = machine
    ada.record = noted(ada.record, machine, START)
    assert ada.raw and (ada.record.raw_from, ada.record.covered_to) == (7, 6)
    machine.handle(Viewed(View()), START)
    ada.record = noted(ada.record, machine, START)
    assert ada.record.raw_from is None


def test_a_pace_is_learned_only_where_the_reader_and_the_host_leave_it_to_alex() -> None:
    def learned(patch: ViewPatch, locked: tuple[str, ...] = ()) -> ViewPatch | None:
        ada = reader()
        ada.set_patch(patch, by="ada")
        ada.record = replace(ada.record, locked=locked)
        for turn in range(10):
            ada.pace.sent(turn, 20, START)
            ada.pace.read(turn, 4.0)
        return ada.learned(START + 60)

    assert learned(ViewPatch()) == ViewPatch(pace_wpm=261.0)
    assert learned(ViewPatch(auto=False)) is None
    assert learned(ViewPatch(), ("pace_wpm",)) is None and learned(ViewPatch(), ("auto",)) is None


def test_how_far_one_has_read_is_told_by_turn_or_by_seq_and_never_goes_back() -> None:
    ada = reader()
    ada.room.head = 50
    for number, to in ((1, 10), (2, 20)):
        ada.shown(made_turn("lab", number, "", "paraphrase", Covers("epoch", to - 9, to, 10, 90), ()))
    ada.shown(made_turn("lab", 3, "", "answer", None, ()))
    for told, reached in (
        (Read(room="lab", turn=2), 20),
        (Read(room="lab", turn=1), 20),
        (Read(room="lab", turn=3), 20),
        (Read(room="lab", turn=99), 20),
        (Read(room="lab", seq=30), 30),
        (Read(room="lab", seq=2**50), 50),
    ):
        ada.has_read(told)
        assert ada.record.read_to == reached
