from __future__ import annotations

from cadence.alex.disputes import Dispute, agreements, disputes
from cadence.alex.memory import ReaderMemory
from cadence.alex.transcript import Entry, Transcript
from cadence.alex.waiting import Waiting
from tests.alex.talk import message

CLAIM = "We should keep one single primary at Carrow. The island desk gets a copy to read. Nobody is ever booked twice."


def room(*said: tuple[str, str, int | None]) -> tuple[Transcript, list[Entry]]:
    """(speaker, text, reply_to) each, from seq 1 on."""
    transcript = Transcript()
    entries = [
        transcript.enter(message(seq, text, speaker, **({"reply_to": to} if to else {})))
        for seq, (speaker, text, to) in enumerate(said, 1)
    ]
    return transcript, entries


def found(
    transcript: Transcript, entries: list[Entry], memory: ReaderMemory | None = None, since: int = 0
) -> list[Dispute]:
    waiting = Waiting()
    for one in entries:
        waiting.add(one, 0.0, urgent=False)
    return disputes(list(waiting), memory or ReaderMemory(), transcript, since)


def test_a_pair_shows_the_part_that_is_objected_to() -> None:
    transcript, entries = room(("vera", CLAIM, None), ("idris", "No: a copy on the island desk is a poster.", 1))
    (dispute,) = found(transcript, entries)
    assert dispute.target and dispute.target[1].text == "The island desk gets a copy to read."
    assert dispute.words == dispute.unit.n + 8


def test_a_target_that_was_shown_is_not_shown_again() -> None:
    transcript, entries = room(("vera", CLAIM, None), ("idris", "No, it drowns.", 1))
    memory = ReaderMemory()
    memory.saw(1)
    (dispute,) = found(transcript, entries[1:], memory)
    assert dispute.target is None and dispute.about == 1


def test_a_target_that_no_longer_waits_is_fetched() -> None:
    transcript, entries = room(("vera", CLAIM, None), ("idris", "No, it drowns.", 1))
    (dispute,) = found(transcript, entries[1:])
    assert dispute.target and dispute.target[0].seq == 1


def test_a_target_from_before_the_readers_run_or_gone_is_not() -> None:
    transcript, entries = room(("vera", CLAIM, None), ("idris", "No, it drowns.", 1))
    assert found(transcript, entries[1:], since=1) == []
    transcript.redact(1)
    assert found(transcript, entries[1:]) == []


def test_the_cue_alone_is_not_preferred_to_what_is_said() -> None:
    transcript, entries = room(("vera", CLAIM, None), ("idris", "No. The mast falls in every winter storm here.", 1))
    (dispute,) = found(transcript, entries)
    assert "mast" in dispute.unit.text


def test_agreement_is_gathered_by_what_it_agrees_with() -> None:
    _, entries = room(("vera", CLAIM, None), ("bao", "+1", 1), ("juno", "agreed", 1), ("pell", "Why?", 1))
    waiting = Waiting()
    for one in entries:
        waiting.add(one, 0.0, urgent=False)
    assert {seq: [one.speaker for one in who] for seq, who in agreements(waiting).items()} == {1: ["bao", "juno"]}


def test_an_objection_that_quotes_is_told_in_its_own_words() -> None:
    text = "> The island desk gets a copy\n\nNo. A copy on that desk is a poster on its wall."
    transcript, entries = room(("vera", CLAIM, None), ("idris", text, None))
    (dispute,) = found(transcript, entries)
    assert dispute.about == 1 and "poster" in dispute.unit.text
