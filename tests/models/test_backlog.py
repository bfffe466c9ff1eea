from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cadence.models.backlog import Backlog, Request


def request(key: str, worth: float = 1.0, texts: int = 1, at: float = 0.0) -> Request[str]:
    return Request(key, ("text",) * texts, worth, at)


def keys(requests: list[Request[str]]) -> str:
    return "".join(one.key for one in requests)


def filled(backlog: Backlog[str], *requests: Request[str]) -> str:
    """The keys of those that were refused."""
    return "".join(keys(backlog.offer(one)) for one in requests)


def test_while_the_encoder_keeps_up_the_first_come_is_the_first_taken() -> None:
    backlog = Backlog[str](behind_texts=3)
    assert filled(backlog, request("a", 1), request("b", 9), request("c", 5)) == ""
    batch, late = backlog.take(0.0, texts_max=2)
    assert (keys(batch), late, backlog.texts) == ("ab", [], 1)


def test_when_it_is_behind_the_richest_go_first_and_of_like_worth_the_oldest() -> None:
    backlog = Backlog[str](behind_texts=3)
    filled(backlog, request("a", 1), request("b", 9), request("c", 5), request("d", 9))
    assert keys(backlog.take(0.0, texts_max=2)[0]) == "bd"
    assert keys(backlog.take(0.0, texts_max=2)[0]) == "ac", "no longer behind"


def test_when_the_queue_is_full_the_poorest_is_refused_and_of_like_worth_the_newest() -> None:
    backlog = Backlog[str](texts_max=3)
    assert filled(backlog, request("a", 2), request("b", 1), request("c", 3)) == ""
    assert filled(backlog, request("d", 1)) == "d"
    assert filled(backlog, request("e", 2)) == "b"
    assert filled(backlog, request("f", 2)) == "f"
    assert backlog.texts == 3


def test_one_rich_request_may_push_out_several() -> None:
    backlog = Backlog[str](texts_max=3)
    filled(backlog, request("a", 1), request("b", 2), request("c", 9))
    assert filled(backlog, request("d", 5, texts=2)) == "ab"
    assert backlog.texts == 3


def test_what_can_never_fit_is_refused_at_once_and_pushes_nobody_out() -> None:
    backlog = Backlog[str](texts_max=3)
    filled(backlog, request("a", 1))
    assert filled(backlog, request("b", 9, texts=4)) == "b"
    assert backlog.texts == 1


def test_what_waited_too_long_is_given_up() -> None:
    backlog = Backlog[str](late_s=10.0)
    filled(backlog, request("a", at=0.0), request("b", at=5.0))
    batch, late = backlog.take(10.5, texts_max=9)
    assert (keys(batch), keys(late), backlog.texts) == ("b", "a", 0)


def test_exactly_at_the_limit_is_not_late() -> None:
    backlog = Backlog[str](late_s=10.0)
    filled(backlog, request("a", at=0.0))
    assert keys(backlog.take(10.0, texts_max=9)[0]) == "a"


def test_a_request_larger_than_a_batch_is_taken_alone() -> None:
    backlog = Backlog[str]()
    filled(backlog, request("a", texts=5), request("b"))
    assert keys(backlog.take(0.0, texts_max=2)[0]) == "a"
    assert keys(backlog.take(0.0, texts_max=2)[0]) == "b"


def test_asking_for_nothing_takes_a_place_too() -> None:
    backlog = Backlog[str](texts_max=2)
    assert filled(backlog, *(request("x", texts=0) for _ in range(5))) == "xxx"
    assert backlog.texts == 2


def test_giving_up_returns_everything_once() -> None:
    backlog = Backlog[str]()
    filled(backlog, request("a"), request("b", texts=3))
    assert (keys(backlog.clear()), backlog.texts, backlog.clear()) == ("ab", 0, [])
    assert backlog.take(0.0, texts_max=9) == ([], [])


@given(st.lists(st.one_of(st.tuples(st.integers(0, 7), st.integers(0, 3)), st.none()), max_size=40))
def test_every_request_leaves_exactly_once_and_the_bound_holds(events: list[tuple[int, int] | None]) -> None:
    backlog = Backlog[str](texts_max=6, behind_texts=3, late_s=4.0)
    gone: list[str] = []
    offered = []
    for now, event in enumerate(events):
        if event is None:
            batch, late = backlog.take(float(now), texts_max=2)
            gone += [one.key for one in batch + late]
        else:
            offered.append(str(now))
            gone += [one.key for one in backlog.offer(request(str(now), event[1], event[0], float(now)))]
        assert 0 <= backlog.texts <= 6
    gone += [one.key for one in backlog.clear()]
    assert sorted(gone) == sorted(offered)


def test_when_it_is_behind_every_moment_is_heard_by_its_richest() -> None:
    """A rich stretch does not take all: of two stretches the better half of each goes first."""
    rich, poor = ("abcdefgh", [90, 91, 92, 93, 94, 95, 96, 97]), ("ijklmnop", [1, 2, 3, 4, 5, 6, 7, 8])
    backlog = Backlog[str](behind_texts=1)
    for names, worths in (rich, poor):
        assert filled(backlog, *(request(name, worth) for name, worth in zip(names, worths, strict=True))) == ""
    assert keys(backlog.take(0.0, texts_max=8)[0]) == "hpgofnem"


def test_when_the_queue_is_full_no_moment_goes_empty() -> None:
    backlog = Backlog[str](texts_max=8, behind_texts=1)
    rich = [request(name, 90 + i) for i, name in enumerate("abcdefgh")]
    poor = [request(name, 1 + i) for i, name in enumerate("ijklmnop")]
    refused = filled(backlog, *rich, *poor)
    assert len(refused) == 8
    assert set("efgh") | set("mnop") == set("abcdefghijklmnop") - set(refused)


def test_who_was_taken_still_counts_for_its_stretch() -> None:
    backlog = Backlog[str](behind_texts=1)
    filled(backlog, request("a", 9), request("b", 8), request("c", 1))
    assert keys(backlog.take(0.0, texts_max=1)[0]) == "a"
    filled(backlog, *(request(name, 0) for name in "defgh"), request("i", 2))
    assert keys(backlog.take(0.0, texts_max=2)[0]) == "ib", "the next stretch has begun"
