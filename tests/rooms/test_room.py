from hypothesis import given
from hypothesis import strategies as st

from cadence.rooms.room import MEMBERS_SHOWN_MAX, PRESENCE_BYTES_PER_S, PRESENCE_CHANGES_MAX, Room, RoomInfo
from cadence.rooms.wire import Author, Member, Message, Presence

ANN = Member("ann", "Ann", "agent")
BOB = Member("bob", "Bob", "human")


def room(head: int = 0, public: bool = True) -> Room[str]:
    return Room(RoomInfo("lab", "The lab", public=public), "e", head)


def message(seq: int) -> Message:
    return Message("lab", "e", seq, f"m{seq}", Author("ann", "Ann", "agent"), "2026-01-01T00:00:00.000Z", "hi")


def test_a_user_with_two_connections_is_one_member() -> None:
    lab = room()
    assert lab.join("c1", ANN)
    assert lab.join("c2", ANN)
    assert lab.members() == (ANN,)
    assert lab.connections("ann") == ["c1", "c2"]
    lab.leave("c1")
    assert lab.is_member("ann")
    lab.leave("c2")
    assert not lab.is_member("ann")
    assert lab.member_count == 0


def test_joining_or_leaving_twice_changes_nothing() -> None:
    lab = room()
    assert lab.join("c1", ANN)
    assert not lab.join("c1", ANN)
    assert lab.leave("c1")
    assert not lab.leave("c1")
    assert "c1" not in lab


def test_everybody_receives_but_those_withheld() -> None:
    lab = room()
    for connection, member in (("c1", ANN), ("c2", BOB), ("c3", BOB)):
        lab.join(connection, member)
    assert lab.receivers() == [("c1", "ann"), ("c2", "bob"), ("c3", "bob")]
    assert lab.receivers({"bob"}) == [("c1", "ann")]


def test_who_receives_is_counted_anew_when_somebody_comes_or_goes() -> None:
    lab, mediated = room(), frozenset({"bob"})
    lab.join("c1", ANN)
    assert lab.receivers(mediated) == [("c1", "ann")]
    assert lab.receivers(mediated) is lab.receivers(mediated)
    lab.join("c2", ANN)
    assert lab.receivers(mediated) == [("c1", "ann"), ("c2", "ann")]
    lab.leave("c1")
    assert lab.receivers(mediated) == [("c2", "ann")]
    assert lab.receivers(frozenset({"ann"})) == []


def test_members_are_those_of_now() -> None:
    lab = room()
    lab.join("c1", ANN)
    assert lab.members() is lab.members()
    lab.join("c2", BOB)
    assert lab.members() == (ANN, BOB)
    lab.leave("c1")
    assert lab.members() == (BOB,)


def test_presence_of_a_crowd_waits_until_the_last_one_is_paid_for() -> None:
    lab = room()
    for number in range(5000):
        lab.join(f"c{number}", Member(f"u{number}", f"U{number}", "human"))
    frame = lab.presence(0.0)
    assert frame is not None and frame.member_count == 5000
    lab.presence_cost(40 * 1024, 0.0)  # of a whole list, to 5,000
    lab.leave("c0")
    assert lab.presence_due() == 5000 * 40 * 1024 / PRESENCE_BYTES_PER_S
    lab.presence_cost(100, 60.0)
    assert lab.presence_due() == 61.0


def test_messages_leave_in_order_whatever_order_they_come_in() -> None:
    lab = room(head=4)
    assert lab.committed(message(6)) == []
    assert lab.gap() == (5, 5)
    assert [ready.seq for ready in lab.committed(message(5))] == [5, 6]
    assert (lab.head, lab.gap()) == (6, None)


def test_a_message_that_went_out_does_not_go_out_again() -> None:
    lab = room(head=4)
    assert lab.committed(message(4)) == []
    assert lab.gap() is None


@given(st.permutations(range(1, 12)))
def test_every_order_of_commits_gives_the_same_stream(order: list[int]) -> None:
    lab = room()
    seen = [ready.seq for seq in order for ready in lab.committed(message(seq))]
    assert seen == list(range(1, 12))


def test_a_private_room_is_for_hosts_its_personas_and_who_is_invited() -> None:
    private = Room[str](RoomInfo("lab", "The lab", public=False, members=frozenset({"vera"})), "e", 0)
    assert [private.admits(member) for member in (None, ANN)] == [False, False]
    assert private.admits(Member("host", "Host", "human", "host"))
    assert private.admits(Member("vera", "Vera", "agent", "member"))
    assert not private.admits(Member("idris", "Idris", "agent", "member"))
    private.invited = {"ann": ...}
    assert private.admits(ANN) and not private.admits(None)
    assert room().admits(None)


def test_presence_gathers_changes_and_waits_a_second() -> None:
    lab = room()
    assert lab.presence_due() is None
    lab.join("c1", ANN)
    assert lab.presence_due() == float("-inf")
    assert lab.presence(100.0) == Presence(room="lab", joined=(ANN,))
    lab.join("c2", BOB)
    lab.leave("c1")
    assert lab.presence_due() == 101.0
    assert lab.presence(101.0) == Presence(room="lab", joined=(BOB,), left=("ann",))
    assert lab.presence_due() is None


def test_coming_and_going_within_the_second_is_not_told() -> None:
    lab = room()
    lab.join("c1", ANN)
    lab.leave("c1")
    assert lab.presence(100.0) is None
    lab.join("c1", ANN)
    lab.presence(100.0)
    lab.leave("c1")
    lab.join("c2", ANN)
    assert lab.presence(101.0) is None


def test_a_new_name_is_told() -> None:
    lab = room()
    lab.join("c1", ANN)
    lab.presence(100.0)
    lab.leave("c1")
    anna = Member("ann", "Anna", "agent")
    lab.join("c1", anna)
    assert lab.presence(101.0) == Presence(room="lab", joined=(anna,))


def test_a_crowd_is_told_as_a_whole_and_cut() -> None:
    lab = room()
    for number in range(PRESENCE_CHANGES_MAX + 1):
        lab.join(f"c{number}", Member(f"u{number}", f"U{number}", "agent"))
    frame = lab.presence(100.0)
    assert frame is not None
    assert frame == lab.whole_presence()
    assert len(frame.members or ()) == MEMBERS_SHOWN_MAX
    assert frame.member_count == PRESENCE_CHANGES_MAX + 1


def test_typing_is_told_at_most_once_in_three_seconds_of_each() -> None:
    lab = room()
    lab.join("c1", ANN)
    assert [lab.types("ann", now) for now in (0.0, 2.9, 3.0, 3.1)] == [True, False, True, False]
    assert lab.types("bob", 3.1)
    lab.leave("c1")
    assert lab.types("ann", 3.2)  # nothing is kept of who left


def test_a_member_is_found_while_here() -> None:
    lab = room()
    assert lab.member("ann") is None
    lab.join("c1", ANN)
    assert lab.member("ann") == ANN


def test_members_at_other_nodes_are_members_and_no_connections() -> None:
    lab = room()
    lab.join("c1", ANN)
    lab.hear("two", [ANN, BOB], [])
    assert (lab.members(), lab.member_count, lab.here()) == ((ANN, BOB), 2, (ANN,))
    assert lab.is_member("bob") and lab.member("bob") == BOB and lab.connections("bob") == []
    assert lab.nodes("ann") == ("two",)
    first = lab.presence(0.0)
    assert first is not None and set(first.joined or ()) == {ANN, BOB}
    lab.leave("c1")
    lab.hear("two", [], ["bob", "nobody"])
    change = lab.presence(1.0)
    assert change is not None and change.left == ("bob",), "ann is still there at the other node"


def test_all_who_are_elsewhere_replaces_what_was_heard() -> None:
    lab = room()
    lab.hear("two", [ANN, BOB], [])
    lab.hear_all({"three": [BOB]})
    assert (lab.nodes("ann"), lab.nodes("bob"), lab.members()) == ((), ("three",), (BOB,))
    assert lab.elsewhere() == {"bob"}
    lab.hear_all({})
    assert lab.member_count == 0


def test_what_waits_and_is_redacted_meanwhile_comes_without_its_text() -> None:
    lab = room()
    lab.committed(message(2))
    lab.scrub(2)
    lab.scrub(9)
    assert [(ready.seq, ready.text) for ready in lab.committed(message(1))] == [(1, "hi"), (2, "")]


def test_a_room_that_begins_anew_waits_for_nothing_of_before() -> None:
    lab = room(head=4)
    lab.committed(message(7))
    lab.renew("f", 2)
    assert (lab.epoch, lab.head, lab.gap()) == ("f", 2, None)
    assert [ready.seq for ready in lab.committed(message(3))] == [3]
