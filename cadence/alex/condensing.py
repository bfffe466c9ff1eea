"""Alex as a model at `/v1`: condenses the messages of a request, or what a room said, with the embedded digest.

    alex         the messages given; each speaker is a message's `name`, else its role
    alex/ROOM    a room: what was said `since` a seq or a time, else all of it

If the last message is a question (it ends with a question mark), what answers it is quoted instead. What comes out
is cut from what went in, each line naming who said it, so Alex cannot say what nobody said; and no language model is
asked. At most one request is condensed at a time, message by message, so that nobody's turn is late for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import numpy as np

from cadence.alex.answers import compose
from cadence.alex.transcript import Entry, Transcript
from cadence.lod.digest import LOOK_BACK, SpeakerMemory, rank
from cadence.lod.retrieval import retrieve
from cadence.lod.units import count_words
from cadence.rooms.mediation import StoreUnavailable
from cadence.rooms.wire import Ask, Author, Member, Message, Segment, WireError, to_iso
from cadence.rooms.wire.completions import ChatMessage, Completion, Delta, End, Source

ALEX = "alex"
WORDS_DEFAULT = 120
WORDS_MIN, WORDS_MAX = 10, 400
WORDS_PER_TOKEN = 0.75  # English, about; a caller counts an answer in tokens
SPARE = 1.5  # how much more is chosen than fits, as names cost words
MESSAGE_BYTES_MAX = 64 * 1024  # what a frame may have
TEXT_BYTES_MAX = 256 * 1024  # of one request; about a tenth of a second of work
QUESTION_CHARS_MAX = 500
QUESTION_MARKS = ("?", "？", "؟")
NOTHING = "Nothing was found."
SPEAKERS = ("user", "assistant")  # the other roles instruct, and there is nobody here to be instructed


class AlexModels:
    """`rooms` are those an asker (None: a stranger) may read, `answer` answers about one of them."""

    def __init__(
        self,
        rooms: Callable[[Member | None], Sequence[str]],
        answer: Callable[[Ask], Awaitable[Sequence[Segment]]],
        clock: Callable[[], float],
    ) -> None:
        self._rooms, self._answer, self._clock = rooms, answer, clock
        self._one = asyncio.Lock()

    def names(self, asker: Member | None) -> Sequence[str]:
        """See `Models`."""
        return [ALEX, *(f"{ALEX}/{room}" for room in self._rooms(asker))]

    async def complete(self, request: Completion, asker: Member | None) -> AsyncIterator[Delta | End]:
        """See `Models`."""
        words = words_for(request.tokens_max)
        _, _, room = request.model.partition("/")
        async with self._one:
            segments = await (self._of_room(room, request, words) if room else self._of_messages(request, words))
        for number, segment in enumerate(segments):
            yield Delta(f"\n{segment.text}" if number else segment.text)
        if not segments:
            yield Delta(NOTHING)
        yield End(
            prompt_tokens=_tokens(sum(count_words(message.text) for message in request.messages)),
            answer_tokens=_tokens(sum(count_words(segment.text) for segment in segments)),
            segments=tuple(Source(segment.speakers, segment.text, segment.sources) for segment in segments),
        )

    async def _of_room(self, room: str, request: Completion, words: int) -> Sequence[Segment]:
        question = _question(request.messages)
        if question is None:
            ask = Ask(room=room, what="room", since=request.since or 0, words=words)
        else:
            ask = Ask(room=room, what="question", text=question, words=words)
        try:
            return await self._answer(ask)
        except StoreUnavailable:
            raise WireError("unavailable", "the server's log cannot be used now: try again") from None

    async def _of_messages(self, request: Completion, words: int) -> Sequence[Segment]:
        transcript, entries = Transcript(), list[Entry]()
        question = _question(request.messages) if len(request.messages) > 1 else None
        given = request.messages if question is None else request.messages[:-1]
        for message in messages_of(given, self._clock()):
            entries.append(transcript.enter(message))
            transcript.learn(entries[-1])
            await asyncio.sleep(0)
        units = [unit for entry in entries for unit in entry.parsed.units if unit.block is None]
        if question is not None:
            names = {entry.speaker: entry.message.from_.name for entry in entries}
            chosen = retrieve(units, question, SPARE * words, transcript.background, names=names)
        else:
            budget, even = SPARE * words, np.ones(len(units))
            memory = SpeakerMemory()
            ladder = rank(units, even, transcript.background, memory, 0.0, budget, weigh=LOOK_BACK, exact=True)
            chosen = ladder.select(budget) if units else ()
        choices = [((units[i].seq, units[i].index), 1.0) for i in chosen]
        return compose(choices, {entry.seq: entry for entry in entries}, {}, "answer", words)[1]


def words_for(tokens_max: int | None) -> int:
    """How many words an answer of so many tokens may have."""
    return WORDS_DEFAULT if tokens_max is None else min(max(int(tokens_max * WORDS_PER_TOKEN), WORDS_MIN), WORDS_MAX)


def messages_of(given: Sequence[ChatMessage], now: float) -> list[Message]:
    """A request's messages as those of a room: `seq` is their place in the request, from 1. Raises `WireError`."""
    found, left = [], TEXT_BYTES_MAX
    at = to_iso(now)
    for seq, message in enumerate(given, 1):
        size = len(message.text.encode(errors="replace"))
        left -= size
        if size > MESSAGE_BYTES_MAX or left < 0:
            sentence = f"expected messages of at most {MESSAGE_BYTES_MAX} bytes, {TEXT_BYTES_MAX} together, got more"
            raise WireError("too_large", sentence, field="messages")
        if message.role in SPEAKERS and message.text.strip():
            name = (message.name or message.role.capitalize()).strip()
            author = Author(f"{message.role}:{name}", name, "agent")
            found.append(Message("", "", seq, str(seq), author, at, message.text))
    return found


def _question(messages: Sequence[ChatMessage]) -> str | None:
    last = messages[-1]
    text = last.text.strip()
    return text[-QUESTION_CHARS_MAX:] if last.role == "user" and text.endswith(QUESTION_MARKS) else None


def _tokens(words: int) -> int:
    return round(words / WORDS_PER_TOKEN)
