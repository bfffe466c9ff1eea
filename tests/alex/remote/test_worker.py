"""The far end by itself: what it tells of modes, of what it heard, and of what it counts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cadence.alex.driver import Driver
from cadence.alex.remote import worker as workers
from cadence.alex.remote.peer import Frame
from cadence.alex.remote.turns import TurnDesk
from cadence.alex.remote.worker import Worker
from cadence.counts import MediationCounts, ProcessCounts
from cadence.lod.scopes import Floor
from cadence.rooms.log import Draft
from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.wire import Author, Message, ViewPatch, ViewRequest
from tests.alex.house import ADA, wait
from tests.alex.talk import START

USED = ProcessCounts(tasks=3, resident_bytes=50 * 2**20, cpu_s=1.5)


class Far:
    """A worker whose line ends here: what it sends is kept, its questions to the log are answered."""

    def __init__(self, *, keeps_nodes: bool = True) -> None:
        self.store = MemoryLog(lambda: START)
        self.desk = TurnDesk(self.store)
        self.sent: list[Frame] = []
        self.asked: list[str] = []
        self.answers: dict[int, Any] = {}
        self.worker = Worker(self._take, self._make, keeps_nodes=keeps_nodes, process=lambda: USED)
        self._numbers = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def _make(self, store: Any, tell: Any, may_read: Any) -> Driver:
        return Driver(store, lambda: START, tell, may_read=may_read)

    def _take(self, frame: Frame) -> None:
        kind, number, what, args = frame
        if kind == "call":
            self.asked.append(args[0] if what == "store" else what)
            task = asyncio.create_task(self._answer(number, what, args))
            self._tasks.add(task)
        elif kind == "cast":
            self.sent.append(frame)
        else:
            self.answers[number] = args[0]

    async def _answer(self, number: int, what: str, args: tuple[Any, ...]) -> None:
        if what == "append_turns":
            result: Any = await self.desk.append(*args)
        else:
            name, given, named = args
            result = await getattr(self.store, name)(*given, **named)
        self.worker.peer.received(("answer", number, what, (result,)))

    async def call(self, what: str, *args: Any) -> Any:
        self._numbers += 1
        self.worker.peer.received(("call", self._numbers, what, args))
        await wait(0.01)
        return self.answers[self._numbers]

    async def open(self) -> None:
        state = await self.store.open_room("lab")
        await self.call("open_room", "lab", state.epoch, 0, ViewPatch(), "", "", True, Floor())

    async def post(self, text: str = "The build is green.", kind: Any = "agent") -> Message:
        author = Author("vera", "Vera", kind)
        message = (await self.store.append(Draft("lab", author, f"m{len(self.sent)}", START, text))).message
        self.worker.peer.received(("cast", 0, "posted", (message,)))
        await wait(0.01)
        return message

    def told(self, what: str) -> list[tuple[Any, ...]]:
        return [args for _, _, name, args in self.sent if name == what]


async def test_modes_are_told_behind_the_message_they_change_at() -> None:
    far = Far()
    await far.open()
    _, recovered, number, turn = await far.call("attach", "lab", ADA, None, ViewPatch(mode="raw"), 0, frozenset())
    assert recovered and turn == 0 and far.told("mode") == [("lab", "ada", True, 0)]
    assert await far.call("more", number) is None
    await far.post()
    await far.call("set_view", ADA, ViewRequest(room="lab", mode="paraphrase"))
    await far.post()
    assert far.told("mode") == [("lab", "ada", True, 0), ("lab", "ada", False, 1)]
    assert far.told("heard") == [(1,), (1,)]
    far.worker.lost()


async def test_human_speech_is_told_from_here_unless_it_is_read_raw() -> None:
    far = Far()
    await far.open()
    await far.call("attach", "lab", ADA, None, None, 0, frozenset())
    said = await far.post("Hello there.", "human")
    assert ("lab", "ada", said) in far.told("tell")
    await far.call("set_view", ADA, ViewRequest(room="lab", mode="raw"))
    raw = await far.post("Hello again.", "human")
    assert ("lab", "ada", raw) not in far.told("tell")
    far.worker.lost()


async def test_one_worker_keeps_the_pyramid_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    stores = []
    for keeps_nodes in (True, False):
        far = Far(keeps_nodes=keeps_nodes)
        await far.open()
        for _ in range(300):
            await far.post()
        await far.call("close")
        stores.append("save_nodes" in far.asked)
        assert far.worker.done.is_set()
    assert stores == [True, False]


async def test_it_counts_once_a_second_and_in_the_end() -> None:
    far = Far()
    await far.open()
    await far.call("attach", "lab", ADA, None, None, 0, frozenset())
    await wait(2 * workers.COUNT_SECONDS + 0.1)
    counts, readers, encoding, process = far.told("counted")[-1]
    assert isinstance(counts, MediationCounts) and readers == 1 and encoding is None
    assert process == USED
    before = len(far.told("counted"))
    await far.call("close")
    assert len(far.told("counted")) == before + 1


async def test_of_whoever_is_gone_nothing_is_known_any_more() -> None:
    far = Far()
    await far.open()
    for _ in range(2):
        await far.call("attach", "lab", ADA, None, None, 0, frozenset({"lab"}))
    far.worker.peer.received(("cast", 0, "detach", ("lab", "ada")))
    assert far.worker._may_read("lab", ADA), "there is another connection"
    far.worker.peer.received(("cast", 0, "detach", ("lab", "ada")))
    assert not far.worker._may_read("lab", ADA) and not far.worker._here
    refused = await far.call("attach", "nowhere", ADA, None, None, 0, frozenset({"lab"}))
    assert refused == "other" and not far.worker._may_read("lab", ADA) and not far.worker._here
    far.worker.lost()


async def test_a_reader_who_is_given_away_is_gone_before_the_answer_and_nothing_follows_it() -> None:
    far = Far()
    await far.open()
    for _ in range(2):
        await far.call("attach", "lab", ADA, None, ViewPatch(mode="raw"), 0, frozenset({"lab"}))
    far.worker.peer.received(("call", 99, "drop", ("lab", "ada")))
    far.worker.peer.received(("call", 100, "attach", ("lab", ADA, None, None, 0, frozenset())))
    await wait(0.01)
    assert far.told("mode") == [("lab", "ada", True, 0), ("lab", "ada", False, 0), ("lab", "ada", True, 0)]
    assert list(far.answers)[-2:] == [99, 100] and far.worker._here == {"ada": 1}
    far.worker.peer.received(("cast", 0, "detach", ("lab", "ada")))
    assert not far.worker._here and not far.worker._stays
    assert await far.call("drop", "lab", "ada") is None, "it may be gone already"
    far.worker.lost()


async def test_an_arrival_that_is_overtaken_is_refused_and_leaves_nobody() -> None:
    far = Far()
    await far.open()
    far.worker.peer.received(("call", 98, "attach", ("lab", ADA, None, None, 0, frozenset())))
    await asyncio.sleep(0)
    far.worker.peer.received(("call", 99, "drop", ("lab", "ada")))
    await wait(0.01)
    assert far.answers[98] == "fenced" and far.answers[99] is None
    assert not far.worker._here and not far.worker._stays and not far.worker._driver.present("lab")
    far.worker.lost()


async def test_a_room_begins_anew_without_its_readers() -> None:
    far = Far()
    await far.open()
    await far.post()
    await far.call("attach", "lab", ADA, None, ViewPatch(mode="raw"), 1, frozenset())
    await far.call("renew", "lab", "another", 0)
    assert not far.worker._here and far.told("mode")[-1] == ("lab", "ada", False, 0)
    assert far.worker._driver._rooms["lab"].epoch == "another"
    far.worker.lost()


async def test_a_backfill_that_was_stopped_or_crowded_out_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "BACKFILLS_MAX", 1)
    far = Far()
    await far.open()
    numbers = [(await far.call("attach", "lab", ADA, None, None, 0, frozenset()))[2] for _ in range(2)]
    assert len(far.worker._backfills) == 1
    far.worker.peer.received(("cast", 0, "stop", (numbers[1],)))
    assert [await far.call("more", number) for number in numbers] == [None, None]
    far.worker.lost()


async def test_when_the_server_is_gone_it_is_done() -> None:
    far = Far()
    far.worker.lost()
    assert far.worker.done.is_set()
