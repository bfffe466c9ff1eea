"""The driver with two rooms: who overhears what, who may not, and what a redaction next door does here."""

from __future__ import annotations

import pytest

from cadence.lod.scopes import Floor
from cadence.rooms.wire import Focus, Redacted, Segment, ViewPatch
from tests.alex.house import ADA, BOB, HOST, House, house, wait
from tests.alex.talk import line

WIDE = ViewPatch(sigma=4.0)


def overheard(lab: House, user: str = "ada") -> list[Segment]:
    return [segment for turn in lab.turns(user) for segment in turn.segments if segment.kind == "ambient"]


async def test_a_reader_overhears_the_room_next_door_in_the_turns_of_their_own() -> None:
    async with house() as lab:
        await lab.open_other()
        await lab.attach(patch=WIDE)
        await lab.chatter(60)
        heard = overheard(lab)
        assert heard and all(segment.room == "hut" and segment.speakers == ("hob",) for segment in heard)
        for segment in heard:
            (said,) = await lab.store.messages_at("hut", segment.sources)
            assert segment.text in said.text
        assert {turn.room for turn in lab.turns()} == {"lab"}
        assert await lab.store.turns("lab", "ada", limit=100) == lab.turns()


@pytest.mark.parametrize("scope", ["", "south"])
async def test_a_room_outside_the_universe_is_not_heard_and_a_far_one_is(scope: str) -> None:
    async with house() as lab:
        await lab.open_other(scope)
        await lab.attach(patch=ViewPatch(sigma=10.0))
        await lab.chatter(60)
        assert bool(overheard(lab)) == bool(scope)


async def test_guests_do_not_hear_a_room_they_may_not_enter() -> None:
    async with house() as lab:
        await lab.open_other(public=False)
        await lab.attach(ADA, patch=WIDE)
        await lab.attach(HOST, patch=WIDE)
        await lab.chatter(60)
        assert not overheard(lab, "ada") and overheard(lab, "host")


async def test_a_room_that_is_closed_to_guests_falls_silent_for_them() -> None:
    async with house() as lab:
        await lab.open_other()
        await lab.attach(patch=WIDE)
        await lab.chatter(30)
        before = len(overheard(lab))
        await lab.open_other(public=False)
        await lab.chatter(60)
        assert len(overheard(lab)) == before > 0


async def test_who_is_invited_hears_it_and_who_is_no_longer_does_not() -> None:
    async with house() as lab:
        invited: set[str] = set()
        lab.driver._neighbourhood._may_read = lambda room, member: member.id in invited
        await lab.open_other(public=False)
        await lab.attach(ADA, patch=WIDE)
        await lab.chatter(60)
        assert not overheard(lab)
        invited.add("ada")
        lab.driver.allowed("ada")
        await lab.chatter(60)
        before = len(overheard(lab))
        invited.clear()
        lab.driver.allowed("ada")
        await lab.chatter(60)
        assert len(overheard(lab)) == before > 0


async def test_who_goes_next_door_hears_it_there_alone() -> None:
    async with house() as lab:
        await lab.open_other()
        await lab.attach(patch=WIDE)
        await lab.chatter(30)
        before = len(overheard(lab))
        await lab.driver.attach("hut", ADA, None, None, lab.other_head)
        await lab.chatter(60)
        assert len(overheard(lab)) == before > 0
        lab.driver.detach("hut", "ada")
        await lab.chatter(60)
        assert len(overheard(lab)) > before


async def test_what_humans_say_next_door_stays_there() -> None:
    async with house() as lab:
        await lab.open_other()
        await lab.attach(patch=WIDE)
        for number in range(60):
            await lab.say_in_hut(line(number), "bob", "human")
            await wait(1.0)
        assert lab.turns() == []


async def test_a_redaction_next_door_empties_what_was_overheard_and_tells_so() -> None:
    async with house() as lab:
        await lab.open_other()
        await lab.attach(patch=WIDE)
        await lab.chatter(60)
        (seq,) = overheard(lab)[0].sources
        await lab.store.redact("hut", seq)
        lab.driver.redacted("hut", seq)
        assert lab.frames()[-1] == Redacted(room="hut", seq=seq, by="")
        stored = [segment for turn in await lab.store.turns("lab", "ada", limit=100) for segment in turn.segments]
        left = next(segment for segment in stored if seq in segment.sources and segment.room == "hut")
        assert (left.text, left.redacted, left.room) == ("", True, "hut")
        assert await lab.store.redacted_seqs("lab", 0, 10_000) == []


async def test_who_returns_is_told_what_was_taken_back_next_door_meanwhile() -> None:
    async with house() as lab:
        await lab.open_other()
        await lab.attach(patch=WIDE)
        await lab.chatter(60)
        (seq,) = overheard(lab)[0].sources
        lab.driver.detach("lab", "ada")
        await lab.store.redact("hut", seq)
        lab.driver.redacted("hut", seq)
        _, frames = await lab.attach(after=lab.after())
        assert Redacted(room="hut", seq=seq, by="") in frames


async def test_a_turn_composed_before_a_redaction_is_sent_without_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    async with house() as lab:
        await lab.open_other()
        await lab.attach(patch=WIDE)
        works = lab.store.append_turn

        async def slow(user: str, turn: object, carried: bytes) -> None:
            """While the turn is being stored, all that it cites is taken back."""
            for segment in turn.segments:  # type: ignore[attr-defined]
                for seq in segment.sources:
                    await lab.store.redact("hut", seq)
                    lab.driver.redacted("hut", seq)
            await works(user, turn, carried)  # type: ignore[arg-type]

        monkeypatch.setattr(lab.store, "append_turn", slow)
        await lab.chatter(40)
        assert overheard(lab) and {segment.text for segment in overheard(lab)} == {""}


async def test_another_readers_ear_changes_nothing() -> None:
    """Law 12, with rooms in hearing."""

    async def heard_by_ada(bob: ViewPatch | None) -> list[tuple[str, ...]]:
        async with house() as lab:
            await lab.open_other()
            await lab.attach(ADA, patch=WIDE)
            if bob is not None:
                await lab.attach(BOB, patch=bob)
            for _ in range(40):
                await lab.say(line(lab.head), "vera")
                await lab.chatter(1)
            await wait(20)
            return [tuple(segment.text for segment in turn.segments) for turn in lab.turns()]

    alone = await heard_by_ada(None)
    for bob in (ViewPatch(cadence_s=1.0, sigma=10.0), ViewPatch(mode="raw"), ViewPatch(sigma=0.1)):
        assert await heard_by_ada(bob) == alone


async def test_what_was_redacted_before_it_was_looked_into_is_never_overheard() -> None:
    async with house() as lab:
        await lab.open_other()
        await lab.attach(patch=WIDE)
        for number in range(60):
            said = await lab.say_in_hut(line(number))
            await lab.store.redact("hut", said.seq)
            lab.driver.redacted("hut", said.seq)
            await wait(1.0)
        assert overheard(lab) == []


async def test_a_reader_at_a_pod_is_given_the_other_pods_line_by_line() -> None:
    async with house() as lab:
        floor = Floor(("hearth", "door"), {"hearth": (0.0, 0.0), "door": (3.0, 0.0)})
        await lab.driver.open_room("lab", lab.epoch, lab.head, ViewPatch(), floor=floor)
        await lab.attach(ADA, patch=ViewPatch(focus=Focus(x=2.9, y=0.0), sigma=2.0))
        await lab.attach(BOB)
        for number in range(120):
            await lab.say(line(number), "abc"[number % 3], pod=("hearth", "door")[number % 2])
            await wait(0.5)
        heard, quoted = overheard(lab), [s for turn in lab.turns() for s in turn.segments if s.kind == "quote"]
        assert heard and not any(isinstance(segment.room, str) for segment in heard)
        assert {seq % 2 for segment in heard for seq in segment.sources} == {1}  # those at the hearth
        assert {seq % 2 for segment in quoted for seq in segment.sources} == {0}
        assert not overheard(lab, "bob")
