"""Runs coroutine tests: in virtual time unless marked `real_time`. Generated examples are the same in every run."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest
from hypothesis import settings

from tests.clock import VirtualLoop

# The same examples in every run and no limit per example: a busy machine must not turn a green suite red.
settings.register_profile("house", derandomize=True, deadline=None)
settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=None, help="replay one seed of the simulation")
    parser.addoption("--forge", action="store_true", help="run the tests marked `forge`, which need torch")
    parser.addoption("--vllm", default=None, metavar="PYTHON", help="run the tests marked `vllm` with its Python")
    parser.addoption("--llama", default=None, metavar="PYTHON", help="run the tests marked `llama` with its Python")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "real_time: runs on an ordinary event loop (real sockets, threads, children)")
    config.addinivalue_line("markers", "forge: needs the extra `forge`; `make test-forge` runs these")
    config.addinivalue_line("markers", "vllm: needs vLLM in an environment of its own; `make test-vllm` runs these")
    config.addinivalue_line(
        "markers", "llama: needs llama.cpp in an environment of its own; `make test-llama` runs these"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for option, mark, why in [
        ("--forge", "forge", "torch"),
        ("--vllm", "vllm", "vLLM"),
        ("--llama", "llama", "llama.cpp"),
    ]:
        if not config.getoption(option):
            skip = pytest.mark.skip(reason=f"needs {why}: make test-{mark}")
            for item in items:
                if item.get_closest_marker(mark):
                    item.add_marker(skip)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> object | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments: dict[str, Any] = {name: pyfuncitem.funcargs[name] for name in names}
    factory = asyncio.new_event_loop if pyfuncitem.get_closest_marker("real_time") else VirtualLoop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(pyfuncitem.obj(**arguments))
    return True
