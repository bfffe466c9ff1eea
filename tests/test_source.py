from __future__ import annotations

from tests.source import Source, sources


def test_a_relative_import_is_told_by_its_absolute_name() -> None:
    module = Source("cadence/rooms/hub.py", "from . import wire\nfrom .log import Log\nfrom ..lod import units as u\n")
    assert list(module.imports()) == [(1, "cadence.rooms.wire"), (2, "cadence.rooms.log.Log"), (3, "cadence.lod.units")]
    package = Source("cadence/rooms/__init__.py", "from . import wire\n")
    assert list(package.imports()) == [(1, "cadence.rooms.wire")]


def test_imports_inside_functions_are_found_too() -> None:
    module = Source("cadence/cli.py", "def main():\n    import time, os.path\n    from cadence.app import serve\n")
    assert [name for _, name in module.imports()] == ["time", "os.path", "cadence.app.serve"]


def test_the_name_of_a_module_follows_from_its_path() -> None:
    assert Source("cadence/rooms/wire/__init__.py", "").module == "cadence.rooms.wire"
    assert Source("cadence/rooms/hub.py", "").module == "cadence.rooms.hub"


def test_the_sources_of_a_folder_are_found_at_any_depth() -> None:
    paths = [source.path for source in sources("cadence")]
    assert "cadence/rooms/wire/values.py" in paths and "cadence/__init__.py" in paths and paths == sorted(paths)
