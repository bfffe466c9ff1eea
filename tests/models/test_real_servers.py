"""Real servers, started by `cadence models serve`, held to what every `ChatModel` promises.

`make test-llama` runs llama.cpp, `make test-vllm` vLLM with a small real model and with a tiny mixture of experts.
What a model says is looked at only where a grammar forces it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cadence.models.cards import ModelCard
from cadence.models.chat import Call, ChatMessage, ChatModel, Done, ModelError, Piece, Tool, answer_of
from cadence.models.client import EndpointModel
from cadence.models.inspecting import check
from cadence.models.opening import open_models
from tests.models.serving import served

pytestmark = [pytest.mark.real_time, pytest.mark.filterwarnings("default")]
CONTEXT_TOKENS = 1_024
CALL = Call((ChatMessage("user", "Tell me of the sea."),), tokens_max=24, temperature=0.0)
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 8}},
    "required": ["name"],
    "additionalProperties": False,
}
CLOCK = Tool("clock", "tells the time", {"type": "object", "properties": {}})


@dataclass(frozen=True)
class Server:
    """One that runs: `real` tells whether the model makes words, `names` whether it looks at the model's name."""

    address: str
    real: bool = True
    names: bool = True

    @property
    def card(self) -> ModelCard:
        lines = {"endpoint": 1, "served": 2, "context_tokens": 3}
        extra = {} if self.real else {"ignore_eos": True}  # else chance may end an answer at its first word
        return ModelCard(
            "local", (self.address,), "tiny", "models/local.toml", CONTEXT_TOKENS, extra=extra, lines=lines
        )

    @asynccontextmanager
    async def model(self) -> AsyncIterator[ChatModel]:
        """As a place has it: a client in a pool behind a meter."""
        async with aclosing(open_models({"local": self.card})) as opened:
            yield opened.models["local"]


def options(python: str, tmp: Path) -> list[str]:
    log = ["--log", str(tmp / "log"), "--data", str(tmp)]
    return ["--name", "tiny", "--context", str(CONTEXT_TOKENS), "--python", python, *log]


@contextmanager
def llama(config: pytest.Config, tmp: Path) -> Iterator[Server]:
    from tests.models.smollm import weights

    with served(weights(), *options(config.getoption("--llama"), tmp)) as address:
        yield Server(address, names=False)


@contextmanager
def vllm(config: pytest.Config, tmp: Path) -> Iterator[Server]:
    from tests.models.smollm import as_safetensors

    made = as_safetensors(tmp / "smollm")
    with served(made, *options(config.getoption("--vllm"), tmp), "--dtype", "float32") as address:
        yield Server(address)


@contextmanager
def vllm_experts(config: pytest.Config, tmp: Path) -> Iterator[Server]:
    from tests.factory.test_vllm import compacted

    made = compacted(tmp)
    with served(made, *options(config.getoption("--vllm"), tmp), "--dtype", "float32") as address:
        yield Server(address, real=False)


Begin = Callable[[pytest.Config, Path], "contextmanager[Server]"]
KINDS = [
    pytest.param(llama, marks=pytest.mark.llama, id="llama.cpp"),
    pytest.param(vllm, marks=pytest.mark.vllm, id="vllm"),
    pytest.param(vllm_experts, marks=pytest.mark.vllm, id="vllm-experts"),
]


@pytest.fixture(scope="module", params=KINDS)
def server(
    request: pytest.FixtureRequest, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with request.param(pytestconfig, tmp_path_factory.mktemp("served")) as running:
        yield running


async def trouble_of(server: Server, call: Call, **card: object) -> ModelError:
    made = replace(server.card, **card)  # type: ignore[arg-type]
    async with aclosing(EndpointModel(made, server.address, None)) as model:
        with pytest.raises(ModelError) as caught:
            await answer_of(model, call)
    return caught.value


async def test_it_is_well(server: Server) -> None:
    (finding,) = await check({"local": server.card})
    assert finding.ok, finding.message


async def test_an_answer_comes_in_pieces_with_an_end_and_a_count(server: Server) -> None:
    began = time.monotonic()
    async with server.model() as model:
        parts = [part async for part in model.stream(CALL)]
    done = parts[-1]
    assert isinstance(done, Done) and all(isinstance(part, Piece) for part in parts[:-1])
    assert done.finish in ("stop", "length") and 0 < done.usage.answer_tokens <= 24 and done.usage.prompt_tokens > 3
    if server.real:
        assert len(parts) > 3
    print(f"{done.usage.answer_tokens / (time.monotonic() - began):.1f} tokens/s, {done.usage}")


async def test_an_answer_is_cut_where_it_is_asked_to_be(server: Server) -> None:
    async with server.model() as model:
        answer = await answer_of(model, replace(CALL, tokens_max=2))
    assert (answer.finish, answer.usage.answer_tokens) == ("length", 2)


async def test_an_answer_in_a_schema_is_json(server: Server) -> None:
    if not server.real:
        pytest.skip("a vocabulary of made-up words has no JSON in it")
    async with server.model() as model:
        answer = await answer_of(model, replace(CALL, tokens_max=200, schema=SCHEMA))
    assert list(json.loads(answer.text)) == ["name"]


async def test_tools_are_understood_or_refused(server: Server) -> None:
    async with server.model() as model:
        try:
            answer = await answer_of(model, replace(CALL, tools=(CLOCK,)))
        except ModelError as error:  # vLLM without a parser for tools refuses them
            assert error.trouble == "invalid" and str(error).startswith("models/local.toml:1:")
        else:
            assert all(tool.name == "clock" for tool in answer.calls)


async def test_what_does_not_fit_is_too_long(server: Server) -> None:
    error = await trouble_of(server, replace(CALL, messages=(ChatMessage("user", "w3 " * 3_000),)))
    assert error.trouble == "too_long", error
    assert str(error).startswith("models/local.toml:3: expected a call that fits the context of `tiny`")


async def test_another_name_is_unknown(server: Server) -> None:
    if not server.names:
        pytest.skip("llama.cpp answers to any name")
    error = await trouble_of(server, CALL, served="huge")
    assert error.trouble == "unknown_model" and str(error).startswith("models/local.toml:2: ")


async def test_calls_at_the_same_time_all_get_answers(server: Server) -> None:
    calls = [replace(CALL, messages=(ChatMessage("user", f"Count to w{n}."),)) for n in range(3, 9)]
    async with server.model() as model:
        answers = await asyncio.gather(*(answer_of(model, call) for call in calls))
    assert all(answer.usage.answer_tokens > 0 for answer in answers)


async def test_a_cancelled_call_leaves_the_server_free(server: Server) -> None:
    endless = replace(CALL, tokens_max=900, messages=(ChatMessage("user", "Count up from w3, and never stop."),))
    async with server.model() as model:
        for _ in range(8):
            async with aclosing(model.stream(endless)) as parts:  # type: ignore[type-var]
                await anext(parts)
        assert (await answer_of(model, replace(CALL, tokens_max=2))).usage.answer_tokens == 2


async def test_a_beginning_that_was_seen_before_is_not_computed_again(server: Server) -> None:
    words = " ".join(f"w{3 + n % 90}" for n in range(150 if server.real else 400))
    counts = []
    async with server.model() as model:
        for n in range(2):
            call = replace(CALL, messages=(ChatMessage("user", f"{words} w{n + 3}"),), tokens_max=1)
            counts.append((await answer_of(model, call)).usage)
    print(counts)
    assert counts[1].cached_tokens > counts[1].prompt_tokens / 2
