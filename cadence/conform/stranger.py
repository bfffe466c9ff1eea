"""A client that knows only PROTOCOL.md and keeps a diary of every frame.

It is a witness: nothing of Cadence is imported here or in `tests/checks`, so a mistake in the product cannot
hide behind the same mistake in its proof. It speaks over any `Duplex`: a real socket (`dial`) or, in the tests'
simulation, an in-memory channel.

A `Stranger` outlives its connections: `open` resumes the last session, `join` says how far it has come.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

Frame = dict[str, Any]
PATIENCE_S = 30.0


class Closed(Exception):
    """The connection ended; `code` is the WebSocket close code, None if it was simply lost."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class Refused(Exception):
    """The server answered a request with `error`."""

    def __init__(self, frame: Frame) -> None:
        super().__init__(f"{frame.get('code')}: {frame.get('message')}")
        self.frame = frame
        self.code: str = frame["code"]


class Duplex(Protocol):
    """Anything that carries text frames both ways. `receive` and `send` raise `Closed` at the end."""

    async def send(self, text: str) -> None: ...
    async def receive(self) -> str: ...
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Seen:
    """One line of a diary. `closed` lines carry {"code": ...}."""

    at: float
    connection: int
    way: Literal["in", "out", "closed"]
    frame: Frame


@dataclass(slots=True)
class Place:
    """What a client remembers of one room between connections."""

    epoch: str
    seq: int
    turn: int = 0
    since: int = 0  # the head when it was last entered afresh
    view: Frame | None = None
    members: dict[str, Frame] = field(default_factory=dict)
    seqs: set[int] = field(default_factory=set)


class Stranger:
    """One participant and its diary. Requests raise `Refused` for an `error` and `Closed` when cut."""

    def __init__(
        self, name: str | None, kind: str = "human", *, token: str | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.name = name
        self.kind = kind
        self.token = token
        self.diary: list[Seen] = []
        self.places: dict[str, Place] = {}
        self.you: Frame = {}
        self.session: str | None = None
        self.connection = 0
        self._clock = clock
        self._refs = 0
        self._duplex: Duplex | None = None
        self._pump: asyncio.Task[None] | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._waiting: list[tuple[Callable[[Frame], bool], asyncio.Future[Frame]]] = []

    @property
    def id(self) -> str:
        return str(self.you.get("id", ""))

    @property
    def flows(self) -> bool:
        """Whether it takes what it is sent."""
        return self._flowing.is_set()

    @property
    def connected(self) -> bool:
        return self._pump is not None and not self._pump.done()

    # Connecting.

    async def open(self, duplex: Duplex, *, resume: bool = True) -> Frame:
        """Say hello over `duplex`; answers `welcome`. The former connection, if any, must be over."""
        await self.listen(duplex)
        hello: Frame = {"type": "hello", "kind": self.kind, "client": "stranger"}
        if self.name is not None:
            hello["name"] = self.name
        if self.token is not None:
            hello["token"] = self.token
        if resume and self.session is not None:
            hello["resume"] = self.session
        welcome = await self.request(hello)
        self.you, self.session = welcome["you"], welcome["session"]
        return welcome

    async def listen(self, duplex: Duplex) -> None:
        """Take over a connection without a word. The former one, if any, must be over."""
        assert not self.connected
        self._duplex = duplex
        self.connection += 1
        self._flowing.set()
        self._pump = asyncio.create_task(self._read(duplex, self.connection))

    async def join(self, room: str, *, view: Frame | None = None, afresh: bool = False) -> Frame:
        """Join `room`, asking for what was missed since the last time unless `afresh`."""
        request: Frame = {"type": "join", "room": room}
        place = None if afresh else self.places.get(room)
        if place is not None:
            request["after"] = {"epoch": place.epoch, "seq": place.seq, "turn": place.turn}
        if view is not None:
            request["view"] = view
        return await self.request(request)

    async def cut(self) -> None:
        """Drop the connection without a word."""
        if self._duplex is not None:
            await self._duplex.close()
        await self.over()

    async def over(self, *, within: float | None = PATIENCE_S) -> int | None:
        """Wait until the connection has ended; answers its close code."""
        if self._pump is not None:
            async with asyncio.timeout(within):
                await asyncio.wait([self._pump])
            self._pump.result()
        return next((seen.frame["code"] for seen in reversed(self.diary) if seen.way == "closed"), None)

    def stall(self) -> None:
        """Stop reading; the server must not mind."""
        self._flowing.clear()

    def flow(self) -> None:
        self._flowing.set()

    # Requests.

    async def say(self, room: str, text: str, **fields: Any) -> Frame:
        """Answers `said`. Give `id` again to say the same thing again."""
        fields.setdefault("id", f"{self.name}-{self._refs}")
        return await self.request({"type": "say", "room": room, "text": text, **fields})

    async def view(self, room: str, **fields: Any) -> Frame:
        return await self.request({"type": "view", "room": room, **fields})

    async def history(self, room: str, stream: str = "raw", **fields: Any) -> Frame:
        return await self.request({"type": "history", "room": room, "stream": stream, **fields})

    async def messages(self, room: str) -> list[Frame]:
        """All messages of the room, page by page."""
        items: list[Frame] = []
        more = True
        while more:
            last = items[-1]["seq"] if items else 0
            page = await self.history(room, after=last, limit=200)
            items += page["items"]
            more = page["more"]
        return items

    async def ask(self, room: str, what: str, **fields: Any) -> Frame:
        """Answers the `turn` with our ref."""
        return await self.request({"type": "ask", "room": room, "what": what, **fields})

    async def redact(self, room: str, seq: int) -> Frame:
        return await self.request({"type": "redact", "room": room, "seq": seq})

    async def leave(self, room: str) -> Frame:
        return await self.request({"type": "leave", "room": room})

    async def read(self, room: str, **fields: Any) -> None:
        await self.send({"type": "read", "room": room, **fields})

    async def request(self, frame: Frame, *, within: float = PATIENCE_S) -> Frame:
        """Send `frame` with a `ref` of its own and wait for the reply that repeats it."""
        self._refs += 1
        ref = f"r{self._refs}"
        reply = self.expect(lambda answer: answer.get("ref") == ref)
        await self.send({**frame, "ref": ref})
        async with asyncio.timeout(within):
            answer = await reply
        if answer["type"] == "error":
            raise Refused(answer)
        return answer

    async def send(self, frame: Frame | str) -> None:
        """Send a frame, or any text, and do not wait."""
        if self._duplex is None or not self.connected:
            raise Closed(None)
        text = frame if isinstance(frame, str) else json.dumps(frame, ensure_ascii=False)
        if isinstance(frame, dict):
            self._note("out", self.connection, json.loads(text))  # as it goes over the wire
        await self._duplex.send(text)

    # Waiting.

    def expect(self, test: Callable[[Frame], bool]) -> asyncio.Future[Frame]:
        """The next frame that passes `test`; call before what causes it."""
        future: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._waiting.append((test, future))
        return future

    async def until(self, test: Callable[[Frame], bool], *, within: float = PATIENCE_S) -> Frame:
        """The first frame of the whole diary that passes `test`, waiting for it if need be."""
        for seen in self.diary:
            if seen.way == "in" and test(seen.frame):
                return seen.frame
        async with asyncio.timeout(within):
            return await self.expect(test)

    def received(self, *types: str) -> list[Frame]:
        """Frames received so far, of these types."""
        return [seen.frame for seen in self.diary if seen.way == "in" and seen.frame["type"] in types]

    # Reading.

    async def _read(self, duplex: Duplex, connection: int) -> None:
        code: int | None = None
        try:
            while True:
                await self._flowing.wait()
                frame = json.loads(await duplex.receive())
                self._note("in", connection, frame)
                self._learn(frame)
                self._hand_out(frame)
        except Closed as closed:
            code = closed.code
        finally:
            self._note("closed", connection, {"code": code})
            waiting, self._waiting = self._waiting, []
            for _, future in waiting:
                if not future.done():
                    future.set_exception(Closed(code))
                    future.exception()  # whoever waits will see it; nobody waiting is no error

    def _note(self, way: Literal["in", "out", "closed"], connection: int, frame: Frame) -> None:
        self.diary.append(Seen(self._clock(), connection, way, frame))

    def _hand_out(self, frame: Frame) -> None:
        for entry in list(self._waiting):
            test, future = entry
            if future.done():
                self._waiting.remove(entry)
            elif test(frame):
                self._waiting.remove(entry)
                future.set_result(frame)

    def _learn(self, frame: Frame) -> None:
        if frame["type"] == "joined":
            self._enter(frame)
            return
        place = self.places.get(frame.get("room", ""))
        if place is None:
            return
        match frame["type"]:
            case "message":
                place.seqs.add(frame["seq"])
                place.seq = max(place.seq, frame["seq"])
            case "turn":
                place.turn = max(place.turn, frame["turn"])
            case "view" if frame["participant"] == self.id:
                place.view = frame["view"]
            case "presence":
                if "members" in frame:
                    place.members = {member["id"]: member for member in frame["members"]}
                place.members.update({member["id"]: member for member in frame.get("joined", ())})
                for member in frame.get("left", ()):
                    place.members.pop(member, None)

    def _enter(self, joined: Frame) -> None:
        place = self.places.get(joined["room"])
        asked = next(
            seen.frame for seen in reversed(self.diary) if seen.way == "out" and seen.frame["ref"] == joined["ref"]
        )
        if place is None or "after" not in asked or not joined["recovered"]:
            turn = place.turn if place is not None and place.epoch == joined["epoch"] else 0
            place = self.places[joined["room"]] = Place(joined["epoch"], joined["head"], turn, joined["head"])
        place.view = joined["view"]
        place.members = {member["id"]: member for member in joined["members"]}


class Socket:
    """A `Duplex` over a real WebSocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, text: str) -> None:
        try:
            await self._connection.send(text)
        except ConnectionClosed as closed:
            raise Closed(closed.rcvd.code if closed.rcvd else None) from None

    async def receive(self) -> str:
        try:
            data = await self._connection.recv(decode=True)
        except ConnectionClosed as closed:
            raise Closed(closed.rcvd.code if closed.rcvd else None) from None
        assert isinstance(data, str)
        return data

    async def close(self) -> None:
        await self._connection.close()


async def dial(url: str, *, origin: str | None = None, subprotocols: Sequence[str] = ("cadence.v1",)) -> Socket:
    """A connection to a real server."""
    protocols: Any = list(subprotocols)
    chosen: Any = origin
    return Socket(await connect(url, subprotocols=protocols, origin=chosen, max_size=None, proxy=None))
