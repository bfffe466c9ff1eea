"""The rules of the house that a machine can hold. Each check is a function, so that it can be shown to fail."""

from __future__ import annotations

import ast
import importlib
import json
import re
import tomllib
from collections.abc import Callable, Iterator

import pytest

from tests.source import ROOT, Source, sources

FUNCTION_LINES_MAX = 70
CONTENT_FOLDERS = ("rooms", "personas", "models")
# Files that hold only data and protocols, and the test of who uses them.
COVERED_BY = {
    **{
        f"cadence/conform/{name}.py": "tests/conform/test_rules.py"
        for name in ("admitting", "entry", "hosting", "returning", "speaking", "streams", "twins", "v1", "web")
    },
    "cadence/alex/evidence.py": "tests/alex/test_claims.py",
    "cadence/alex/lexicon.py": "tests/alex/test_wording.py",
    "cadence/alex/remote/near.py": "tests/alex/remote/test_proxy.py",
    "cadence/alex/events.py": "tests/alex/test_mediator.py",
    "cadence/factory/alloy/domains/llm_forge/experts.py": "tests/factory/alloy/domains/llm_forge/test_shapes.py",
    "cadence/factory/alloy/domains/llm_forge/report.py": "tests/factory/alloy/domains/llm_forge/test_shapes.py",
    "cadence/factory/alloy/domains/llm_forge/training.py": "tests/factory/alloy/domains/llm_forge/test_shapes.py",
    "cadence/personas/jail.py": "tests/personas/test_sandbox.py",
    "cadence/personas/thoughts.py": "tests/personas/test_mind.py",
    "cadence/rooms/mediation.py": "tests/rooms/test_joining.py",
    "cadence/rooms/log/redis/forgetting_scripts.py": "tests/rooms/log/redis/test_scripts.py",
    "cadence/rooms/log/redis/feed.py": "tests/rooms/test_shared.py",
    "cadence/rooms/log/redis/readers.py": "tests/rooms/log/test_log.py",
    "cadence/rooms/log/redis/speech.py": "tests/rooms/log/test_log.py",
    "cadence/terminal/events.py": "tests/terminal/test_machine.py",
}
# Packages of adapters, and the one parametrised contract that each file in them is a row of.
CONTRACTS = {"cadence/factory/families": "tests/factory/families/test_contract.py"}

# Spelled apart, so that this file passes its own test.
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
MACHINE_PATHS = re.compile(r"(?<![\w.~])/(?:wo" + r"rk|ro" + r"ot|ho" + r"me/\w+)/")

Fault = tuple[int, str]


def long_functions(source: Source) -> Iterator[Fault]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield node.lineno, f"{node.name} has {lines} lines, at most {FUNCTION_LINES_MAX}"


def bare_excepts(source: Source) -> Iterator[Fault]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield node.lineno, "a bare except also catches what must end the program"


def unbounded_queues(source: Source) -> Iterator[Fault]:
    lines = ["", *source.text.splitlines()]
    for call, name in source.calls():
        if name.rpartition(".")[2] in ("Queue", "LifoQueue", "PriorityQueue", "SimpleQueue"):
            size = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg == "maxsize"), None)
            explained = "# Bounded by" in lines[call.lineno - 1]
            if not explained and (size is None or (isinstance(size, ast.Constant) and not size.value)):
                yield call.lineno, f"{name} needs a maxsize, or the comment `# Bounded by ...` above it"


def forgotten_tasks(source: Source) -> Iterator[Fault]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            name = ast.unparse(node.value.func)
            if name in ("asyncio.create_task", "asyncio.ensure_future", "loop.create_task"):
                yield node.lineno, f"{name}: nobody keeps the task, so it may vanish half done"


def sleeps(source: Source) -> Iterator[Fault]:
    for line, name in source.imports():
        if name in ("time.sleep", "asyncio.sleep"):
            yield line, f"import the module, not {name}, so that sleeping shows"
    for call, name in source.calls():
        yields = bool(call.args) and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0
        if name == "time.sleep" or (name.endswith("asyncio.sleep") and not yields):
            yield call.lineno, f"{name} in a test: wait for the thing itself"


def unfinished(source: Source) -> Iterator[Fault]:
    for number, line in enumerate(source.text.splitlines(), 1):
        if UNFINISHED.search(line):
            yield number, line.strip()


CHECKS: list[tuple[Callable[[Source], Iterator[Fault]], tuple[str, ...], str]] = [
    (long_functions, ("cadence", "tests", "bench"), "def f():\n" + "    x = 1\n" * 70),
    (bare_excepts, ("cadence", "tests", "bench"), "try:\n    f()\nexcept:\n    pass"),
    (unbounded_queues, ("cadence", "tests", "bench"), "q = asyncio.Queue()"),
    (unbounded_queues, ("cadence", "tests", "bench"), "q = queue.Queue(maxsize=0)"),
    (forgotten_tasks, ("cadence", "tests", "bench"), "asyncio.create_task(f())"),
    (sleeps, ("tests",), "await asyncio.sleep(0.1)"),
    (sleeps, ("tests",), "from time import sleep"),
    (unfinished, ("cadence", "tests", "bench"), "x = 1  # TO" + "DO later"),
]
NAMES = [check.__name__ for check, _, _ in CHECKS]


@pytest.mark.parametrize(("check", "folders", "fault"), CHECKS, ids=NAMES)
def test_no_source_breaks_a_rule_of_the_house(
    check: Callable[[Source], Iterator[Fault]], folders: tuple[str, ...], fault: str
) -> None:
    faults = [f"{source.path}:{line}: {what}" for source in sources(*folders) for line, what in check(source)]
    assert faults == []


@pytest.mark.parametrize(("check", "folders", "fault"), CHECKS, ids=NAMES)
def test_the_rule_would_find_a_fault(
    check: Callable[[Source], Iterator[Fault]], folders: tuple[str, ...], fault: str
) -> None:
    assert len(list(check(Source("x.py", fault)))) == 1


def expected_test(path: str) -> str:
    if (contract := CONTRACTS.get(path.rpartition("/")[0])) is not None:
        return contract
    folder, _, name = path.removeprefix("cadence/").rpartition("/")
    return "/".join(part for part in ("tests", folder, f"test_{name}") if part)


def test_every_source_file_has_its_test_file() -> None:
    apart = ("__init__.py", "__main__.py")
    paths = [source.path for source in sources("cadence") if not source.path.endswith(apart)]
    missing = [path for path in paths if not (ROOT / COVERED_BY.get(path, expected_test(path))).is_file()]
    assert missing == []
    assert sorted(COVERED_BY) == [path for path in sorted(COVERED_BY) if path in paths], "a file that is gone"


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [folder.as_posix() for folder in folders if not (folder / "__init__.py").is_file()] == []


def defined(source: Source) -> set[str]:
    """The functions and classes that a module defines for others."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in source.tree.body if isinstance(node, kinds) and not node.name.startswith("_")}


def test_public_is_what_is_listed() -> None:
    for source in sources("cadence"):
        if re.search(r"^__all__ = ", source.text, re.MULTILINE):
            listed = importlib.import_module(source.module).__all__
            assert len(listed) == len(set(listed)), source.path
            assert defined(source) <= set(listed), source.path


def test_a_host_edits_the_content_folders_so_they_hold_no_program() -> None:
    assert [path.as_posix() for folder in CONTENT_FOLDERS for path in (ROOT / folder).rglob("*.py")] == []


def texts() -> Iterator[tuple[str, str]]:
    """The files that people write, below the folders of the repository."""
    suffixes = {".py", ".ts", ".svelte", ".css", ".html", ".md", ".toml", ".json", ".jsonl", ".js"}
    folders = [ROOT / name for name in ("cadence", "tests", "bench", "docs", "rooms", "personas", "models", "web")]
    built = (ROOT / "cadence" / "web", ROOT / "web" / "node_modules")
    for path in [*ROOT.glob("*"), *(path for folder in folders for path in folder.rglob("*"))]:
        written = path.suffix in suffixes or path.name == "Makefile"
        if path.is_file() and written and not any(folder in path.parents for folder in built):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    assert [path for path, text in texts() if MACHINE_PATHS.search(text)] == []


def test_the_page_has_no_unfinished_lines_either() -> None:
    assert [path for path, text in texts() if path.startswith("web/src") and UNFINISHED.search(text)] == []


def test_the_lock_of_the_page_names_no_registry() -> None:
    assert '"resolved"' not in (ROOT / "web/package-lock.json").read_text(encoding="utf-8")


def dependencies() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"].get("optional-dependencies", {}).values()
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"], *sum(extras, [])]
    names = {re.split(r"[^\w.-]", requirement, maxsplit=1)[0] for requirement in wanted}
    package = json.loads((ROOT / "web/package.json").read_text(encoding="utf-8"))
    return names | set(package.get("dependencies", {})) | set(package.get("devDependencies", {}))


def test_every_dependency_is_defended() -> None:
    defended = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    assert sorted(name for name in dependencies() if f"`{name}`" not in defended) == []
