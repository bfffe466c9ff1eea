from __future__ import annotations

from cadence.alex.ambience import HEARD_SECONDS, MESSAGES_MAX, WORDS_MAX, Ambience, ranked
from cadence.alex.transcript import Entry
from tests.alex.talk import SENTENCE, START, code, entry, line, message

CLAIM = "The second node must be restarted before the backup runs."
OBJECTION = "I disagree: a restart loses the lease and the backup with it."


def heard(*entries: Entry, at: float = START) -> Ambience:
    ambience = Ambience("lab")
    for one in entries:
        ambience.add(one, at)
    return ambience


def dispute() -> tuple[Entry, Entry]:
    return entry(1, CLAIM), Entry(message(2, OBJECTION, "otto", reply_to=1), message(1, CLAIM))


def texts(ambience: Ambience, now: float = START + 5) -> list[str]:
    return [pick.unit.text for item in ambience.items(now) for pick in item.picks]


def test_what_was_said_lately_can_be_overheard_and_each_message_once() -> None:
    two = entry(1, "The lease was never renewed after the restart. Nobody watches the clock of the second node.")
    assert len(texts(heard(two, entry(2, line(2), "otto")))) == 2


def test_what_is_old_is_not_overheard() -> None:
    ambience = heard(entry(1))
    assert texts(ambience, START + 4.9) == []  # waits for the next point of the grid
    assert texts(ambience, START + 5) == [SENTENCE]
    assert texts(ambience, START + HEARD_SECONDS) == []


def test_human_speech_blocks_and_mere_agreement_are_not() -> None:
    agreeing = Entry(message(3, "+1", "bao", reply_to=2), message(2, SENTENCE, "otto"))
    ambience = heard(entry(1, "Hello from a human.", kind="human"), agreeing, entry(4, "", parts=code("x = 1")))
    assert texts(ambience) == []
    assert ambience.words == agreeing.words + 2  # the words of AIs count, whatever they are


def test_an_objection_is_overheard_with_what_it_objects_to() -> None:
    (item,) = heard(*dispute()).items(START + 5)
    assert [pick.objects_to for pick in item.picks] == [None, 1]
    segments = item.segments("lab", 0.25)
    assert [(one.kind, one.room, one.sources, one.weight) for one in segments] == [
        ("ambient", "lab", (1,), 0.25),
        ("ambient", "lab", (2,), 0.25),
    ]
    assert segments[1].objects_to == 1


def test_half_a_dispute_is_not_overheard() -> None:
    claim, objection = dispute()
    second = Entry(message(3, "Not true, the lease survives.", "bao", reply_to=1), claim.message)
    assert heard(objection).items(START + 5) == ()
    assert heard(claim, objection, second).items(START + 5) == ()
    answer = Entry(message(3, "No, it does not lose the lease.", reply_to=2), objection.message)
    assert heard(claim, objection, answer).items(START + 5) == ()


def test_the_choice_depends_on_what_had_come_and_not_on_who_looked() -> None:
    """Law 12: the same at every moment between two points of the grid, whatever was asked before."""
    eager, lazy = Ambience("lab"), Ambience("lab")
    for second in range(30):
        for ambience in (eager, lazy):
            ambience.add(entry(second + 1, line(second), "abc"[second % 3]), START + second)
        eager.items(START + second + 0.5)
    moments = (START + 29.5, START + 31.0, START + 34.9)
    want = [[item.seqs for item in eager.items(now)] for now in moments]
    assert want == [[item.seqs for item in lazy.items(now)] for now in moments]
    assert want[0]


def test_what_is_redacted_is_gone_at_once() -> None:
    ambience = heard(*dispute(), entry(3, line(3), "bao"))
    assert len(ambience.items(START + 5)) == 2
    ambience.redact(1)
    assert [item.seqs for item in ambience.items(START + 5)] == [{3}]
    ambience.redact(3)
    assert ambience.items(START + 12) == () and ambience.items(START + 5) == ()
    ambience.redact(99)


def test_it_is_bounded() -> None:
    ambience = Ambience("lab")
    for seq in range(1, MESSAGES_MAX + 50):
        ambience.add(entry(seq, line(seq)), START)
    assert len(ambience._entries) == MESSAGES_MAX
    for seq in range(1_000, 1_010):
        ambience.add(entry(seq, "word " * 2_000), START)
    assert ambience._held <= WORDS_MAX
    assert ambience._held == sum(one.words for one, _ in ambience._entries.values())


def test_nothing_said_nothing_heard() -> None:
    assert ranked([], START) == []
    assert Ambience("lab").items(START) == ()


def test_scraps_are_overheard_only_where_nothing_else_is_said() -> None:
    scraps = [entry(1, "Rook, not Linn.", "ada"), entry(2, "Only Corve knows.", "bao")]
    assert len(texts(heard(*scraps))) == 2
    assert texts(heard(*scraps, entry(3, SENTENCE, "cy"))) == [SENTENCE]


def test_a_line_that_says_much_comes_before_one_that_says_it_shortly() -> None:
    short, long = entry(1, "The lease ran out again today.", "ada"), entry(2, SENTENCE, "bao")
    assert texts(heard(short, long)) == [SENTENCE, "The lease ran out again today."]
