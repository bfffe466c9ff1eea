"""The verify page agrees with the Python side. What it does in a browser: `test_page_browser`."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cadence.factory.alloy.canonical import canonical
from cadence.factory.alloy.document import DocumentError, read
from cadence.factory.alloy.hashes import alloy_hash
from cadence.factory.alloy.keys import instant
from cadence.factory.alloy.page import SOURCES, page
from cadence.factory.alloy.verify import verify
from tests.factory.alloy import signed
from tests.factory.alloy.test_keys import NO_MOMENTS
from tests.source import ROOT

FOLDER = ROOT / "cadence" / "factory" / "alloy" / "page"
NODE = shutil.which("node")
CHAINS = (signed.forge, signed.photo, signed.ticket, signed.delivery)

NODE_MIN = 20  # the first with WebCrypto for everybody; the page's own build needs it too


def node_fits() -> bool:
    if NODE is None:
        return False
    told = subprocess.run([NODE, "--version"], capture_output=True, check=False, timeout=60).stdout.decode()
    return bool(re.match(r"v\d+", told)) and int(told[1:].split(".")[0]) >= NODE_MIN


with_node = pytest.mark.skipif(not node_fits(), reason="node 20 or newer is not installed")


def in_node(program: str, asked: Any) -> Any:
    """What `program` makes of `asked`, with the page's modules imported."""
    modules = "".join(f'import * as {name[:-3]} from "./{name}";' for name in SOURCES[:-1])
    start = f'{modules} import {{ readFileSync }} from "node:fs"; const asked = JSON.parse(readFileSync(0, "utf8"));'
    command = [str(NODE), "--no-warnings", "--input-type=module", "-e"]
    done = subprocess.run(
        [*command, f"{start} process.stdout.write(JSON.stringify(await (async () => {{ {program} }})()));"],
        input=json.dumps(asked).encode(), capture_output=True, check=False, timeout=240, cwd=FOLDER,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return json.loads(done.stdout)


EXAMINE = """
  const found = [];
  for (const one of asked.alloys) {
    const bytes = new TextEncoder().encode(one);
    const registry = asked.registry && json.parse(JSON.stringify(asked.registry));
    const { outcome, alloyHash, failures } = await report.examine({ bytes, registry, now: asked.now });
    found.push([outcome, alloyHash, failures]);
  }
  return found;
"""


def examined(alloys: list[str], *, registry: Any = None) -> Any:
    return in_node(EXAMINE, {"alloys": alloys, "registry": registry, "now": signed.NOW.timestamp() * 1000})


def part(kind: str) -> str:
    found = re.findall(rf"<{kind}[^>]*>(.*?)</{kind}>", page(), re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def test_the_page_is_one_file_that_asks_for_nothing() -> None:
    text = page()
    assert re.findall(r"\b(?:src|href|action|srcset)=", text) == []
    assert re.findall(r"\burl\(|@import|\bimport\(|^import |^export ", text, re.MULTILINE) == []
    assert re.findall(r"\b(?:fetch|XMLHttpRequest|WebSocket|sendBeacon|localStorage)\b", text) == []


def test_the_policy_allows_this_script_and_this_style_and_nothing_else() -> None:
    policy = re.findall(r'Content-Security-Policy" content="([^"]*)"', page())[0]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    for kind, name in (("script", "script-src"), ("style", "style-src")):
        expected = base64.b64encode(hashlib.sha256(part(kind).encode()).digest()).decode()
        assert rules[name] == f"'sha256-{expected}'"


def test_no_source_has_a_way_to_make_elements_of_text() -> None:
    for name in SOURCES:
        source = (FOLDER / name).read_text(encoding="utf-8")
        assert (
            re.findall(
                r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|setAttribute\(\"on", source
            )
            == []
        )


@with_node
def test_the_modules_fit_into_one_script(tmp_path: Path) -> None:
    (tmp_path / "whole.mjs").write_text(part("script"), encoding="utf-8")
    subprocess.run([str(NODE), "--check", str(tmp_path / "whole.mjs")], check=True, timeout=60)


@with_node
def test_chains_hold_on_the_page_and_their_hashes_are_the_same() -> None:
    alloys = [make() for make in CHAINS]
    found = examined([json.dumps(one) for one in alloys], registry=signed.trusted())
    assert found == [["holds", alloy_hash(one), []] for one in alloys]
    assert [outcome for outcome, *_ in examined([json.dumps(one) for one in alloys])] == ["read"] * 4


@with_node
def test_the_page_finds_what_the_python_side_finds() -> None:
    chance = random.Random(36)
    keys = signed.registry()
    alloys = [signed.edit(make(), chance)[0] for make in CHAINS for _ in range(60)]
    texts = [json.dumps(one) for one in alloys]
    found = examined(texts, registry=signed.trusted())
    ours = [verify(read(text, name="x"), keys, signed.NOW).outcome for text in texts]
    differing = [
        (mine, theirs)
        for mine, (theirs, *_) in zip(ours, found, strict=True)
        if mine != {"read": "unsigned"}.get(theirs, theirs)
    ]
    assert differing == []
    assert ours.count("fails") > 200


@with_node
def test_the_page_knows_whose_keys_may_sign_what() -> None:
    for what in ("issued", "seal", "receipt"):
        others = {**signed.trusted(), "authority": {what: ["opera"]}}
        (found,) = examined([json.dumps(signed.ticket())], registry=others)
        assert found[0] == "fails" and "hall is not among those" in found[2][0]


@with_node
def test_what_a_browser_cannot_check_is_no_fault_and_no_pass() -> None:
    program = """
      crypto.subtle.importKey = async () => { throw new DOMException("no Ed25519 here", "NotSupportedError"); };
      const bytes = new TextEncoder().encode(asked.alloy);
      const found = await report.examine({ bytes, registry: asked.registry, now: asked.now });
      return [found.outcome, found.stages.map((one) => one.state), found.notes];
    """
    now = signed.NOW.timestamp() * 1000
    asked = {"alloy": json.dumps(signed.photo()), "registry": signed.trusted(), "now": now}
    outcome, stages, notes = in_node(program, asked)
    assert (outcome, stages) == ("read", ["linked"] * 3)
    assert notes == [
        "The seal was not checked: this browser cannot check ES256.",
        "The receipt was not checked: this browser cannot check ES256.",
    ]


@with_node
def test_a_chain_cut_moved_or_copied_fails_there_too() -> None:
    stages = signed.delivery()["stages"]
    orders = [
        stages[:3],
        stages[1:],
        [stages[0], *stages[2:]],
        [stages[1], stages[0], *stages[2:]],
        [*stages, stages[1]],
    ]
    found = examined([json.dumps({**signed.delivery(), "stages": one}) for one in orders], registry=signed.trusted())
    assert [outcome for outcome, *_ in found] == ["fails"] * len(orders)


STRICT = [
    '{"a": 1, "a": 2}', '{"a": 1, "\\u0061": 2}', "[NaN]", '["\\ud800"]', '{"\\udfff": 1}', '"\\ud83d\\ude00"',
    "[9007199254740992]", "[1e20]", "[1e21]", "[1e400]", "[-0]", "[1e-7, 5e-324]", "[01]", "[1.]", "[.5]", "[+1]",
    "[" * 64 + "]" * 64, "[" * 65 + "]" * 65, "[" * 5000, "[" + "0," * 100_000 + "0]", "[1 2]", "[1,]", "{} {}", "",
    "['a']", '["a\tb"]', '["\\q"]', '{"__proto__": {"x": 1}}', '{"constructor": 1, "toString": 2}', "\ufeff{}",
    "[tru]", "\u00a0[]", '{"a"}', '{1: 2}', '{"a": }', '"',
]  # fmt: skip


@with_node
def test_the_page_refuses_the_documents_that_our_reader_refuses() -> None:
    program = "return asked.map((one) => { try { return json.canonical(json.parse(one)); } catch { return null; } });"
    found = in_node(program, STRICT)
    for text, theirs in zip(STRICT, found, strict=True):
        assert canonical_text(text) == theirs, text[:40]


def canonical_text(text: str) -> str | None:
    try:
        return canonical(read(text, name="x").value).decode()
    except DocumentError:
        return None


@with_node
@pytest.mark.parametrize(
    ("typed", "source", "expected"),
    [
        ("bba0a92ff0c8bebb", "", "bba0a92ff0c8bebb"),
        (" sha256:BBA0A92FF0C8BEBB ", "", "bba0a92ff0c8bebb"),
        ("https://a.example/x.alloy.json#bba0a92ff0c8bebb", "https://a.example/x.alloy.json", "bba0a92ff0c8bebb"),
        ("https://a.example/x@bba0a92ff0c8bebb", "https://a.example/x", "bba0a92ff0c8bebb"),
        ("github:owner/repo@bba0a92ff0c8bebb", "github:owner/repo", "bba0a92ff0c8bebb"),
        ("https://a.example/x", "https://a.example/x", ""),
        ("", "", ""),
        ("bba0a92f", None, None),
        ("https://a.example/x#bba0a92ff0c8beb", None, None),
        ("f" * 65, None, None),
    ],
)
def test_an_address_is_read_in_every_form_and_short_hashes_are_refused(
    typed: str, source: str | None, expected: str | None
) -> None:
    found = in_node("return proof.parseAddress(asked);", typed)
    if source is None:
        assert "16 to 64" in found["error"] or "at most 64" in found["error"]
    else:
        assert found == {"source": source, "expected": expected}


@with_node
def test_large_hostile_texts_are_read_or_refused_in_seconds() -> None:
    files = [{"filename": f"{i}/w", "sha256": f"{i:064x}"} for i in range(30_000)]
    texts = [
        json.dumps({"notes": "\\\n" * 1_500_000}),
        json.dumps({"name": "x", "integrity": {"fileHashes": files}}),
        "[" * 4_000_000,
        '"' + "\\" * 4_000_001,
    ]
    assert [outcome for outcome, *_ in examined(texts)] == ["read", "read", "fails", "fails"]


@with_node
def test_files_that_were_dropped_beside_it_agree_or_differ() -> None:
    program = """
      const bytes = new TextEncoder().encode(asked.alloy);
      const found = await report.examine({ bytes, files: new Map(asked.files), now: 0 });
      return [found.outcome, found.files.map((one) => one.state)];
    """
    named = [("a/w", "0" * 64), ("b/w", "1" * 64), ("s.jsonl", "2" * 64)]
    listed = [{"filename": name, "sha256": sha} for name, sha in named]
    asked = {"alloy": json.dumps({"integrity": {"fileHashes": listed}})}
    assert in_node(program, {**asked, "files": [["s.jsonl", "2" * 64]]}) == ["read", ["absent", "absent", "agrees"]]
    assert in_node(program, {**asked, "files": [["w", "1" * 64]]}) == ["read", ["absent", "agrees", "absent"]]
    assert in_node(program, {**asked, "files": [["w", "3" * 64]]}) == ["fails", ["differs", "differs", "absent"]]


@with_node
def test_moments_are_read_alike() -> None:
    texts = [text for text in NO_MOMENTS if text != "0001-01-01T00:00:00+14:00"]  # the year 0 exists there
    texts += ["2026-11-27T03:00:00Z", "2026-11-27T04:00:00.5+01:00", "2026-11-27T03:00Z"]
    found = in_node("return asked.map((one) => { try { return proof.instant(one); } catch { return null; } });", texts)
    at = instant("2026-11-27T03:00:00Z").timestamp() * 1000
    assert found == [*([None] * (len(texts) - 3)), at, at + 500, at]


@with_node
def test_qr_codes_are_those_of_a_second_encoder() -> None:
    qrcode = pytest.importorskip("qrcode", reason="qrcode is not installed")
    lengths = [1, 14, 15, 26, 42, 62, 84, 106, 122, 152, 180, 181, 213, 251, 287, 331]
    texts = ["https://a.example/é.alloy.json#" + "0123456789abcdef" * 2, *("x" * length for length in lengths)]
    found = in_node("return asked.map((one) => qr.qr(one));", [*texts, "x" * 332])
    assert found.pop() is None, "longer than the largest code that is drawn"
    for text, rows in zip(texts, found, strict=True):
        assert rows in [second_code(qrcode, text, mask) for mask in range(8)], len(text)


def second_code(qrcode: Any, text: str, mask: int) -> list[list[bool]]:
    level = qrcode.constants.ERROR_CORRECT_M
    made = qrcode.QRCode(error_correction=level, border=0, mask_pattern=mask)
    made.add_data(qrcode.util.QRData(text.encode(), mode=qrcode.util.MODE_8BIT_BYTE))
    made.make(fit=True)
    return [[bool(module) for module in row] for row in made.get_matrix()]
