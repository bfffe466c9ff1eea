from __future__ import annotations

from itertools import count

from cadence.personas.chronicle import Utterance
from cadence.personas.inbox import ADDRESSED_MAX, ANSWER_STEP_SECONDS, EXCHANGE_MAX, HUMANS_MAX, Inbox

AGENTS = frozenset({"vera", "dov", "bao", "hob"})
SEQS = count(1)


def said(
    speaker: str,
    *mentions: str,
    seq: int | None = None,
    reply_to: int | None = None,
    replied_to: str | None = None,
    fresh: float = 1.0,
    agrees: bool = False,
    terms: frozenset[str] = frozenset(),
) -> Utterance:
    seq = next(SEQS) if seq is None else seq
    human = speaker == "pip"
    return Utterance(
        seq, f"m{seq}", speaker, speaker, human, "", "", mentions, reply_to, replied_to, terms, fresh, agrees, 1
    )


def inbox(*interests: str, silence_s: float = 0.0) -> Inbox:
    return Inbox("vera", interests, silence_s)


def kinds(box: Inbox, now: float = 0.0) -> list[str]:
    """What is thought about one after the other, each with a PASS."""
    found = []
    while (focus := box.next(now)) is not None:
        found.append(focus.kind)
        box.take()
        box.settle(focus, spoke=False, now=now)
    return found


def test_people_come_first_whoever_spoke_before_them() -> None:
    box = inbox()
    box.hear(said("dov", "vera"), AGENTS, 0.0)
    box.hear(said("bao"), AGENTS, 0.0)
    box.hear(said("pip", "vera"), AGENTS, 0.0)
    assert kinds(box) == ["asked", "addressed"]


def test_a_reply_to_its_words_speaks_to_a_mind_unless_it_names_somebody_else() -> None:
    box = inbox()
    box.hear(said("pip", reply_to=1, replied_to="vera"), AGENTS, 0.0)
    assert kinds(box) == ["asked"]
    box.hear(said("pip", "dov", reply_to=1, replied_to="vera"), AGENTS, 0.0)
    assert kinds(box) == ["talk"]


def test_a_person_who_speaks_to_nobody_is_first_looked_at_by_a_few() -> None:
    agents = frozenset(f"a{n}" for n in range(9))
    message = said("pip", seq=7)
    waits = []
    for me in sorted(agents):
        box = Inbox(me, (), 0.0)
        box.hear(message, agents, 0.0)
        waits.append(box.deadline())
    step = ANSWER_STEP_SECONDS
    assert sorted(wait for wait in waits if wait is not None) == [0.0] * 3 + [step] * 3 + [2 * step] * 3


def test_what_touches_an_interest_is_looked_at_at_once() -> None:
    agents = frozenset(f"a{n}" for n in range(9))
    box = Inbox("a1", ("harbours and boats",), 0.0)
    for seq in range(1, 10):
        box.hear(said("pip", seq=seq, terms=frozenset({"harbour"})), agents, 0.0)
    assert box.deadline() == 0.0
    assert len(kinds(box)) == 9


def test_three_answers_are_enough_for_a_person_who_asked_nobody_in_particular() -> None:
    box = inbox()
    box.hear(said("pip", seq=1000), frozenset({"vera"}), 0.0)
    focus = box.next(0.0)
    assert focus is not None and focus.kind == "human"
    for number in range(3):
        assert not box.answered_enough(focus)
        box.hear(said(f"a{number}", reply_to=1000, replied_to="pip", fresh=0.0), AGENTS, 0.0)
    assert box.answered_enough(focus)


def test_talk_counts_by_share_of_the_room() -> None:
    box = inbox()
    for speaker in ("dov", "bao"):
        box.hear(said(speaker), AGENTS, 0.0)
    assert kinds(box) == []
    box.hear(said("hob"), AGENTS, 0.0)
    assert kinds(box) == ["talk"]


def test_each_pass_doubles_what_it_takes_and_a_person_forgives() -> None:
    box = inbox()
    pair = frozenset({"vera", "dov"})
    for needed in (1, 2, 4, 8):
        for _ in range(needed - 1):
            box.hear(said("dov"), pair, 0.0)
            assert kinds(box) == []
        box.hear(said("dov"), pair, 0.0)
        assert kinds(box) == ["talk"]
    box.hear(said("pip", "dov"), pair, 0.0)
    assert kinds(box) == ["talk"]


def test_what_agrees_or_repeats_is_no_reason_to_speak() -> None:
    box = inbox()
    pair = frozenset({"vera", "dov"})
    box.hear(said("dov", "vera", agrees=True), pair, 0.0)
    box.hear(said("dov", "vera", fresh=0.2), pair, 0.0)
    assert kinds(box) == []


def test_two_who_answer_each_other_for_long_hear_each_other_as_talk() -> None:
    box = inbox()
    heard = []
    for _ in range(EXCHANGE_MAX + 2):
        word = said("dov", "vera")
        box.hear(word, AGENTS, 0.0)
        heard += kinds(box)
        box.hear(said("vera", reply_to=word.seq, replied_to="dov"), AGENTS, 0.0)
    assert heard == ["addressed"] * EXCHANGE_MAX
    box.hear(said("bao"), AGENTS, 0.0)  # somebody else has spoken: it begins anew
    box.hear(said("dov", "vera"), AGENTS, 0.0)
    assert "addressed" in kinds(box)


def test_what_i_answered_before_a_restart_does_not_wait() -> None:
    box = inbox()
    word = said("pip", "vera")
    box.hear(word, AGENTS, 0.0)
    assert box.first_waiting() == word.seq
    box.hear(said("vera", reply_to=word.seq, replied_to="pip"), AGENTS, 0.0)
    assert box.next(0.0) is None and box.first_waiting() is None


def test_a_thought_that_came_to_nothing_leaves_all_as_it_was() -> None:
    box = inbox()
    pair = frozenset({"vera", "dov"})
    word = said("dov")
    box.hear(word, pair, 0.0)
    box.take()
    assert box.next(0.0) is None and box.first_waiting() == word.seq
    box.put_back()
    assert kinds(box) == ["talk"]


def test_what_is_said_during_a_thought_is_for_the_next_one() -> None:
    box = inbox()
    pair = frozenset({"vera", "dov"})
    box.hear(said("dov"), pair, 0.0)
    focus = box.next(0.0)
    assert focus is not None
    box.take()
    box.hear(said("dov"), pair, 0.0)
    box.settle(focus, spoke=True, now=0.0)
    assert kinds(box) == ["talk"]


def test_silence_is_broken_ever_more_rarely_until_a_person_comes() -> None:
    box = inbox(silence_s=100.0)
    assert box.deadline() is None, "it is not in the room yet"
    box.start(0.0)
    now, moments = 0.0, []
    for _ in range(4):
        deadline = box.deadline()
        assert deadline is not None
        moments.append(deadline - now)
        now = deadline
        assert kinds(box, now) == ["silence"]
    assert moments == [100.0, 200.0, 400.0, 800.0]
    box.hear(said("pip", "dov"), frozenset({"vera", "dov"}), now)
    kinds(box, now)
    assert box.deadline() == now + 100.0


def test_all_that_waits_is_bounded_and_what_is_dropped_is_counted() -> None:
    box = inbox()
    for _ in range(HUMANS_MAX + 5):
        box.hear(said("pip", "vera"), AGENTS, 0.0)
        box.hear(said("pip"), AGENTS, 0.0)
        box.hear(said("dov", "vera"), AGENTS, 0.0)
    assert box.dropped == 5 + 5 + (HUMANS_MAX + 5 - ADDRESSED_MAX)
    assert len(kinds(box, 1e9)) == 2 * HUMANS_MAX + ADDRESSED_MAX


def test_what_was_taken_back_is_not_answered() -> None:
    box = inbox()
    word = said("pip", "vera")
    box.hear(word, AGENTS, 0.0)
    box.redact(word.seq)
    assert box.next(0.0) is None
