"""`/v1`: what clients of OpenAI's chat completions find. Only Alex is asked, who costs nothing."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from cadence.conform.kit import Rule, Server, error_code, offered, rule
from cadence.conform.report import Skipped, expect

RULES: list[Rule] = []
_rule = partial(rule, RULES)

COMPLETIONS = "/v1/chat/completions"
SAID = "Two appointments were lost on Tuesday."
ASKED = {"model": "alex", "messages": [{"role": "user", "name": "Ada", "content": SAID}]}

BAD_REQUESTS: tuple[tuple[Any, int, str], ...] = (
    (b"", 400, "bad_frame"),
    (b"[]", 400, "bad_frame"),
    (b"\xff", 400, "bad_frame"),
    ({}, 400, "bad_field"),
    ({**ASKED, "messages": []}, 400, "bad_field"),
    ({**ASKED, "messages": "hello"}, 400, "bad_field"),
    ({**ASKED, "messages": [{"role": "wizard", "content": "x"}]}, 400, "bad_field"),
    ({**ASKED, "messages": [{"role": "user"}]}, 400, "bad_field"),
    ({**ASKED, "max_tokens": 0}, 400, "bad_field"),
    ({**ASKED, "n": 2}, 400, "bad_field"),
    ({**ASKED, "tools": [{}]}, 400, "bad_field"),
    ({**ASKED, "model": "no such model"}, 404, "not_found"),
)


@_rule("/v1", "`/v1/models` lists `alex`")
async def lists_models(server: Server) -> None:
    status, body = await server.get("/v1/models", await _session(server))
    offered(status, body)
    ids = [model["id"] for model in body["data"]]
    expect(status == 200 and body["object"] == "list" and "alex" in ids, "a list with `alex`", body)
    expect(all(model["object"] == "model" for model in body["data"]), "models", body)


@_rule("/v1", "a completion of `alex` quotes what it was given and names who said it")
async def completes(server: Server) -> None:
    status, body = await server.post(COMPLETIONS, ASKED, await _session(server))
    offered(status, body)
    expect(status == 200 and body["object"] == "chat.completion", "200 with a completion", f"{status} {body}")
    choice = body["choices"][0]
    expect(choice["message"] == {"role": "assistant", "content": f"Ada: {SAID}"}, f"Ada: {SAID}", choice)
    expect(choice["finish_reason"] == "stop" and "total_tokens" in body["usage"], "a finish and the usage", body)


@_rule("/v1", "a stream is server-sent events that add up to the answer and end with [DONE]")
async def streams(server: Server) -> None:
    body = json.dumps({**ASKED, "stream": True}).encode()
    status, text = await server.fetch("POST", COMPLETIONS, await _session(server), body)
    if status == 503:
        raise Skipped("the server does not offer this now")
    lines = [line.removeprefix(b"data: ") for line in text.split(b"\n\n") if line.startswith(b"data: ")]
    expect(status == 200 and lines and lines[-1] == b"[DONE]", "events, the last of them [DONE]", text[-200:])
    deltas = [json.loads(line)["choices"][0]["delta"].get("content") or "" for line in lines[:-1]]
    expect("".join(deltas) == f"Ada: {SAID}", f"Ada: {SAID}", "".join(deltas))


@_rule("/v1", "what cannot be answered is refused with its code, never with a failure of the server")
async def bad_completions(server: Server) -> None:
    ann = await server.guest("Ann")
    for number, (fields, status, code) in enumerate(BAD_REQUESTS):
        if number % 6 == 5:
            ann = await server.guest("Ann")  # one user may ask only so often
        came, body = await server.post(COMPLETIONS, fields, ann.session)
        offered(came, body)
        what = repr(fields)[:60]
        expect(came == status and error_code(body) == code, f"{status} `{code}` for {what}", f"{came} {body}")
    came, body = await server.post(COMPLETIONS, ASKED, f"not-a-token-{server.run}")
    expect(came == 401 and error_code(body) == "unauthorized", "401 `unauthorized`", f"{came} {body}")


async def _session(server: Server) -> str | None:
    return (await server.guest("Ann")).session
