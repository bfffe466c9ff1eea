"""How a model is served on this machine: by vLLM from a checkpoint's folder, by llama.cpp from a GGUF file.

Each server lives in an environment of its own (`make vllm`, `make llama`) and is spoken to over HTTP like any other.
What is wrong is said before anything is started: vLLM takes some broken checkpoints without a word and answers wrongly,
and a server that does not fit into memory takes the machine with it. Flags and figures: vLLM 0.32 and llama.cpp of
October 2026, tried on CPUs.

Pure: what is known in, a command line or a `LaunchError` out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from cadence.models.cards import CONTEXT_TOKENS, ModelCard, Serve
from cadence.models.checkpoint import Checkpoint
from cadence.models.servable import faults

GIB = 1 << 30
PORT = 8000
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Tokens in a piece of a stream; the first comes by itself. Nobody here reads token by token, and on an H200 sixty-four
# minds with 3,000 pieces a second kept the event loop busy for 63 %.
STREAM_TOKENS = 8
LLAMA_SLOTS_MAX = 4  # calls at a time; each takes memory for a whole context, and a core
ENGINE_GIB = {"vllm": 1.75, "llama": 0.25}  # beside weights and cache: measured on CPUs
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "tekken.json")
TEMPLATES = ("chat_template.jinja", "chat_template.json")
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "VLLM_DO_NOT_TRACK": "1"}

Engine = Literal["vllm", "llama"]


class LaunchError(Exception):
    """Why a model is not served, in sentences, each with what to do."""

    def __init__(self, *told: str) -> None:
        super().__init__("\n".join(told))


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to serve with. `cores` are those this process may use; `free_gib` is memory that can be had."""

    cores: frozenset[int]
    free_gib: float
    gpu: bool = False


@dataclass(frozen=True, slots=True)
class Model:
    """A model on disk as far as it was read: a folder with its files and headers, or a GGUF file."""

    path: str
    bytes: int
    checkpoint: Checkpoint | None = None  # None: a GGUF file
    config: Mapping[str, Any] = field(default_factory=dict)
    tokenizer_config: Mapping[str, Any] = field(default_factory=dict)
    files: frozenset[str] = frozenset()

    @property
    def engine(self) -> Engine:
        """What serves it."""
        return "llama" if self.checkpoint is None else "vllm"


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to serve: the address of a card, or what the command line says."""

    served: str
    host: str = "127.0.0.1"
    port: int = PORT
    context_tokens: int | None = None
    calls_max: int | None = None
    serve: Serve = Serve(model="")
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Launch:
    """A server to start: `environment` is added to ours, `settings` goes to its standard input."""

    engine: Engine
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    host: str
    port: int
    served: str
    cores: frozenset[int]
    memory_gib: float | None
    start_s: float
    settings: Mapping[str, object] | None = None

    @property
    def address(self) -> str:
        """What a card calls its endpoint."""
        return f"http://{_bracketed(self.host)}:{self.port}/v1"


def wanted_by(card: ModelCard, key: str | None) -> Wanted:
    """How a card wants its model served. Raises `LaunchError` if it is to be served elsewhere."""
    if card.serve is None:
        told = f"{card.file}: expected a table [serve] with the model to start, got none: add it, or name a folder"
        raise LaunchError(told)
    line = card.at("endpoints" if "endpoints" in card.lines else "endpoint")
    parts = urlsplit(card.endpoints[0])
    if len(card.endpoints) > 1 or parts.hostname not in LOOPBACK or parts.scheme != "http" or parts.path != "/v1":
        told = f"{line}: expected one endpoint like http://127.0.0.1:8000/v1 to serve at, got another kind: correct it"
        raise LaunchError(told)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    return Wanted(card.served, host, port, card.context_tokens, card.calls_max, card.serve, key)


def launch(model: Model, wanted: Wanted, machine: Machine, python: str, cache: str, program: str) -> Launch:
    """The command line. Raises `LaunchError` with everything that speaks against it.

    `python` is that of the engine's environment, `cache` a folder that vLLM may write to, `program` the file that
    starts llama.cpp's server.
    """
    told = [*_of_model(model, wanted, machine), *_of_machine(model, wanted, machine)]
    if told:
        raise LaunchError(*told)
    cores = cores_of(wanted.serve.cores) if wanted.serve.cores else machine.cores
    if model.engine == "vllm":
        return _vllm(model, wanted, machine, cores, (python, cache))
    return _llama(model, wanted, cores, (python, program))


def cores_of(text: str) -> frozenset[int]:
    """The cores that a list such as `0-3,6` names."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first), min(int(last or first), 65_535) + 1))
    return frozenset(found)


def _of_model(model: Model, wanted: Wanted, machine: Machine) -> list[str]:
    """What is wrong with the files."""
    if model.checkpoint is None:
        return []
    told = [
        f"{fault.file}: {f'{fault.tensor}: ' if fault.tensor else ''}{fault.text}; {fault.remedy}"
        for fault in faults(model.checkpoint, model.config, cpu=not machine.gpu)
    ]
    if not model.files & set(TOKENIZERS):
        told.append(f"{model.path}: expected a tokenizer ({TOKENIZERS[0]}), got none: copy it from the original model")
    if not model.files & set(TEMPLATES) and not model.tokenizer_config.get("chat_template"):
        told.append(f"{model.path}: expected a chat template, got none: save one beside it as {TEMPLATES[0]}")
    longest = model.config.get("max_position_embeddings")
    if type(longest) is int and not _is_stretched(model.config) and (wanted.context_tokens or 0) > longest:
        told.append(
            f"expected a context of at most the model's {longest} positions, got {wanted.context_tokens}: lower it"
        )
    return told


def _is_stretched(config: Mapping[str, Any]) -> bool:
    """Whether the model counts positions otherwise than one by one, so that it may have more than its config says."""
    scaling = config.get("rope_scaling") or config.get("rope_parameters") or {}
    return isinstance(scaling, dict) and scaling.get("rope_type", scaling.get("type", "default")) != "default"


def _of_machine(model: Model, wanted: Wanted, machine: Machine) -> list[str]:
    """What the machine has not got."""
    told = []
    if wanted.serve.cores and not cores_of(wanted.serve.cores):
        told.append(f"expected a list of cores such as 0-3, got {wanted.serve.cores}, which names none: correct it")
    elif wanted.serve.cores:
        missing = sorted(cores_of(wanted.serve.cores) - machine.cores)
        if missing:
            have = f"{len(machine.cores)} cores, {min(machine.cores)} to {max(machine.cores)}"
            told.append(f"expected cores that this process may use ({have}), got {missing[0]}: name others")
    if not machine.gpu:
        weights = _weights_bytes(model, wanted.serve.dtype) / GIB
        needs = weights + wanted.serve.cache_gib + ENGINE_GIB[model.engine]
        parts = f"weights {weights:.2f}, cache {wanted.serve.cache_gib:.2f}, {model.engine} itself"
        if needs > machine.free_gib:
            told.append(f"expected {needs:.2f} GiB of free memory ({parts}), got {machine.free_gib:.2f}: free some")
        elif wanted.serve.memory_gib is not None and needs > wanted.serve.memory_gib:
            told.append(f"expected memory_gib of at least {needs:.2f} ({parts}), got {wanted.serve.memory_gib:.2f}")
    return told


def _weights_bytes(model: Model, dtype: str) -> int:
    """What the weights take once they are loaded: more than on disk, where they are made wider."""
    if model.checkpoint is None or dtype != "float32":
        return model.bytes
    return sum(4 * math.prod(tensor.shape) for tensor in model.checkpoint.tensors.values())


def _vllm(model: Model, wanted: Wanted, machine: Machine, cores: frozenset[int], paths: tuple[str, str]) -> Launch:
    serve, (python, cache) = wanted.serve, paths
    longest = model.config.get("max_position_embeddings")
    context = wanted.context_tokens or min(longest if type(longest) is int else CONTEXT_TOKENS, CONTEXT_TOKENS)
    # By the module, not by `vllm serve`: that command looks for its own name, and the build for CPUs has another.
    argv = [python, "-m", "vllm.entrypoints.openai.api_server", "--model", model.path]
    argv += ["--host", wanted.host, "--port", str(wanted.port), "--served-model-name", wanted.served]
    argv += ["--max-model-len", str(context), "--dtype", serve.dtype]
    argv += ["--enable-prefix-caching", "--enable-prompt-tokens-details", "--disable-uvicorn-access-log"]
    argv += ["--stream-interval", str(STREAM_TOKENS)]
    if wanted.calls_max is not None:
        argv += ["--max-num-seqs", str(wanted.calls_max)]
    if serve.tool_parser is not None:
        argv += ["--enable-auto-tool-choice", "--tool-call-parser", serve.tool_parser]
    environment = {**OFFLINE, "VLLM_CACHE_ROOT": cache, "VLLM_LOGGING_COLOR": "0"}
    if not machine.gpu:
        argv.append("--enforce-eager")  # compiling more than doubles the start, and was no faster for many calls
        environment["VLLM_CPU_KVCACHE_SPACE"] = str(math.ceil(serve.cache_gib))
        if serve.cores:
            environment["VLLM_CPU_OMP_THREADS_BIND"] = ",".join(map(str, sorted(cores)))
    if wanted.key is not None:
        environment["VLLM_API_KEY"] = wanted.key  # not among the arguments, which every user of the machine can read
    return Launch(
        "vllm",
        tuple(argv),
        environment,
        wanted.host,
        wanted.port,
        wanted.served,
        cores,
        serve.memory_gib,
        serve.start_s,
    )


def _llama(model: Model, wanted: Wanted, cores: frozenset[int], command: tuple[str, str]) -> Launch:
    slots = min(wanted.calls_max or LLAMA_SLOTS_MAX, len(cores), LLAMA_SLOTS_MAX)
    settings: dict[str, object] = {
        "model": model.path,
        "served": wanted.served,
        "host": wanted.host,
        "port": wanted.port,
        "context_tokens": (wanted.context_tokens or CONTEXT_TOKENS) * slots,  # of all calls together
        "slots": slots,
        "threads": len(cores),
        "key": wanted.key,
    }
    return Launch(
        "llama",
        command,
        {},
        wanted.host,
        wanted.port,
        wanted.served,
        cores,
        wanted.serve.memory_gib,
        wanted.serve.start_s,
        settings,
    )


def described(launch: Launch) -> str:
    """What is started, in a line without a key."""
    return f"{launch.served} with {launch.engine} at {launch.address}, {_cores(sorted(launch.cores))}"


def _cores(cores: Sequence[int]) -> str:
    return f"core {cores[0]}" if len(cores) == 1 else f"{len(cores)} cores from {cores[0]}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
