"""The checkers must be able to fail: one honest diary, and one lie at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests import checks
from tests.checks import manners, order, pace, repeats, text, words
from tests.checks.record import Log, Reading, log_of
from tests.stranger import Frame, Seen

ROOM = "hall"
ALWAYS = [(0.0, 1e9)]
VIEW = {
    "mode": "paraphrase",
    "cadence_s": 5.0,
    "pace_wpm": 238.0,
    "sigma": 1.0,
    "focus": {},
    "interests": [],
    "whisper": "light",
    "auto": True,
}
CODE = "\n".join(f"line_{number} = value_{number}" for number in range(20))


def iso(at: float) -> str:
    return f"1970-01-01T00:{int(at // 60):02d}:{at % 60:06.3f}Z"


def message(seq: int, at: float, who: str, words_said: str, **fields: Any) -> Frame:
    kind = "human" if who in ("hal", "rae") else "agent"
    author = {"id": who, "name": who, "kind": kind}
    frame = {"type": "message", "room": ROOM, "epoch": "e", "seq": seq, "id": f"m{seq}", "from": author}
    return {**frame, "at": iso(at), "text": words_said, **fields}


MESSAGES = [
    message(1, 11.0, "ann", "One whole message."),
    message(2, 11.5, "hal", "Human words come at once."),
    message(3, 12.0, "bob", "Code:", parts=[{"kind": "code", "body": "x = 1", "lang": "py"}]),
    message(4, 16.0, "ann", "The first clause of many, and " + "then it goes on for ever " * 20),
    message(5, 17.0, "bob", "A block.", parts=[{"kind": "code", "body": CODE}]),
    message(6, 18.0, "ann", "So um we we should wait for that 's fine", spoken=True),
]


def verbatim(seq: int, speaker: str, body: str, **fields: Any) -> Frame:
    return {"kind": "verbatim", "speakers": [speaker], "text": body, "sources": [seq], "weight": 1.0, **fields}


def quote(speaker: str, body: str, *sources: int) -> Frame:
    return {"kind": "quote", "speakers": [speaker], "text": body, "sources": list(sources), "weight": 0.5}


def part(seq: int, body: str, folded: bool, **fields: Any) -> Frame:
    lines = len(body.splitlines())
    return {
        "seq": seq,
        "index": 0,
        "kind": "code",
        "lines": lines,
        "sha256": words.sha256(body),
        "folded": folded,
        **fields,
    }


def turn(number: int, at: float, first: int, last: int, segments: list[Frame]) -> Frame:
    spoken = [m for m in MESSAGES if first <= m["seq"] <= last and m["from"]["kind"] == "agent"]
    covers = {"epoch": "e", "from": first, "to": last, "messages": len(spoken)}
    covers["words"] = sum(words.of_message(m) for m in spoken)
    frame = {"type": "turn", "room": ROOM, "turn": number, "at": iso(at), "mode": "paraphrase", "covers": covers}
    return {**frame, "words": words.of_turn({"segments": segments}), "segments": segments, "by": "embedded"}


def honest() -> list[Seen]:
    first = [verbatim(1, "ann", MESSAGES[0]["text"]), verbatim(3, "bob", "Code:")]
    first.append(verbatim(3, "bob", "x = 1", part=part(3, "x = 1", False, lang="py")))
    second = [quote("ann", "The first clause of many, … then it goes on", 4)]
    second.append(verbatim(5, "bob", "20 lines of code", part=part(5, CODE, True)))
    second.append(quote("ann", "So we should wait for that's", 6))
    joined = {"room": ROOM, "title": "Hall", "epoch": "e", "head": 0, "recovered": True, "member_count": 0}
    you = {"id": "rae", "name": "Rae", "kind": "human", "role": "guest"}
    welcome = {"you": you, "session": "s", "resumed": False, "heartbeat_s": 20, "limits": {}, "features": []}
    frames: list[tuple[float, str, Frame]] = [
        (10.0, "in", {"type": "welcome", "ref": "r1", **welcome, "server": {}}),
        (10.0, "out", {"type": "join", "room": ROOM, "ref": "r2"}),
        (10.0, "in", {"type": "joined", "ref": "r2", **joined, "members": [], "view": VIEW}),
        (11.5, "in", MESSAGES[1]),
        (15.0, "in", turn(1, 15.0, 1, 3, first)),
        (20.0, "in", turn(2, 20.0, 4, 6, second)),
    ]
    return copy.deepcopy([Seen(at, 1, way, frame) for at, way, frame in frames])  # type: ignore[arg-type]


def witness() -> list[Seen]:
    return [Seen(seconds_of(m), 1, "in", m) for m in MESSAGES]


def seconds_of(frame: Frame) -> float:
    return float(frame["at"][-7:-1])


def judge(diary: list[Seen]) -> list[str]:
    return checks.reader("rae", diary, log_of(ROOM, [witness()]), "rae", calm=ALWAYS).violations


def test_an_honest_diary_passes_and_its_first_turn_proves_the_identity() -> None:
    verdict = checks.reader("rae", honest(), log_of(ROOM, [witness()]), "rae", calm=ALWAYS)
    assert verdict.violations == []
    assert verdict.identities == 1


def test_prose_that_does_not_name_its_speaker_is_found() -> None:
    lies = [{"kind": "paraphrase", "text": text} for text in ("ann says so", "The first clause")]
    found = []
    for lie in lies:
        diary = honest()
        _segment(5, 0, **lie)(diary)
        found.append([what for what in judge(diary) if "is not named" in what])
    assert len(found[1]) == 1 and found[0] == []


def _segment(turn_index: int, segment: int, **fields: Any) -> Callable[[list[Seen]], None]:
    def lie(diary: list[Seen]) -> None:
        diary[turn_index].frame["segments"][segment].update(fields)

    return lie


def _covers(turn_index: int, **fields: Any) -> Callable[[list[Seen]], None]:
    return lambda diary: diary[turn_index].frame["covers"].update(fields)


def _part(turn_index: int, segment: int, **fields: Any) -> Callable[[list[Seen]], None]:
    return lambda diary: diary[turn_index].frame["segments"][segment]["part"].update(fields)


def _again(diary: list[Seen]) -> None:
    again = turn(3, 40.0, 7, 6, [quote("ann", "The first clause of many", 4)])
    diary.append(Seen(40.0, 1, "in", again))


def _both_ways(diary: list[Seen]) -> None:
    diary.insert(4, Seen(11.0, 1, "in", MESSAGES[0]))


def _flood(diary: list[Seen]) -> None:
    long = " ".join(["word"] * 90)
    diary.append(Seen(21.0, 1, "in", turn(3, 21.0, 7, 6, [quote("ann", long, 4)])))


def _drop(index: int) -> Callable[[list[Seen]], None]:
    return lambda diary: diary.pop(index) and None


LIES: list[tuple[str, Callable[[list[Seen]], None]]] = [
    ("law 1", _covers(5, **{"from": 5})),
    ("law 1", _covers(4, words=1)),
    ("law 1", _covers(4, messages=3)),
    ("law 1", _covers(5, to=9)),
    ("law 1", _both_ways),
    ("law 2", _flood),
    ("law 3", lambda diary: diary[4].frame["segments"].pop(0) and None),
    ("law 3", lambda diary: diary[4].frame["segments"].reverse()),
    ("law 7", _segment(4, 0, speakers=["bob"])),
    ("law 7", _segment(5, 0, text="The last clause of many")),
    ("law 7", _segment(5, 0, text="then it goes on … The first clause of many,")),
    ("law 7", _segment(5, 2, text="So we should wait for the fine")),
    ("law 7", _segment(5, 0, sources=[4, 6])),
    ("law 7", _segment(4, 0, sources=[6], text="x")),
    ("law 8", _segment(4, 0, text="One whole message. ")),
    ("law 8", _segment(4, 2, text="x = 2")),
    ("law 8", _part(5, 1, sha256="0")),
    ("law 8", _part(5, 1, lines=3)),
    ("law 8", _part(4, 2, lang="c")),
    ("law 8", _part(4, 2, folded=True)),
    ("law 10", _again),
    ("law 11", _drop(3)),
    ("silence", _drop(5)),
    ("turns", lambda diary: diary[5].frame.update(turn=3)),
    ("words", lambda diary: diary[5].frame.update(words=1)),
    ("shape", lambda diary: diary[5].frame.pop("by") and None),
    ("shape", lambda diary: diary[5].frame.update(type="turns")),
    ("same", lambda diary: diary[3].frame.update(text="Other words.")),
]


@pytest.mark.parametrize(("law", "lie"), LIES, ids=[f"{law}-{n}" for n, (law, _) in enumerate(LIES)])
def test_each_lie_is_found_under_its_law(law: str, lie: Callable[[list[Seen]], None]) -> None:
    diary = honest()
    lie(diary)
    assert any(found.startswith(f"{law}:") for found in judge(diary))


def _agent_diary(*seqs: int) -> list[Seen]:
    start = [seen for seen in honest()[:3]]
    start[2].frame["view"] = None
    return start + [Seen(seconds_of(MESSAGES[seq - 1]), 1, "in", MESSAGES[seq - 1]) for seq in seqs]


def test_an_agent_must_have_everything_in_order_and_nothing_mediated() -> None:
    log = log_of(ROOM, [witness()])
    assert checks.agent("ann", _agent_diary(1, 2, 3, 4, 5, 6), log, "zoe", calm=ALWAYS).violations == []
    assert (
        "expected seq 3, got 4"
        in checks.agent("ann", _agent_diary(1, 2, 4, 5, 6), log, "zoe", calm=ALWAYS).violations[0]
    )
    assert (
        "nothing from seq 6" in checks.agent("ann", _agent_diary(1, 2, 3, 4, 5), log, "zoe", calm=ALWAYS).violations[0]
    )
    mediated = [*_agent_diary(1, 2, 3, 4, 5, 6), honest()[4]]
    assert any(
        found.startswith("rule 1") for found in checks.agent("ann", mediated, log, "zoe", calm=ALWAYS).violations
    )


def test_a_gap_between_turns_is_lawful_only_where_the_messages_came_raw() -> None:
    diary = honest()
    diary[5].frame["covers"].update({"from": 5, "messages": 2, "words": words.of_message(MESSAGES[4]) + 10})
    log = log_of(ROOM, [witness()])
    assert any(found.startswith("law 1") for found in order.ranges(Reading("rae", diary, ROOM), log))
    diary.insert(5, Seen(16.0, 1, "in", MESSAGES[3]))
    assert order.ranges(Reading("rae", diary, ROOM), log) == []
    assert order.covered_to(Reading("rae", diary, ROOM), log) == 6


def test_a_return_replays_turns_before_the_messages_between_them() -> None:
    diary = honest()
    diary[5].frame["covers"].update({"from": 5, "messages": 2, "words": words.of_message(MESSAGES[4]) + 10})
    join = {"type": "join", "room": ROOM, "ref": "r9", "after": {"epoch": "e", "seq": 3, "turn": 1}}
    joined = {**diary[2].frame, "ref": "r9", "head": 6}
    back: list[tuple[str, Frame]] = [("closed", {"code": None}), ("out", join), ("in", joined)]
    diary[5:5] = [Seen(19.0, 2, way, frame) for way, frame in back]  # type: ignore[arg-type]
    assert order.ranges(Reading("rae", diary, ROOM), log_of(ROOM, [witness()])) != []
    diary.append(Seen(20.0, 2, "in", MESSAGES[3]))
    assert order.ranges(Reading("rae", diary, ROOM), log_of(ROOM, [witness()])) == []


def test_redacted_text_must_be_gone_from_what_follows() -> None:
    diary = honest()
    diary.insert(5, Seen(18.5, 1, "in", {"type": "redacted", "room": ROOM, "seq": 4, "by": "host"}))
    assert any(found.startswith("rule 8") for found in judge(diary))


def test_a_human_message_above_the_bound_may_wait() -> None:
    loud = message(2, 11.4, "hal", " ".join(["loud"] * 250))
    quiet = message(3, 11.5, "hal", "Then quiet.")
    log = Log(ROOM, {1: MESSAGES[0], 2: loud, 3: quiet})
    diary = [*honest()[:3], Seen(11.4, 1, "in", loud)]
    assert order.speech(Reading("rae", diary, ROOM), log, "rae", calm=ALWAYS, prompt_s=0.5) == []
    assert order.speech(Reading("rae", diary[:3], ROOM), log, "rae", calm=ALWAYS, prompt_s=0.5) != []


def test_said_comes_before_the_own_message() -> None:
    own = message(1, 11.0, "rae", "Mine.")
    say = Seen(11.0, 1, "out", {"type": "say", "room": ROOM, "id": "m1", "text": "Mine.", "ref": "r3"})
    said = Seen(11.0, 1, "in", {"type": "said", "ref": "r3", "room": ROOM, "id": "m1", "seq": 1, "epoch": "e"})
    log = Log(ROOM, {1: own})
    good = [*honest()[:3], say, said, Seen(11.0, 1, "in", own)]
    bad = [*honest()[:3], say, Seen(11.0, 1, "in", own), said]
    altered = Log(ROOM, {1: {**own, "text": "Yours."}})
    assert order.own_speech(Reading("rae", good, ROOM), log, "rae") == []
    assert order.own_speech(Reading("rae", bad, ROOM), log, "rae") != []
    doubt = Seen(11.0, 1, "in", {"type": "error", "ref": "r3", "room": ROOM, "code": "unavailable"})
    told, again = [*honest()[:3], say, doubt], [say, Seen(11.0, 1, "in", own), said]
    assert order.own_speech(Reading("rae", [*told, Seen(11.0, 1, "in", own), say, said], ROOM), log, "rae") == []
    assert order.own_speech(Reading("rae", [*told, *again], ROOM), log, "rae") != []
    assert "not as sent" in order.own_speech(Reading("rae", good, ROOM), altered, "rae")[0]


def test_the_same_words_said_twice_may_be_quoted_twice() -> None:
    log = Log(ROOM, {1: message(1, 1.0, "ann", "yes and yes")})
    diary = honest()[:3] + [Seen(20.0, 1, "in", turn(1, 20.0, 1, 1, [quote("ann", "yes … yes", 1)]))]
    assert text.once(Reading("rae", diary, ROOM), log) == []
    diary.append(Seen(25.0, 1, "in", turn(2, 25.0, 2, 1, [quote("ann", "yes", 1)])))
    assert text.once(Reading("rae", diary, ROOM), log) != []


def test_a_burst_after_a_catch_up_breaks_the_pace() -> None:
    diary = honest()
    diary[4].frame["mode"] = "catch_up"
    segments = [quote("ann", "then it goes on for ever " * 11, 4)]
    diary[5] = Seen(15.5, 1, "in", turn(2, 15.5, 4, 6, segments))
    assert any(
        "after a catch-up" in found for found in pace.law_2(Reading("rae", diary, ROOM), log_of(ROOM, [witness()]))
    )


def test_a_mood_out_of_bounds_is_found() -> None:
    alex = {"type": "alex", "room": ROOM, "state": "idle", "behind": {"messages": 0, "words": 0, "seconds": 0.0}}
    moods = [{"energy": 0.5, "warmth": -1, "insight": False}, {"energy": 1.1, "warmth": 0, "insight": False}]
    found = [manners.shapes("rae", [Seen(0.0, 1, "in", {**alex, "mood": mood})]) for mood in moods]
    assert found[0] == [] and "mood" in found[1][0]


def test_a_view_may_be_in_force_from_when_it_was_asked_for() -> None:
    """The answer comes once the log has taken it; the mediator may have looked by it before."""
    slow = {**VIEW, "pace_wpm": 60.0}
    diary = [
        Seen(0.0, 1, "out", {"type": "hello", "ref": "r0"}),
        Seen(0.0, 1, "in", {"type": "welcome", "ref": "r0", "you": {"id": "rae"}}),
        Seen(0.0, 1, "out", {"type": "join", "room": ROOM, "ref": "r1"}),
        Seen(0.0, 1, "in", {"type": "joined", "room": ROOM, "ref": "r1", "head": 0, "view": VIEW}),
        Seen(10.0, 1, "out", {"type": "view", "room": ROOM, "pace_wpm": 60.0, "ref": "r2"}),
        Seen(30.0, 1, "in", {"type": "view", "room": ROOM, "ref": "r2", "participant": "rae", "view": slow}),
    ]
    timeline = pace.Timeline(Reading("rae", diary, ROOM))
    assert [view["pace_wpm"] for view in timeline.around(9.0, 9.5)] == [238.0]
    assert [view["pace_wpm"] for view in timeline.around(12.0, 13.0)] == [238.0, 60.0]
    assert [view["pace_wpm"] for view in timeline.around(36.0, 37.0)] == [60.0]


def test_what_only_says_again_what_was_said_may_be_counted_and_never_shown() -> None:
    said = Log(ROOM, {1: message(1, 1.0, "ann", "The queue holds. The clinic waits, as nobody measured.")})
    assert repeats.may_be_told(message(2, 2.0, "bob", "So, The clinic waits, as nobody measured."), said) is False
    assert repeats.may_be_told(message(2, 2.0, "bob", "The clinic waits, as nobody measured. The queue holds."), said)
    assert not repeats.may_be_told(message(2, 2.0, "bob", "The queue holds. The harbour is closed."), said)
    assert not repeats.may_be_told(message(200, 2.0, "bob", "The queue holds."), said)
