"""What our client adds to an answer: `python -m bench.model_client`.

A server in this process streams the same answer, ready-made, to three readers in turn: bare sockets that only wait for
the end, the `openai` library as its manual uses it, and a model as a place has it (client, pool, meter). CPU of client
and server together, less that of the bare sockets, in microseconds a chunk: the median of some rounds side by side.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable

import openai

from cadence.models.cards import ModelCard
from cadence.models.chat import Call, ChatMessage, answer_of
from cadence.models.opening import open_models

CHUNKS = 2_000
ROUNDS = 9
CALL = Call((ChatMessage("user", "go"),), tokens_max=CHUNKS)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def event(text: str, finish: str | None = None) -> bytes:
    """A chunk as vLLM sends it."""
    choice = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": finish, "token_ids": None}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n".encode()


ANSWER = HEAD + event(" word") * CHUNKS + event("", "stop") + b"data: [DONE]\n\n"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request a connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length: ")[2].split(b"\r\n")[0]
    await reader.readexactly(int(length or 0))
    writer.write(ANSWER)
    await writer.drain()
    writer.close()


async def measure() -> dict[str, float]:
    """Microseconds of CPU a chunk, by reader."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    address = f"http://127.0.0.1:{port}/v1"
    library = openai.AsyncOpenAI(base_url=address, api_key="none")
    opened = open_models({"m": ModelCard("m", (address,), "m")})

    async def bare() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}")
        await reader.read()
        writer.close()

    async def manual() -> None:
        messages = [{"role": "user", "content": "go"}]
        stream = await library.chat.completions.create(model="m", messages=messages, stream=True)  # type: ignore[arg-type]
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        assert len(text) == 5 * CHUNKS

    async def ours() -> None:
        assert len((await answer_of(opened.models["m"], CALL)).text) == 5 * CHUNKS

    readers: dict[str, Callable[[], Awaitable[None]]] = {"bare": bare, "library": manual, "ours": ours}
    taken: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(ROUNDS + 1):  # the first of each only warms up
        for name, read in readers.items():
            began = time.process_time()
            await read()
            taken[name].append((time.process_time() - began) / CHUNKS * 1e6)
    await opened.aclose()
    await library.close()
    server.close()
    return {name: statistics.median(times[1:]) for name, times in taken.items()}


def main() -> None:
    found = asyncio.run(measure())
    library, ours = found["library"] - found["bare"], found["ours"] - found["bare"]
    print(f"CPU a chunk: library {library:.1f} us, ours {ours:.1f} us, ours / library {ours / library:.2f}")


if __name__ == "__main__":
    main()
