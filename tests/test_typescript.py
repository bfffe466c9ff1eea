"""The client in TypeScript at a real server: the program of the guide, with nothing of the page but its types."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import pytest

from tests.served import Served
from tests.source import ROOT

pytestmark = pytest.mark.real_time
PATIENCE_S = 60.0
COMPILER = ROOT / "web/node_modules/typescript"
PROGRAM = re.search(r"^```ts\n(.*?)^```", (ROOT / "docs/agents.md").read_text(), re.MULTILINE | re.DOTALL)
FILES = ("client", "connection", "protocol", "requests", "socket")
TRANSPILE = """
const ts = require(process.argv[1]), fs = require("fs");
const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 };
for (const file of process.argv.slice(2)) {
  const { outputText } = ts.transpileModule(fs.readFileSync(file, "utf8"), { compilerOptions });
  fs.writeFileSync(file.replace(/ts$/, "js"), outputText);
}
"""


async def node(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec("node", *arguments, stderr=asyncio.subprocess.PIPE)


async def test_the_typescript_of_the_guide_answers_when_it_is_mentioned(tmp_path: Path) -> None:
    if shutil.which("node") is None or not COMPILER.is_dir():
        pytest.skip("no Node.js, or the page's packages are not installed: make check")
    assert PROGRAM is not None
    (tmp_path / "place/rooms").mkdir(parents=True)
    (tmp_path / "place/rooms/hall.toml").write_text('title = "The hall"\n')
    for name in FILES:
        shutil.copy(ROOT / f"web/src/{name}.ts", tmp_path)
    async with asyncio.timeout(PATIENCE_S), Served(tmp_path / "place", tmp_path / "data") as server:
        source = PROGRAM[1].replace("ws://127.0.0.1:8765/ws", server.url).replace("commons", "hall")
        (tmp_path / "program.ts").write_text(source)
        files = [str(tmp_path / f"{name}.ts") for name in (*FILES, "program")]
        assert await (await node("-e", TRANSPILE, str(COMPILER), *files)).wait() == 0
        ann = await server.guest("Ann", "agent")
        await ann.join("hall")
        running = await node("--experimental-websocket", str(tmp_path / "program.js"))
        try:
            await ann.until(lambda frame: any(one["name"] == "Echo" for one in frame.get("joined", ())))
            said = await ann.say("hall", "@Echo are you there?")
            answer = await ann.until(lambda frame: frame["type"] == "message" and frame["from"]["name"] == "Echo")
        finally:
            running.kill()
            await running.communicate()
            await ann.cut()
    assert (answer["text"], answer["reply_to"]) == ("You said: @Echo are you there?", said["seq"])
    assert answer["from"]["kind"] == "agent"
