from __future__ import annotations

import json

import msgspec
import pytest

from cadence.rooms.wire import Focus, Segment, SegmentPart, View, ViewPatch, encode

SEGMENT = Segment(
    kind="verbatim",
    speakers=("vera",),
    text="x = 1",
    sources=(4, 5),
    weight=0.5,
    agree=2,
    part=SegmentPart(seq=4, index=0, kind="code", lines=1, sha256="ab", folded=False),
)


def test_a_segment_that_cites_a_redacted_message_keeps_only_who_and_where() -> None:
    assert json.loads(encode(SEGMENT.without({5}))) == {
        "kind": "verbatim",
        "speakers": ["vera"],
        "text": "",
        "sources": [4, 5],
        "weight": 0.5,
        "redacted": True,
    }


def test_a_segment_that_cites_no_redacted_message_stays_the_same_object() -> None:
    assert SEGMENT.without({6}) is SEGMENT
    assert (gone := SEGMENT.without({4})).without({5}) is gone


def test_a_patch_knows_which_fields_it_sets_and_absence_is_not_a_value() -> None:
    assert ViewPatch().fields() == {}
    assert ViewPatch(cadence_s=8, auto=False, interests=()).fields() == {
        "cadence_s": 8,
        "auto": False,
        "interests": (),
    }


def test_a_view_is_sent_complete_and_an_empty_patch_is_sent_empty() -> None:
    assert set(msgspec.to_builtins(View())) == set(View.__struct_fields__)
    assert msgspec.json.encode(ViewPatch()) == b"{}"


@pytest.mark.parametrize(
    ("field", "lowest", "highest"), [("cadence_s", 1, 30), ("pace_wpm", 60, 1000), ("sigma", 0.1, 10)]
)
def test_a_view_holds_the_bounds_of_the_protocol_and_nothing_beyond(field: str, lowest: float, highest: float) -> None:
    for value in (lowest, highest):
        assert msgspec.convert({field: value}, ViewPatch).fields() == {field: value}
    for value in (lowest - 0.01, highest + 0.01):
        with pytest.raises(msgspec.ValidationError, match=field):
            msgspec.convert({field: value}, ViewPatch)


def test_a_focus_follows_at_most_64_speakers_and_interests_are_at_most_8() -> None:
    assert len(msgspec.convert({"follow": ["a"] * 64}, Focus).follow) == 64
    with pytest.raises(msgspec.ValidationError, match="follow"):
        msgspec.convert({"follow": ["a"] * 65}, Focus)
    with pytest.raises(msgspec.ValidationError, match="interests"):
        msgspec.convert({"interests": ["a"] * 9}, ViewPatch)
