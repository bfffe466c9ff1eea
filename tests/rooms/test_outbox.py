from hypothesis import given
from hypothesis import strategies as st

from cadence.rooms.outbox import HARD_BYTES_MAX, SOFT_BYTES_MAX, Encoded, Outbox, Owed, bundle, encoded, text_frame
from cadence.rooms.wire import Alex, Behind, Pong, Presence, Typing
from tests.wires import texts

KIB = 1024


def frame(name: str, size: int = 10) -> Encoded:
    payload = name.ljust(size).encode()
    return Encoded(text_frame(payload), size)


def drain(box: Outbox, now: float = 0.0) -> list[str]:
    texts = []
    while (taken := box.take()) is not None:
        texts.append(taken.text.rstrip())
        box.sent(now)
    return texts


def alex(messages: int) -> Encoded:
    return encoded(Alex(room="lab", state="idle", behind=Behind(messages, 0, 0.0)))


def test_a_frame_is_encoded_with_its_size_and_class() -> None:
    assert encoded(Pong()) == Encoded(b"\x81\x0f" + b'{"type":"pong"}', 15, "")
    assert encoded(Pong()).text == '{"type":"pong"}'
    assert encoded(Typing(room="é", participant="u")).size == len(
        '{"type":"typing","room":"é","participant":"u"}'.encode()
    )
    assert [encoded(f).shed for f in (Typing(room="r", participant="u"), Presence(room="r"))] == ["typing", "presence"]
    assert alex(1).shed == "alex"


def test_frames_leave_in_the_order_they_came() -> None:
    box = Outbox()
    for name in "abc":
        box.push(frame(name), 0.0, "lab")
    assert drain(box) == ["a", "b", "c"]
    assert box.live_bytes == 0


def test_a_frame_counts_until_it_has_left() -> None:
    box = Outbox()
    box.push(frame("a", 100), 0.0)
    box.take()
    assert box.live_bytes == 100
    box.sent(0.0)
    assert box.live_bytes == 0


def test_live_frames_of_a_held_room_follow_what_was_missed() -> None:
    box = Outbox()
    box.hold("lab")
    box.push(frame("live"), 0.0, "lab")
    box.push(frame("elsewhere"), 0.0, "attic")
    box.push_replay(frame("missed"))
    assert box.live_bytes == 20
    assert box.replay_bytes == 10
    assert drain(box) == ["elsewhere", "missed"]
    box.release("lab")
    box.push(frame("later"), 0.0, "lab")
    assert drain(box) == ["live", "later"]


def test_held_frames_make_a_connection_too_slow_and_replayed_ones_do_not() -> None:
    box = Outbox()
    box.push_replay(frame("missed", 2 * HARD_BYTES_MAX))
    assert not box.too_slow(100.0)
    box.hold("lab")
    box.push(frame("live", HARD_BYTES_MAX + 1), 100.0, "lab")
    assert box.too_slow(100.0)


def test_above_the_soft_limit_for_ten_seconds_is_too_slow() -> None:
    box = Outbox()
    box.push(frame("a", SOFT_BYTES_MAX), 0.0)
    assert box.deadline() is None
    box.push(frame("b", 1), 1.0)
    assert box.deadline() == 11.0
    assert not box.too_slow(10.9)
    assert box.too_slow(11.0)


def test_one_moment_below_the_soft_limit_starts_the_ten_seconds_anew() -> None:
    box = Outbox()
    box.push(frame("a", SOFT_BYTES_MAX), 0.0)
    box.push(frame("b", 1), 1.0)
    box.take()
    box.sent(5.0)
    assert box.deadline() is None
    box.push(frame("c", SOFT_BYTES_MAX), 6.0)
    assert box.deadline() == 16.0


def test_above_the_hard_limit_is_too_slow_at_once() -> None:
    box = Outbox()
    box.push(frame("a", HARD_BYTES_MAX), 0.0)
    assert not box.too_slow(0.0)
    box.push(frame("b", 1), 0.0)
    assert box.too_slow(0.0)


def test_what_was_shed_is_owed_once_there_is_room() -> None:
    box = Outbox()
    box.push(frame("big", SOFT_BYTES_MAX + 1), 0.0)
    box.push(encoded(Typing(room="lab", participant="u")), 0.0, "lab")
    box.push(encoded(Presence(room="lab")), 0.0, "lab")
    box.push(alex(1), 0.0, "lab")
    box.push(alex(2), 0.0, "lab")
    box.push(frame("durable"), 0.0, "lab")
    assert box.owed() is None
    assert drain(box) == ["big", "durable"]
    assert box.owed() == Owed(("lab",), (("lab", alex(2)),))
    assert box.owed() is None


def test_a_newer_alex_frame_takes_the_place_of_one_that_is_owed() -> None:
    box = Outbox()
    box.push(frame("big", SOFT_BYTES_MAX + 1), 0.0)
    box.push(alex(1), 0.0, "lab")
    drain(box)
    box.push(alex(2), 0.0, "lab")
    assert box.owed() is None


def test_a_room_that_was_left_sends_nothing_more() -> None:
    box = Outbox()
    box.hold("lab")
    box.push(frame("live", 500), 0.0, "lab")
    box.push(frame("big", SOFT_BYTES_MAX + 1), 0.0)
    box.push(encoded(Presence(room="lab")), 0.0, "lab")
    box.forget("lab", 0.0)
    assert box.live_bytes == SOFT_BYTES_MAX + 1
    assert drain(box) == ["big"]
    assert box.owed() is None


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["push", "replay", "take", "hold", "release", "forget"]), st.integers(1, 64 * KIB)),
    max_size=120,
)


@given(OPERATIONS)
def test_the_account_is_what_is_unsent(operations: list[tuple[str, int]]) -> None:
    box, sent, given = Outbox(), 0, 0
    for now, (operation, size) in enumerate(operations):
        if operation == "push":
            box.push(frame("f", size), now, "lab")
            given += size
        elif operation == "replay":
            box.push_replay(frame("r", size))
            given += size
        elif operation == "take":
            taken = box.take()
            if taken is not None:
                sent += taken.size
                box.sent(now)
        elif operation == "hold":
            box.hold("lab")
        elif operation == "release":
            box.release("lab")
        else:
            before = box.live_bytes
            box.forget("lab", now)
            given -= before - box.live_bytes
        assert box.live_bytes + box.replay_bytes == given - sent
        assert (box.deadline() is not None) == (box.live_bytes > SOFT_BYTES_MAX)
    box.release("lab")
    drain(box)
    assert (box.live_bytes, box.replay_bytes) == (0, 0)


def test_frames_are_spelled_as_short_as_they_can_be() -> None:
    for size, head in ((0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)):
        framed = text_frame(b"x" * size)
        assert len(framed) == head + size
        assert texts(framed) == ["x" * size]
        assert Encoded(framed, size).text == "x" * size


def test_frames_pass_the_queue_only_if_nothing_waits_is_held_or_owed() -> None:
    box = Outbox()
    assert box.calm()
    box.hold("attic")
    assert not box.calm()
    box.push(frame("big", SOFT_BYTES_MAX + 1), 0.0, "attic")
    box.push(alex(1), 0.0, "lab")
    box.forget("attic", 0.0)
    assert not box.calm(), "the latest alex is owed"
    assert box.owed() is not None
    assert box.calm()
    box.push(frame("a"), 0.0, "lab")
    assert not box.calm()
    box.take()
    assert not box.calm()
    box.sent(0.0)
    assert box.calm()
    box.hold("attic")
    box.release("attic")
    assert box.calm()


def test_a_bundle_is_its_frames_one_after_the_other() -> None:
    assert texts(bundle([frame("a", 1), frame("b", 1)]).joined) == ["a", "b"]
