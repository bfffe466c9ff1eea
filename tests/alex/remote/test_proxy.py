"""The near end: what reaches whom while the worker is late, changes modes, or dies."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from structlog.testing import capture_logs

from cadence.alex.remote import proxy as proxies
from cadence.alex.remote.peer import Frame
from cadence.rooms.mediation import StoreFenced
from cadence.rooms.wire import After, Ask, Message, Read, Turn, ViewPatch, ViewReply, ViewRequest, WireError
from tests.alex.house import ADA, BOB, HOST, wait
from tests.alex.remote.desk import Desk, desk
from tests.alex.talk import SENTENCE, START, line


async def talk(opened: Desk, messages: int, pause_s: float = 0.05) -> None:
    """Somebody goes on talking, faster than the line."""
    for _ in range(messages):
        await opened.say(line(opened.head))
        await wait(pause_s)


async def test_agents_words_come_as_turns_and_peoples_words_as_they_are() -> None:
    async with desk() as lab:
        await lab.join()
        await talk(lab, 4)
        await lab.say("Good morning, all of you.", "bob", "human")
        await wait(12)
        assert lab.seqs() == [5] and lab.covered() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("while_s", [0.0, 0.1, 0.3])
async def test_turning_to_raw_and_back_shows_every_message_once_and_in_order(while_s: float) -> None:
    async with desk() as lab:
        await lab.join()
        talking = asyncio.create_task(talk(lab, 200))
        for mode in ("raw", "paraphrase", "raw", "paraphrase", "raw"):
            await wait(1.0 + while_s)
            await lab.set_mode(mode)
        await talking
        await wait(1)
        raw, covered = lab.seqs(), lab.covered()
        assert raw == sorted(set(raw)) and len(raw) > 60
        assert sorted(raw + covered) == list(range(1, 201)), "each is covered by a turn or was sent, never both"


async def test_two_changes_at_once_lose_nothing() -> None:
    async with desk() as lab:
        await lab.join(patch=ViewPatch(mode="raw"))
        talking = asyncio.create_task(talk(lab, 60))
        await wait(1)
        await asyncio.gather(lab.set_mode("paraphrase"), lab.set_mode("raw"), lab.set_mode("paraphrase"))
        await talking
        await wait(40)
        raw = lab.seqs()
        assert raw == sorted(set(raw)) and set(raw) | set(lab.covered()) == set(range(1, 61))


async def test_a_change_that_is_refused_leaves_the_reader_raw() -> None:
    async with desk() as lab:
        await lab.join(patch=ViewPatch(mode="raw"))
        await lab.mediation.set_view(HOST, ViewRequest(room="lab", participant="ada", lock=("mode",)))
        talking = asyncio.create_task(talk(lab, 40))
        await wait(0.5)
        with pytest.raises(WireError, match="mode"):
            await lab.set_mode("paraphrase")
        await talking
        assert lab.seqs() == list(range(1, 41))


async def test_a_raw_reader_who_joins_while_all_talk_misses_nothing() -> None:
    async with desk() as lab:
        await lab.say()
        talking = asyncio.create_task(talk(lab, 60))
        await wait(0.5)
        await lab.join(after=After(lab.epoch, 1, 0), patch=ViewPatch(mode="raw"))
        await talking
        assert lab.seqs() == list(range(2, 62))


async def test_what_is_redacted_on_the_way_arrives_without_its_text() -> None:
    async with desk() as lab:
        await lab.join()
        said = await lab.say("My password is swordfish.", "bob", "human")
        await lab.redact(said.seq)
        await lab.set_mode("raw")
        secret = await lab.say("And this is a secret too.")
        lab.told["ada"].clear()
        await lab.redact(secret.seq)
        await wait(20)
        assert not any("swordfish" in str(frame) or "secret" in str(frame) for frame in lab.told["ada"])


async def test_a_turn_crosses_the_line_once() -> None:
    async with desk() as lab:
        sent: list[Frame] = []
        peer = lab.neighbours.living[0].worker.peer
        send = peer._send
        peer._send = lambda frame: (sent.append(frame), send(frame))[1]
        for member in (ADA, BOB):
            await lab.join(member)
        await lab.say()
        await wait(12)
        assert lab.covered("ada") == lab.covered("bob") == [1]
        appended = [one for _, _, what, args in sent if what == "append_turns" for one in args[0]]
        assert sorted(user for user, _, _ in appended) == ["ada", "bob"]
        assert sum(isinstance(args[-1], int) for _, _, what, args in sent if what == "tell") == 2
        assert not any(isinstance(args[-1], Turn) for _, _, what, args in sent if what == "tell")


async def test_a_turn_redacted_between_the_log_and_its_reader_arrives_without_its_text() -> None:
    async with desk() as lab:
        await lab.join()
        secret = await lab.say("The safe opens with 1234.")
        while not await lab.store.turns("lab", "ada", limit=1):
            await wait(0.01)
        assert not any(isinstance(frame, Turn) for frame in lab.told["ada"])
        await lab.redact(secret.seq)
        await wait(5)
        (turn,) = [frame for frame in lab.told["ada"] if isinstance(frame, Turn)]
        assert turn.covers is not None and turn.covers.to == secret.seq
        assert "1234" not in str(turn)


async def test_what_waits_for_a_change_of_mode_can_be_redacted() -> None:
    async with desk() as lab:
        await lab.join(patch=ViewPatch(mode="raw"))
        await wait(1)
        changing = asyncio.create_task(lab.mediation.set_view(ADA, ViewRequest(room="lab", mode="paced")))
        await wait(0.0)
        said = await lab.say("My password is swordfish.")
        await lab.redact(said.seq)
        await changing
        await wait(40)
        assert not any("swordfish" in str(frame) for frame in lab.told["ada"])


async def test_questions_are_answered_by_the_far_end() -> None:
    async with desk() as lab:
        await lab.join()
        await talk(lab, 6)
        answers: list[Turn] = []
        await lab.mediation.ask(ADA, Ask(room="lab", what="catch_up", since=0), answers.append)
        await wait(1)
        assert [turn.mode for turn in answers] == ["answer"] and answers[0].segments
        with pytest.raises(WireError):
            await lab.mediation.ask(BOB, Ask(room="lab", what="catch_up"), answers.append)


async def test_what_a_reader_opens_and_reads_is_told() -> None:
    async with desk() as lab:
        await lab.join()
        await talk(lab, 3)
        await wait(8)
        lab.mediation.read("ada", Read(room="lab", turn=1, dwell_s=3.0))
        lab.mediation.opened("lab", "ada", [2])
        await wait(1)
        lab.mediation.detach("lab", "ada")
        await wait(1)
        record = await lab.store.reader("lab", "ada")
        assert record is not None and record.read_to == 3


async def test_a_cut_while_arriving_leaves_nobody_behind() -> None:
    async with desk() as lab:
        arriving = asyncio.create_task(lab.mediation.attach("lab", ADA, None, None, 0))
        await wait(0)
        arriving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await arriving
        await wait(2)
        assert lab.mediation.posted(await lab.say()) == frozenset()
        assert lab.neighbours.living[0].worker._driver.present("lab") == frozenset()


async def test_a_join_the_far_end_refuses_leaves_nobody_behind() -> None:
    async with desk() as lab:
        await lab.join()
        await lab.mediation.set_view(HOST, ViewRequest(room="lab", participant="ada", lock=("mode",)))
        lab.store.available = False
        with pytest.raises(WireError, match="cannot be joined"):
            await lab.mediation.attach("lab", BOB, None, None, 0)
        lab.store.available = True
        assert lab.mediation.posted(await lab.say()) == {"ada"}


async def test_a_worker_that_dies_sends_its_readers_away_and_the_next_goes_on() -> None:
    with capture_logs():
        async with desk() as lab:
            await lab.join()
            await talk(lab, 5)
            await wait(6)
            before = After(lab.epoch, 0, max(frame.turn for frame in lab.told["ada"] if isinstance(frame, Turn)))
            lab.neighbours.living[0].kill()
            await wait(0)
            assert lab.away == [{"ada"}]
            assert lab.mediation.posted(await lab.say()) == {"ada"}, "withheld: it is owed when she returns"
            with pytest.raises(WireError, match="try again in a moment") as refused:
                await lab.mediation.attach("lab", ADA, before, None, lab.head)
            assert refused.value.retry_after_s == proxies.RETRY_SECONDS
            for call in (lab.set_mode("raw"), lab.mediation.ask(ADA, Ask(room="lab", what="room"), lambda _: None)):
                with pytest.raises(WireError, match="try again in a moment"):
                    await call
            await wait(2)
            await lab.join(after=before)  # a new connection, before the old one has noticed
            lab.mediation.detach("lab", "ada")  # the old one
            await talk(lab, 3)
            await wait(30)
            assert lab.covered() == list(range(1, 10))
            assert lab.mediation.readers() == 1


async def test_a_worker_that_dies_while_somebody_arrives_refuses_them() -> None:
    with capture_logs():
        async with desk() as lab:
            arriving = asyncio.create_task(lab.mediation.attach("lab", ADA, None, None, 0))
            await wait(0)
            lab.neighbours.living[0].kill()
            with pytest.raises(WireError, match="try again in a moment"):
                await arriving
            await wait(2)
            assert lab.mediation.posted(await lab.say()) == frozenset()


@pytest.mark.parametrize(
    ("bound", "most"), [("UNHEARD_MESSAGES_MAX", 20), ("UNHEARD_CHARACTERS_MAX", 20 * len(SENTENCE))]
)
async def test_a_worker_that_hears_nothing_any_more_is_ended(
    monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    monkeypatch.setattr(proxies, bound, most)
    with capture_logs() as logged:
        async with desk() as lab:
            await lab.join()
            for _ in range(25):
                await lab.say()
            await wait(1)
            assert lab.away == [{"ada"}]
    assert "a mediator does not keep up; it is started again" in [entry["event"] for entry in logged]


async def test_a_worker_that_does_not_end_is_ended() -> None:
    with capture_logs() as logged:
        async with desk() as lab:
            worker = lab.neighbours.living[0]
            worker._there.cut = True  # it hears nothing any more
    assert [entry["why"] for entry in logged] == ["it took more than 10.0 s"]


async def test_a_worker_may_ask_the_log_for_what_readers_need_and_nothing_else() -> None:
    async with desk() as lab:
        with capture_logs(), pytest.raises(RuntimeError, match="expected one of .*, got `close`"):
            await lab.neighbours.living[0].worker.peer.call("store", "close", (), {})


async def test_a_view_set_for_somebody_who_is_absent_is_kept() -> None:
    async with desk() as lab:
        await lab.join()
        lab.mediation.detach("lab", "ada")
        reply = await lab.mediation.set_view(HOST, ViewRequest(room="lab", participant="ada", cadence_s=9.0))
        assert isinstance(reply, ViewReply) and reply.view.cadence_s == 9.0
        said: list[Message] = [await lab.say()]
        assert lab.mediation.posted(said[0]) == frozenset()


async def test_who_may_read_a_private_room_is_known_at_the_far_end() -> None:
    async with desk() as lab:
        await lab.mediation.open_room("vault", "e", 0, ViewPatch(), public=False)
        readable = lab.neighbours.living[0].worker._readable
        await lab.join(BOB)
        assert readable == {"bob": frozenset()}
        lab.invited.add("vault")
        lab.mediation.allowed("bob")
        await wait(1)
        assert readable == {"bob": frozenset({"vault"})}
        lab.invited.add("attic")
        await lab.mediation.open_room("attic", "e", 0, ViewPatch(), public=False)
        await wait(1)
        assert readable == {"bob": frozenset({"vault", "attic"})}


async def test_a_reader_who_is_forgotten_is_forgotten_at_the_far_end() -> None:
    async with desk(workers=2) as lab:
        await lab.join()
        await talk(lab, 3)
        lab.mediation.detach("lab", "ada")
        await lab.mediation.forget_reader("ada")
        workers = [living.worker for living in lab.neighbours.living.values()]
        assert not any("ada" in worker._driver._rooms["lab"].readers for worker in workers)
        assert not any("ada" in worker._readable for worker in workers)


async def test_who_is_no_reader_can_ask_too() -> None:
    async with desk(workers=2) as lab:
        await talk(lab, 6)
        segments = await lab.mediation.answer(Ask(room="lab", what="room", words=60))
        assert segments and {seq for segment in segments for seq in segment.sources} <= set(range(1, 7))
        lab.neighbours.living[0].kill()
        await wait(0)
        with capture_logs(), pytest.raises(WireError, match="try again in a moment"):
            await lab.mediation.answer(Ask(room="lab", what="room"))


async def test_what_a_worker_knew_of_a_reader_the_next_one_knows() -> None:
    def known(lab: Desk) -> list[int]:
        (living,) = lab.neighbours.living.values()
        mediator = living.worker._driver._rooms["lab"].readers["ada"].mediator
        assert mediator is not None
        return [seq for seq, *_ in mediator.listening.whispers.own()]

    with capture_logs():
        async with desk() as lab:
            await lab.join()
            await talk(lab, 3)
            lab.mediation.opened("lab", "ada", [2])
            await wait(6)
            before = After(lab.epoch, 0, max(frame.turn for frame in lab.told["ada"] if isinstance(frame, Turn)))
            assert known(lab) == [2]
            next(iter(lab.neighbours.living.values())).kill()
            await wait(4)
            await lab.join(after=before)
            assert known(lab) == [2]


# Readers who are given away, as another node mediates them.


@pytest.mark.parametrize("tenths", range(0, 20, 2))
async def test_who_is_given_away_has_been_told_what_is_in_the_log_and_nothing_more_comes(tenths: int) -> None:
    async with desk() as lab:
        await lab.join()
        await talk(lab, 3)
        await wait(4.5 + tenths / 10)  # a look, the log and the line are somewhere in between
        sent = lab.mediation.drop("lab", "ada")
        stored = [turn.turn for turn in await lab.store.turns("lab", "ada", limit=9)]
        await wait(20)
        assert [turn.turn for turn in await lab.store.turns("lab", "ada", limit=9)] == stored
        assert [frame.turn for frame in lab.told["ada"] if isinstance(frame, Turn)] == stored
        assert sent == len(stored)
        assert lab.mediation.posted(await lab.say()) == frozenset()


async def test_whose_human_words_were_on_their_way_is_to_come_back_for_them() -> None:
    async with desk() as lab:
        await lab.join()
        await lab.say()
        assert lab.mediation.drop("lab", "ada") == 0, "an agent's words come in a turn, by whoever mediates"
        await lab.join()
        await wait(1)
        await lab.say("Good morning.", "bob", "human")
        assert lab.mediation.drop("lab", "ada") is None
        await wait(1)
        assert not any(isinstance(frame, Message) for frame in lab.told["ada"])
        changing = asyncio.create_task(lab.set_mode("raw", BOB))
        await lab.join(BOB)
        assert lab.mediation.drop("lab", "ada") == 0, "nobody is here"
        await asyncio.gather(changing, return_exceptions=True)


async def test_who_is_just_changing_how_they_read_is_to_come_back() -> None:
    async with desk() as lab:
        await lab.join()
        changing = asyncio.create_task(lab.set_mode("raw"))
        await wait(0)
        assert lab.mediation.drop("lab", "ada") is None
        await lab.join()
        with pytest.raises(StoreFenced):
            await changing
        await wait(1)
        assert lab.mediation.posted(await lab.say()) == {"ada"}, "the mode that was told late was of the stay before"


@pytest.mark.parametrize("seed", range(8))
async def test_a_reader_given_away_and_taken_back_again_and_again_is_shown_everything_once(seed: int) -> None:
    """What the worker tells late for the stay before, and what it never got to tell, is neither doubled nor lacking."""
    chance = Random(seed)
    async with desk() as lab:
        await lab.join(patch=ViewPatch(cadence_s=1.0, pace_wpm=1000))
        talking = asyncio.create_task(talk(lab, 150, pause_s=0.2))
        while not talking.done():
            await wait(chance.choice((0.0, 0.1, 0.3, 2.0)))
            since = lab.head
            sent = lab.mediation.drop("lab", "ada")
            assert sent is not None
            owed = len(lab.told["ada"])
            attached = await lab.mediation.attach("lab", ADA, After(lab.epoch, since, sent), None, lab.head)
            lab.told["ada"][owed:owed] = [frame async for batch in attached.backfill for frame in batch]
        await wait(20)
        assert lab.covered() == list(range(1, 151)) and lab.seqs() == []


async def test_an_arrival_overtaken_by_another_node_is_refused_and_undone() -> None:
    async with desk() as lab:
        arriving = asyncio.create_task(lab.mediation.attach("lab", ADA, None, None, 0))
        await wait(0.05)
        lab.mediation.drop("lab", "ada")
        with pytest.raises(StoreFenced):
            await arriving
        await lab.join()
        await wait(1)
        worker = lab.neighbours.living[0].worker
        assert worker._here == {"ada": 1} and worker._driver.present("lab") == {"ada"}


async def test_when_what_was_decided_is_stored_can_be_waited_for() -> None:
    async with desk() as lab:
        await lab.join()
        lab.mediation.detach("lab", "ada")
        await lab.mediation.settle("lab", "ada")
        record = await lab.store.reader("lab", "ada")
        assert record is not None and record.closed_at is not None


async def test_a_room_that_begins_anew_does_so_at_the_far_end_and_for_the_next_worker() -> None:
    with capture_logs():
        async with desk() as lab:
            await lab.join()
            said = await lab.say()
            await lab.redact(said.seq)
            await lab.mediation.renew("lab", "another epoch", 0)
            assert lab.mediation.posted(await lab.say()) == frozenset()
            for _ in range(2):
                room = lab.neighbours.living[0].worker._driver._rooms["lab"]
                assert room.epoch == "another epoch" and not room.readers
                lab.neighbours.living[0].kill()
                await wait(3)


async def test_who_has_pages_elsewhere_is_known_before_a_human_speaks() -> None:
    with capture_logs():
        async with desk() as lab:
            away: set[str] = set()
            lab.mediation.elsewhere = lambda room: away
            await lab.join()
            for _ in range(2):
                away.add("ada")
                worker = lab.neighbours.living[0].worker
                await lab.say("Good morning.", "bob", "human")
                await wait(1)
                assert worker._driver.elsewhere("lab") == {"ada"}
                away.clear()
                await lab.say("Good evening.", "bob", "human")
                await wait(1)
                assert not worker._driver.elsewhere("lab")
                lab.neighbours.living[0].kill()
                await wait(3)
                await lab.join()


async def test_time_that_leaps_here_leaps_at_the_far_end_and_for_the_next_worker() -> None:
    with capture_logs():
        async with desk() as lab:
            lab.mediation.reach(START + 3600)
            await wait(1)
            assert lab.reached[-1] == START + 3600
            lab.reached.clear()
            lab.neighbours.living[0].kill()
            await wait(3)
            assert lab.reached == [START + 3600]
