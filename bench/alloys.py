"""What the alloy contract holds on real files: `python -m bench.alloys [FOLDER] [--edits 10000] [--seed 1]`.

FOLDER has alloys and a README.md with the first 16 digits of their files' hashes (default: ../shared/data/alloys).
Where it is absent, only what needs no files is run. The edits are random single changes of the parsed value of signed
chains; one is found if the report no longer says that all holds, or the receipt does not hold any more (a receipt is
added after sealing, so that an alloy without one is still whole).
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from cadence.factory.alloy import chain, commits, hashes, seal, verify
from cadence.factory.alloy.document import Document, read
from cadence.factory.alloy.domains.llm_forge.report import ForgeAlloy
from cadence.factory.alloy.gates import judge
from cadence.factory.alloy.load import load
from cadence.factory.alloy.roundtrip import round_trip
from cadence.factory.alloy.schema import json_schema
from tests.factory.alloy import signed

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "alloys"
CHAINS: dict[str, Callable[[], dict[str, Any]]] = {
    "photo": signed.photo,
    "ticket": signed.ticket,
    "delivery": signed.delivery,
    "forge": signed.forge,
}
VALIDATE_SECONDS = 5.0
TARGET_PER_MINUTE = 10_000
HOSTILE_MB = 50


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    arguments.add_argument("--edits", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    paths = sorted(options.folder.rglob("*.alloy.json")) if options.folder.is_dir() else []
    if paths:
        files(paths)
        golden(options.folder, paths)
        gates(paths)
    else:
        print(f"no alloys in {options.folder}: files, golden hashes and gates are left out\n")
    chains()
    mutations(options.edits, options.seed)
    speed(paths)
    hostile()


def title(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}")


def files(paths: list[Path]) -> None:
    """Each file: does it load, go through the types without loss, and fit the schema?"""
    title("Files")
    validator = Draft202012Validator(json_schema())
    count: Counter[str] = Counter()
    print(f"{'':58} {'round trip':11} {'errors':>6} {'warnings':>8} {'schema':>6}")
    for path in paths:
        loaded = load(path.read_bytes(), name=path.name)
        trip = round_trip(loaded)
        schema = sum(1 for _ in validator.iter_errors(loaded.document.value))
        warnings = len(loaded.problems) - len(loaded.errors)
        print(f"{path.name[:58]:58} {trip.outcome:11} {len(loaded.errors):6} {warnings:8} {schema:6}")
        if trip.difference:
            print(f"    {trip.difference}")
        count["held"] += trip.holds
        count["bytes"] += trip.outcome == "bytes"
        count["valid"] += loaded.valid
        count["schema"] += schema
    kept = f"{count['held']} without loss ({count['bytes']} of them to the byte)"
    print(f"{len(paths)} files: {count['valid']} valid, {kept}, {count['schema']} schema errors")


def golden(folder: Path, paths: list[Path]) -> None:
    """Hashes that others computed: of files, of models from their list of files, of a chain of commits."""
    title("Golden hashes")
    readme = folder / "README.md"
    table = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    quoted = dict(re.findall(r"\| (\S+\.alloy\.json) \| \w+ \| ([0-9a-f]{16}) \|", table))
    found = {path.name: hashes.file_hash(path.read_bytes()) for path in paths}
    right = [name for name, prefix in quoted.items() if name in found and hashes.begins(found[name], prefix)]
    print(f"files: {len(right)} of {len(quoted)} quoted hashes matched")
    stated = [value for path in paths if "fileHashes" in hashes.integrity_of(value := json.loads(path.read_bytes()))]
    rules = [str(hashes.model_rule(value)) for value in stated]
    right_models = sum(rule != "None" for rule in rules)
    print(f"models: {right_models} of {len(rules)} modelHash follow ({', '.join(rules)})")
    for path in sorted(folder.rglob("*attestation-chain.json")):
        value = read(path.read_bytes(), name=path.name).value
        breaks = list(commits.check(value))
        print(f"commits: {len(value['stages'])} links, {len(breaks)} breaks")


def gates(paths: list[Path]) -> None:
    """What each alloy with results would hear at the door, from the alloy alone."""
    title("Gates (no manifest, no bundle: unknown is fail)")
    for path in paths:
        alloy = load(path.read_bytes(), name=path.name).alloy
        if not isinstance(alloy, ForgeAlloy) or alloy.results is None:
            continue
        print(path.name)
        for report in judge(alloy):
            print(f"  {report.verdict:8} {report.gate}{f' ({report.mode})' if report.mode else ''}")
            for one in report.criteria:
                if one.verdict != "pass":
                    observed = "nothing" if one.observed is None else f"{str(one.observed)[:40]} {one.unit}".rstrip()
                    print(f"             {one.verdict}: {one.name[:60]}: {observed}; {one.reason}")


def document(value: dict[str, Any]) -> Document:
    return read(json.dumps(value), name="x.alloy.json")


def examined(value: dict[str, Any]) -> verify.Report:
    return verify.verify(document(value), signed.registry(), signed.NOW, rules=signed.RULES)


def chains() -> None:
    """Chains of three domains that have nothing to do with models: built, signed, verified, and tampered with."""
    title("Chains without models")
    for name in ("photo", "ticket", "delivery"):
        whole = CHAINS[name]()
        report = examined(whole)
        valid = load(document(whole).raw, name=name).valid
        print(f"{name:9} {report.outcome}, {report.coverage}, rules {'hold' if valid else 'broken'}")
        for what, tampered, stage in attacks(whole):
            broken = examined(tampered).custody.breaks
            first = f"stage {broken[0].stage}: {broken[0].kind}" if broken else "NOT FOUND"
            mark = "" if broken and broken[0].stage == stage else f" (expected stage {stage})"
            print(f"    {what:22} {first}{mark}")
    twice = signed.ticket(admissions=2)
    errors = load(document(twice).raw, name="ticket").errors
    print(f"a second admission, properly signed: {'refused: ' + errors[0].what if errors else 'NOT REFUSED'}")


def attacks(whole: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], int]]:
    """What was done, the changed chain, and the stage that should be named."""
    last = len(whole["stages"]) - 1
    for index in range(last + 1):
        edited = copy.deepcopy(whole)
        edited["stages"][index]["notes"] = "changed"
        yield f"stage {index} edited", edited, index
        dropped = copy.deepcopy(whole)
        del dropped["stages"][index]
        yield f"stage {index} dropped", dropped, index
    reordered = copy.deepcopy(whole)
    reordered["stages"][0], reordered["stages"][1] = reordered["stages"][1], reordered["stages"][0]
    yield "stages 0 and 1 swapped", reordered, 0
    replayed = copy.deepcopy(whole)
    replayed["stages"].append(copy.deepcopy(whole["stages"][last]))
    yield "last stage replayed", replayed, last + 1
    stranger = copy.deepcopy(whole)
    stage = stranger["stages"][last]
    roles = [one["role"] for one in stage["signatures"]]
    key = signed.key("a stranger")
    stage["signatures"] = [key.sign(chain.STAGE_PURPOSE, chain.signed_part(stage), role=role) for role in roles]
    yield "wrong signer", stranger, last


def mutations(edits: int, seed: int) -> None:
    """Random single edits that change the parsed value: each must be found, and the stage it is in must be named."""
    title("Mutations")
    chance = random.Random(seed)
    began = time.perf_counter()
    total: Counter[str] = Counter()
    for name, make in CHAINS.items():
        whole = make()
        assert examined(whole).outcome == "holds" and receipt_stands(whole)
        count: Counter[str] = Counter()
        for _ in range(edits // len(CHAINS)):
            changed, path = signed.edit(whole, chance)
            report = examined(changed)
            named = report.custody.breaks[0].stage if report.custody.breaks else None
            in_stage = signed.stage_of(path, amended=4) is not None
            count["edits"] += 1
            count["found"] += report.outcome != "holds" or not receipt_stands(changed)
            count["right"] += named == signed.stage_of(path, amended=4)
            count["in stages"] += in_stage
            count["right in stages"] += in_stage and named == signed.stage_of(path, amended=4)
        print(f"{name:9} {told(count)}")
        total += count
    print(f"{'all':9} {told(total)}; seed {seed}, {time.perf_counter() - began:.0f} s")


def receipt_stands(value: dict[str, Any]) -> bool:
    try:
        seal.check_receipt(value, signed.registry(), signed.NOW)
    except seal.SealBroken:
        return False
    return True


def told(count: Counter[str]) -> str:
    stages = f"{count['right in stages']} of {count['in stages']} in stages"
    share = 100 * count["right"] / max(1, count["edits"])
    return f"{count['found']} of {count['edits']} found, stage right in {share:.2f} % ({stages})"


def speed(paths: list[Path]) -> None:
    """Reading and checking whole alloys on one core, beside the bare parser of the standard library."""
    title("Speed, one core")
    raws = [path.read_bytes() for path in paths] or [document(make()).raw for make in CHAINS.values()]

    def rate(work: Callable[[bytes], object]) -> float:
        done, began = 0, time.perf_counter()
        while (passed := time.perf_counter() - began) < VALIDATE_SECONDS:
            for raw in raws:
                work(raw)
            done += len(raws)
        return 60 * done / passed

    validated, parsed = rate(lambda raw: load(raw, name="x")), rate(json.loads)
    size = sum(map(len, raws)) / len(raws) / 1000
    verdict = "met" if validated >= TARGET_PER_MINUTE else "MISSED"
    wanted = f"wanted {TARGET_PER_MINUTE:,}: {verdict}"
    print(f"validate: {validated:,.0f} alloys a minute of {size:.1f} kB on average ({wanted})")
    print(f"json.loads alone: {parsed:,.0f} a minute; the whole check costs {parsed / validated:.1f} times as much")


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "one long list": lambda size: b"[" + b"0," * (size // 2) + b"0]",
    "nested lists": lambda size: b"[" * size,
    "one long string": lambda size: b'{"a": "' + b"x" * size + b'"}',
    "many keys": lambda size: b"{" + b",".join(b'"%d":1' % key for key in range(size // 11)) + b"}",
}
# In a process of its own, so that its memory can be measured. Not by `getrusage`: its peak is inherited from this one.
CHILD = """
import re, sys, time
from pathlib import Path
from cadence.factory.alloy import files
from cadence.factory.alloy.document import DocumentError
from cadence.factory.alloy.load import check, load
load(b'{}', name='warm')
peak_kib = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])
before, began = peak_kib(), time.perf_counter()
try:
    said = f'read within the limits, and found {len(check(files.load(Path(sys.argv[1]))).errors)} errors'
except DocumentError as error:
    said = f'refused: {error.what}'
took, grown = time.perf_counter() - began, peak_kib() - before
print(f'{1000 * took:7.1f} ms, {grown / 1024:5.1f} MiB more memory, {said}')
"""


def hostile() -> None:
    """Files of 50 MB, and of just under the limit: in how much time and memory are they refused?"""
    title("Hostile files")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hostile.alloy.json"
        for megabytes in (HOSTILE_MB, 8):
            for name, make in HOSTILE.items():
                path.write_bytes(make(megabytes * 10**6))
                command = [sys.executable, "-c", CHILD, str(path)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                print(f"{megabytes:3} MB {name:16} {done.stdout.strip()}")


if __name__ == "__main__":
    main()
