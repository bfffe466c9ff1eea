from hypothesis import given
from hypothesis import strategies as st

from cadence.rooms.burst import AUDIENCES_MAX, BURST_BYTES_MAX, Burst
from cadence.rooms.outbox import Encoded, text_frame
from tests.wires import texts

USERS = ("ann", "bob", "cid")


def frame(text: str) -> Encoded:
    return Encoded(text_frame(text.encode()), len(text.encode()))


def told(burst: Burst[str], user: str) -> list[str]:
    found = burst.pending(user, user)
    return [] if found is None else texts(found.joined)


def test_all_who_get_the_same_share_one_bundle() -> None:
    burst = Burst[str]()
    burst.add(frame("a"))
    burst.add(frame("b"), {"cid"})
    assert told(burst, "ann") == ["a", "b"]
    assert burst.pending("ann", "ann") is burst.pending("bob", "bob")
    assert told(burst, "cid") == ["a"]


def test_a_frame_alone_is_not_copied() -> None:
    burst, only = Burst[str](), frame("a")
    burst.add(only)
    found = burst.pending("ann", "ann")
    assert found is not None and found.joined is only.frame


def test_what_was_taken_or_skipped_is_not_pending_again() -> None:
    burst = Burst[str]()
    burst.add(frame("a"))
    taken = burst.take("ann", "ann")
    assert taken is not None and texts(taken.joined) == ["a"]
    assert burst.take("ann", "ann") is None
    burst.skip("bob")
    burst.add(frame("b"))
    assert (told(burst, "ann"), told(burst, "bob"), told(burst, "cid")) == (["b"], ["b"], ["a", "b"])


def test_an_answer_stands_where_it_was_told_and_its_receiver_alone_gets_it() -> None:
    burst = Burst[str]()
    burst.add(frame("a"), {"bob"})
    burst.answer("bob", frame("said"))
    burst.add(frame("b"))
    burst.answer("bob", frame("said too"))
    assert (told(burst, "ann"), told(burst, "bob")) == (["a", "b"], ["said", "b", "said too"])
    assert list(burst.answered) == ["bob"]
    assert burst.take("bob", "bob") is not None
    assert not burst.answered and told(burst, "bob") == []


def test_an_answer_alone_is_something_to_hand_over() -> None:
    burst = Burst[str]()
    assert not burst
    burst.answer("bob", frame("said"))
    assert burst and told(burst, "ann") == [] and told(burst, "bob") == ["said"]


def test_who_is_left_out_of_all_of_it_is_known_at_once() -> None:
    burst = Burst[str]()
    assert burst.withheld == frozenset()
    burst.add(frame("a"), {"ann", "bob"})
    burst.add(frame("b"), {"bob", "ann"})
    assert burst.withheld == {"ann", "bob"}
    burst.add(frame("c"))
    assert burst.withheld == frozenset()


def test_it_is_full_by_bytes_or_by_audiences() -> None:
    burst = Burst[str]()
    burst.add(frame("x" * (BURST_BYTES_MAX - 1)))
    assert not burst.full
    burst.add(frame("x"))
    assert burst.full
    burst = Burst[str]()
    for number in range(AUDIENCES_MAX):
        assert not burst.full
        burst.add(frame("x"), {f"u{number}"})
    assert burst.full


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.frozensets(st.sampled_from(USERS))),
        st.tuples(st.sampled_from(["take", "skip", "answer"]), st.sampled_from(USERS)),
    ),
    max_size=30,
)


@given(steps)
def test_each_gets_exactly_its_own_frames_in_order(steps: list[tuple[str, object]]) -> None:
    burst = Burst[str]()
    owed: dict[str, list[str]] = {user: [] for user in USERS}
    got: dict[str, list[str]] = {user: [] for user in USERS}
    for number, (what, whom) in enumerate(steps):
        if isinstance(whom, frozenset):
            burst.add(frame(f"é{number}"), whom)
            for user in owed.keys() - whom:
                owed[user].append(f"é{number}")
        elif what == "take":
            taken = burst.take(str(whom), str(whom))
            got[str(whom)] += [] if taken is None else texts(taken.joined)
        elif what == "answer":
            burst.answer(str(whom), frame(f"é{number}"))
            owed[str(whom)].append(f"é{number}")
        elif not burst.answered:  # a room settles whom it skips
            del owed[str(whom)][len(got[str(whom)]) :]
            burst.skip(str(whom))
    shared, apart = burst.shared()
    for user in USERS:
        assert got[user] + told(burst, user) == owed[user]
        if shared is not None and user not in burst.withheld | apart:
            assert texts(shared.joined) == told(burst, user)
