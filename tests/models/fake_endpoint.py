"""A little server that speaks chat completions over real sockets and answers as a scripted model does.

So what is scripted in a test comes through HTTP as it comes directly. `raw` replaces the answer by bytes of a test's
own making, for everything that a sane server never sends.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from cadence.models.chat import Account, Call, ChatMessage, ChatModel, Done, ModelError, Tool, ToolCall

KEY = "sk-a-very-secret-key-0123456789"
STATUS = {
    "unreachable": 500,
    "forbidden": 401,
    "unknown_model": 404,
    "too_long": 400,
    "overloaded": 429,
    "invalid": 400,
    "timed_out": 504,
}
CODES = {"too_long": "context_length_exceeded"}
Body = dict[str, Any]


def head(status: int = 200, kind: str = "text/event-stream", more: str = "") -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nConnection: close\r\n{more}\r\n".encode()


def event(data: object) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


def chunk(text: str | None = None, finish: str | None = None, **more: Any) -> Body:
    delta = {} if text is None else {"content": text}
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": {**delta, **more}, "finish_reason": finish}],
    }


def refusal(status: int, message: str, more: str = "", **fields: object) -> bytes:
    text = json.dumps({"error": {"message": message, **fields}}).encode()
    return head(status, "application/json", f"Content-Length: {len(text)}\r\n{more}") + text


class FakeEndpoint:
    """What the server is told and has seen: `asked` are the bodies in order, `headers` those of the last request."""

    def __init__(self, model: ChatModel, served: str, key: str | None) -> None:
        self.model, self.served, self.key = model, served, key
        self.raw: Callable[[Body], list[bytes] | None] = lambda _: None
        self.hangs = False  # after `raw`: keeps the connection open
        self.asked: list[Body] = []
        self.headers: dict[str, str] = {}
        self.ended_early = 0  # calls whose client went away before the end
        self.gone = asyncio.Event()
        self.address = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request a connection."""
        try:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
            content = await reader.readexactly(int(self.headers.get("content-length", 0)))
            answering = asyncio.ensure_future(self._answer(lines[0], content, writer))
            leaving = asyncio.ensure_future(reader.read())
            await asyncio.wait([answering, leaving], return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                self._left()
            for task in (answering, leaving):
                task.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)
        except (ConnectionError, asyncio.IncompleteReadError):
            self._left()
        finally:
            writer.close()

    def _left(self) -> None:
        self.ended_early += 1
        self.gone.set()

    async def _answer(self, line: str, content: bytes, writer: asyncio.StreamWriter) -> None:
        body = json.loads(content or b"{}")
        raw = self.raw(body)
        self.asked.append(body)
        if raw is not None:
            writer.writelines(raw)
            await writer.drain()
            await asyncio.Event().wait() if self.hangs else None
        elif self.key is not None and self.headers.get("authorization") != f"Bearer {self.key}":
            writer.write(refusal(401, f"Incorrect API key provided: {self.headers.get('authorization')}"))
        elif line.startswith("GET /v1/models "):
            text = json.dumps({"object": "list", "data": [{"id": self.served, "object": "model"}]}).encode()
            writer.write(head(200, "application/json", f"Content-Length: {len(text)}\r\n") + text)
        elif not line.startswith("POST /v1/chat/completions "):
            writer.write(refusal(404, "Not Found"))
        elif body["model"] != self.served:
            writer.write(refusal(404, f"The model `{body['model']}` does not exist."))
        else:
            await self._stream(body, writer)

    async def _stream(self, body: Body, writer: asyncio.StreamWriter) -> None:
        begun = False
        try:
            async for part in self.model.stream(to_call(body)):
                if not begun:
                    writer.write(head() + event(chunk("", role="assistant")))
                    begun = True
                if isinstance(part, Done):
                    writer.write(end(part, body))
                else:
                    writer.write(event(chunk(part.text)))
                await writer.drain()
        except ModelError as error:
            if not begun:
                code = CODES.get(error.trouble)
                writer.write(refusal(STATUS[error.trouble], str(error), code=code, type="x"))


def end(done: Done, body: Body) -> bytes:
    tools = [
        {"index": at, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": part}}
        for at, call in enumerate(done.calls)
        for part in (call.arguments[:3], call.arguments[3:])
    ]
    events = [event(chunk(tool_calls=[tool])) for tool in tools]
    events.append(event(chunk(finish={"stop": "stop", "length": "length", "tools": "tool_calls"}[done.finish])))
    if (body.get("stream_options") or {}).get("include_usage"):
        usage = {
            "prompt_tokens": done.usage.prompt_tokens,
            "completion_tokens": done.usage.answer_tokens,
            "prompt_tokens_details": {"cached_tokens": done.usage.cached_tokens},
        }
        events.append(event({**chunk(), "choices": [], "usage": usage}))
    return b"".join(events) + b"data: [DONE]\n\n"


def to_call(body: Body) -> Call:
    """The call that a request stands for."""
    messages = tuple(
        ChatMessage(
            message["role"],
            message["content"],
            tuple(
                ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])
                for call in message.get("tool_calls", ())
            ),
            message.get("tool_call_id"),
        )
        for message in body["messages"]
    )
    functions = [tool["function"] for tool in body.get("tools", ())]
    return Call(
        messages,
        tokens_max=body.get("max_tokens") or body["max_completion_tokens"],
        temperature=body["temperature"],
        stop=tuple(body.get("stop", ())),
        schema=body.get("response_format", {}).get("json_schema", {}).get("schema"),
        tools=tuple(Tool(each["name"], each["description"], each["parameters"]) for each in functions),
        seed=body.get("seed"),
        account=Account(),
    )


@asynccontextmanager
async def fake_endpoint(model: ChatModel, served: str = "tiny", key: str | None = None) -> AsyncIterator[FakeEndpoint]:
    """The server on a free port of the loopback, until the end of the block."""
    fake = FakeEndpoint(model, served, key)
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield fake
    finally:
        server.close()
