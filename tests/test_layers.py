"""Imports go downwards only, and what is called pure is."""

from __future__ import annotations

import pytest

from tests.source import Source, sources

ROOMS_OF_THE_HOUSE = (
    "cadence.lod",
    "cadence.models",
    "cadence.rooms",
    "cadence.alex",
    "cadence.personas",
    "cadence.terminal",
    "cadence.factory",
)

# What each layer may import of ours, besides itself and the version.
LAYERS: dict[str, tuple[str, ...]] = {
    "cadence.lod": (),
    "cadence.fields": (),
    "cadence.folder": ("cadence.fields",),
    "cadence.models": ("cadence.fields", "cadence.folder"),
    "cadence.counts": (),
    "cadence.rooms": ("cadence.counts",),
    "cadence.factory": ("cadence.models",),
    "cadence.alex": (
        "cadence.counts",
        "cadence.lod",
        "cadence.models",
        "cadence.rooms.wire",
        "cadence.rooms.mediation",
    ),
    "cadence.duplex": ("cadence.rooms.wire",),
    "cadence.client": ("cadence.rooms.wire", "cadence.duplex"),
    "cadence.mcp": ("cadence.rooms.wire", "cadence.client"),
    "cadence.personas": (
        "cadence.fields",
        "cadence.folder",
        "cadence.lod",
        "cadence.models",
        "cadence.rooms.wire",
        "cadence.duplex",
        "cadence.client",
    ),
    "cadence.terminal": ("cadence.rooms.wire", "cadence.duplex", "cadence.client"),
    "cadence.casting": ("cadence.fields", "cadence.models", "cadence.personas"),
    "cadence.settings": ROOMS_OF_THE_HOUSE,
    "cadence.site": (),
    "cadence.address": (),
    "cadence.remote": ("cadence.address",),
    "cadence.export": ("cadence.address", "cadence.remote"),
    "cadence.packing": ("cadence.lod",),
    "cadence.load": ("cadence.rooms.wire", "cadence.duplex"),
    "cadence.fastpath": ("cadence.rooms",),
    "cadence.narrating": ("cadence.alex", "cadence.models", "cadence.personas"),
    "cadence.metrics": ("cadence.counts", "cadence.models", "cadence.rooms", "cadence.alex", "cadence.personas"),
    "cadence.process": ("cadence.counts",),
    "cadence.mediating": (
        "cadence.alex",
        "cadence.models",
        "cadence.rooms.mediation",
        "cadence.packing",
        "cadence.process",
    ),
    "cadence.reload": (*ROOMS_OF_THE_HOUSE, "cadence.settings"),
    "cadence.answering": ROOMS_OF_THE_HOUSE,
    "cadence.starting": ("cadence.reload", "cadence.settings"),
    "cadence.sharing": ROOMS_OF_THE_HOUSE,
    "cadence.app": (
        "cadence.starting",
        *ROOMS_OF_THE_HOUSE,
        "cadence.answering",
        "cadence.casting",
        "cadence.settings",
        "cadence.packing",
        "cadence.process",
        "cadence.mediating",
        "cadence.reload",
        "cadence.site",
        "cadence.metrics",
        "cadence.fastpath",
        "cadence.narrating",
        "cadence.sharing",
    ),
    "cadence.conform": (),
    "cadence.doctor": (
        *ROOMS_OF_THE_HOUSE,
        "cadence.settings",
        "cadence.site",
        "cadence.fastpath",
        "cadence.casting",
        "cadence.narrating",
    ),
    "cadence.operating": (
        *ROOMS_OF_THE_HOUSE,
        "cadence.settings",
        "cadence.address",
        "cadence.doctor",
        "cadence.conform",
        "cadence.duplex",
        "cadence.load",
    ),
    "cadence.hosting": ("cadence.settings", "cadence.address", "cadence.remote", "cadence.operating"),
    "cadence.modelling": (*ROOMS_OF_THE_HOUSE, "cadence.fields", "cadence.settings", "cadence.operating"),
    "cadence.cli": ("cadence",),
    "cadence.__main__": ("cadence.cli",),
}

# Pure whether or not they say so: no loop, no clock, no files, no randomness of their own.
PURE = (
    "cadence.counts",
    "cadence.lod",
    "cadence.rooms.wire",
    "cadence.rooms.room",
    "cadence.rooms.leases",
    "cadence.rooms.log.redis.keys",
    "cadence.rooms.log.redis.scripts",
    "cadence.rooms.roster",
    "cadence.rooms.outbox",
    "cadence.rooms.standing",
    "cadence.rooms.mentions",
    "cadence.rooms.limiter",
    "cadence.alex.mediator",
)

IMPURE_IMPORTS = set(
    "asyncio time random uuid os io socket selectors threading multiprocessing concurrent subprocess signal sqlite3 "
    "pathlib tempfile shutil glob secrets logging structlog uvloop uvicorn fastapi starlette websockets".split()
)
IMPURE_CALLS = set(
    "print open input datetime.now datetime.utcnow datetime.today date.today datetime.datetime.now "
    "datetime.date.today numpy.random.default_rng np.random.default_rng".split()
)


def inside(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


def layer_of(source: Source) -> str:
    return next((layer for layer in LAYERS if inside(source.module, layer)), source.module)


def upward_imports(source: Source) -> list[str]:
    """What `source` imports of ours and may not, as `path:line: name`."""
    layer = layer_of(source)
    allowed = (layer, *LAYERS.get(layer, ()))
    return [
        f"{source.path}:{line}: {layer} may not import {name}"
        for line, name in source.imports()
        if inside(name, "cadence")
        and name != "cadence.__version__"
        and not any(inside(name, prefix) for prefix in allowed)
    ]


def is_pure(source: Source) -> bool:
    declared = any(line.startswith("Pure:") for line in source.docstring.splitlines())
    return declared or any(inside(source.module, prefix) for prefix in PURE)


def impurities(source: Source, pure_modules: set[str]) -> list[str]:
    """Where a pure file reaches for the world, or for one of our files that may."""
    found = []
    for line, name in source.imports():
        ours = inside(name, "cadence") and name != "cadence.__version__"
        if name.split(".")[0] in IMPURE_IMPORTS:
            found.append(f"{source.path}:{line}: imports {name}")
        elif ours and name not in pure_modules and name.rpartition(".")[0] not in pure_modules:
            found.append(f"{source.path}:{line}: imports {name}, which is not pure")
    found += [f"{source.path}:{call.lineno}: calls {name}" for call, name in source.calls() if name in IMPURE_CALLS]
    return found


def test_imports_go_downwards_only() -> None:
    assert [line for source in sources("cadence") for line in upward_imports(source)] == []


def test_every_file_belongs_to_a_layer() -> None:
    homeless = [s.path for s in sources("cadence") if s.module != "cadence" and layer_of(s) not in LAYERS]
    assert homeless == []


def test_nothing_but_the_command_line_imports_the_application() -> None:
    importers = {s.path for s in sources("cadence") for _, name in s.imports() if inside(name, "cadence.app")}
    assert {path for path in importers if not path.startswith(("cadence/cli", "cadence/app"))} == set()


@pytest.mark.parametrize("module", PURE)
def test_what_the_architecture_calls_pure_exists(module: str) -> None:
    assert any(inside(source.module, module) for source in sources("cadence"))


def test_pure_files_touch_neither_loop_nor_clock_nor_files_nor_chance() -> None:
    pure = [source for source in sources("cadence") if is_pure(source)]
    names = {source.module for source in pure}
    assert [line for source in pure for line in impurities(source, names)] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("cadence/lod/units.py", "from cadence.rooms.wire import View"),
        ("cadence/rooms/hub.py", "from ..alex import mediator"),
        ("cadence/alex/driver.py", "def f():\n    from cadence.rooms.hub import Hub"),
        ("cadence/personas/mind.py", "import cadence.alex.mediator"),
        ("cadence/rooms/http.py", "from cadence import app"),
    ],
)
def test_an_upward_import_would_be_found(path: str, text: str) -> None:
    assert len(upward_imports(Source(path, text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "import time",
        "from os import environ",
        "def f():\n    import random",
        "from datetime import datetime\nat = datetime.now()",
        "print('x')",
        "from cadence.lod import driver",
    ],
)
def test_an_impure_line_would_be_found(text: str) -> None:
    assert len(impurities(Source("cadence/lod/units.py", text), {"cadence.lod.units"})) == 1
