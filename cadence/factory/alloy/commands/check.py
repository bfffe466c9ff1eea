"""Commands that check an alloy: validate, hash, verify, gate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from cadence.factory.alloy.commands.output import (
    FAILS,
    HOLDS,
    UNKNOWN,
    USAGE,
    FileArgument,
    JsonOption,
    as_json,
    fail,
    load_object,
    say,
    table,
)

if TYPE_CHECKING:
    from cadence.factory.alloy.gates.verdict import Bundle, Criterion, Manifest
    from cadence.factory.alloy.keys import Registry
    from cadence.factory.alloy.tiers import Row
    from cadence.factory.alloy.verify import Report

FilesArgument = Annotated[list[Path], typer.Argument(help="Alloys.", show_default=False)]
ModelDirOption = Annotated[Path | None, typer.Option("--model-dir", help="Folder with the model's files.")]
KeysOption = Annotated[Path | None, typer.Option("--keys", help="Registry of keys you trust, a JSON file.")]


def validate(
    files: FilesArgument,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    as_json_: JsonOption = False,
) -> None:
    """Check shape and rules; print every problem as file:line:column: path: what. Why. How to fix it."""
    from cadence.factory.alloy.document import DocumentError
    from cadence.factory.alloy.files import load as read
    from cadence.factory.alloy.load import check

    lines: list[str] = []
    found: list[dict[str, Any]] = []
    bad = 0
    for path in files:
        try:
            loaded = check(read(path))
        except DocumentError as error:
            bad += 1
            lines.append(str(error))
            found.append(_fault(error))
            continue
        counted = loaded.problems if strict else loaded.errors
        bad += bool(counted) or loaded.alloy is None
        lines += [str(one) for one in loaded.problems]
        found += [one.as_dict() for one in loaded.problems]
    if as_json_:
        as_json(found)
    else:
        for line in lines:
            say(line)
        good = len(files) - bad
        say(f"{good} of {len(files)} valid")
    raise typer.Exit(FAILS if bad else HOLDS)


def hash(file: FileArgument, as_json_: JsonOption = False) -> None:
    """Print the file hash (exact bytes), the alloy hash (what it says) and the model hash, recomputed."""
    from cadence.factory.alloy import hashes

    document, value = load_object(file)
    integrity = hashes.integrity_of(value)
    listed = integrity.get("fileHashes")
    try:
        model = hashes.model_hash(listed) if isinstance(listed, list) and listed else None
    except hashes.HashError as error:
        fail(f"{file}: fileHashes: {error}.")
    facts = {
        "fileHash": hashes.file_hash(document.raw),
        "alloyHash": hashes.alloy_hash(value),
        "modelHash": model,
        "modelHashStated": integrity.get("modelHash"),
        "modelHashRule": hashes.model_rule(value),
    }
    if as_json_:
        as_json(facts)
    else:
        short = facts["fileHash"][: hashes.SHORT_DIGITS] if facts["fileHash"] else ""
        rule = facts["modelHashRule"] or ("it does not follow from the list of files" if model else "no list of files")
        table(
            [
                ("file", facts["fileHash"], f"short form {short}"),
                ("alloy", facts["alloyHash"], "RFC 8785, without receipt and signature"),
                ("model", model or "-", rule),
            ]
        )
    wrong = model is not None and facts["modelHashStated"] is not None and facts["modelHashRule"] is None
    raise typer.Exit(FAILS if wrong else HOLDS)


def verify(
    file: FileArgument,
    model_dir: ModelDirOption = None,
    keys: KeysOption = None,
    expected: Annotated[str | None, typer.Option("--hash", help="16 to 64 hex digits it must have.")] = None,
    card: Annotated[Path | None, typer.Option(help="The card that the receipt names.")] = None,
    nonce: Annotated[str | None, typer.Option(help="The nonce that you asked the producer to seal.")] = None,
    audience: Annotated[str | None, typer.Option(help="Your address, as you gave it to the producer.")] = None,
    as_json_: JsonOption = False,
) -> None:
    """Recompute hashes, check signatures and the chain of custody. Ends with 3 where nothing proves it right."""
    from dataclasses import replace
    from datetime import UTC, datetime

    from cadence.factory.alloy import commits, hashes, tiers
    from cadence.factory.alloy.commands.evidence import gather, owners, rescored
    from cadence.factory.alloy.custody import rules_of
    from cadence.factory.alloy.load import check
    from cadence.factory.alloy.verify import verify as examine

    document, value = load_object(file)
    if value.get("type") == commits.TYPE:
        _verify_commits(value, as_json_)
    loaded = check(document)
    bundle = _bundle(model_dir)
    scores = rescored(value, bundle or {})
    try:
        here = replace(gather(value, bundle, model_dir, card, expected, scores), nonce=nonce, audience=audience)
        report = examine(
            document,
            _registry(keys),
            datetime.now(UTC),
            here=here,
            rules=rules_of(loaded.domains),
            owners=owners(value),
        )
    except hashes.HashError as error:
        fail(f"--hash: {error}.", USAGE)
    except (OSError, ValueError) as error:
        fail(f"{file}: {error}")
    files = {path: fact.sha256 for path, fact in (bundle or {}).items()}
    rows = tiers.table(value, tiers.Tried(files=files, scores=scores))
    failures = [*report.failures, *(f"rules: {one}" for one in loaded.errors)]
    outcome = "fails" if failures else report.outcome
    if as_json_:
        fields = ("tier", "artefact", "verdict", "reason")
        tried = [{field: getattr(row, field) for field in fields} for row in rows]
        as_json({**report.to_value(), "outcome": outcome, "failures": failures, "tiers": tried})
    else:
        _show(report, outcome, failures, rows)
    raise typer.Exit({"holds": HOLDS, "fails": FAILS}.get(outcome, UNKNOWN))


def _show(report: Report, outcome: str, failures: list[str], rows: tuple[Row, ...]) -> None:
    table([(outcome, report.standing)])
    table([("fails", one) for one in failures])
    table([("note", one) for one in report.notes])
    table([(part.name, str(part.level), part.reason) for part in report.parts if part.claimed], "Parts")
    gaps = [(f"stage {gap.stage}", gap.reason, gap.owner.name, gap.owner.fix) for gap in report.coverage.gaps]
    table(gaps or [("", "no gaps")], str(report.coverage))
    table([(f"tier {row.tier}", row.artefact, row.verdict, row.reason) for row in rows], "Reproducible")
    if report.overclaims:
        say(report.overclaims)


def _verify_commits(value: dict[str, Any], as_json_: bool) -> NoReturn:
    """A repository's own chain, which has commits in the place of stages."""
    from cadence.factory.alloy import commits

    breaks = [str(one) for one in commits.check(value)]
    outcome = "fails" if breaks else "unsigned"
    if as_json_:
        as_json({"outcome": outcome, "standing": "self-reported", "failures": breaks})
    else:
        table([(outcome, "self-reported")])
        table([("fails", one) for one in breaks])
        if not breaks:
            say("Every link recomputes. That these are the repository's commits is for git to say.")
    raise typer.Exit(FAILS if breaks else UNKNOWN)


def gate(
    file: FileArgument,
    model_dir: ModelDirOption = None,
    manifest: Annotated[Path | None, typer.Option(help="What the assay counted and measured, a JSON file.")] = None,
    as_json_: JsonOption = False,
) -> None:
    """Judge a forged model at the door: may it ship? What is not known does not pass."""
    from cadence.factory.alloy.domains.llm_forge.report import ForgeAlloy
    from cadence.factory.alloy.gates import judge
    from cadence.factory.alloy.load import check

    loaded = check(load_object(file)[0])
    if loaded.errors:
        fail(str(loaded.errors[0]))
    if not isinstance(loaded.alloy, ForgeAlloy):
        fail(f"{file}: expected an alloy of llm-forge. Only models are gated.")
    reports = judge(loaded.alloy, _manifest(manifest), _bundle(model_dir))
    if as_json_:
        as_json([report.as_dict() for report in reports])
    else:
        for report in reports:
            table([(report.verdict, f"mode {report.mode}" if report.mode else "")], report.gate.capitalize())
            table([("", one.verdict, _told(one)) for one in report.criteria if one.verdict != "pass"])
    verdicts = {report.verdict for report in reports}
    raise typer.Exit(FAILS if "fail" in verdicts else UNKNOWN if "unknown" in verdicts else HOLDS)


def _told(one: Criterion) -> str:
    unit = f" {one.unit}" if one.unit else ""
    observed = "nothing" if one.observed is None else f"{one.observed}{unit}"
    return f"{one.name}: required {one.required}{unit}, observed {observed}; {one.reason}"


def _fault(error: Any) -> dict[str, Any]:
    from cadence.factory.alloy.document import show_path

    fields = ("file", "line", "column", "what", "why", "fix")
    return {"level": "error", **{name: getattr(error, name) for name in fields}, "path": show_path(error.path)}


def _bundle(folder: Path | None) -> Bundle | None:
    from cadence.factory.alloy.bundle import BundleError, read_bundle

    if folder is None:
        return None
    try:
        return read_bundle(folder)
    except BundleError as error:
        fail(str(error))


def _registry(path: Path | None) -> Registry | None:
    from cadence.factory.alloy.keys import RegistryError, read_registry

    if path is None:
        return None
    try:
        return read_registry(load_object(path)[1])
    except RegistryError as error:
        fail(f"{path}: {error}")


def _manifest(path: Path | None) -> Manifest | None:
    from pydantic import ValidationError

    from cadence.factory.alloy.gates.verdict import Manifest
    from cadence.factory.alloy.problems import from_types, placed

    if path is None:
        return None
    document, value = load_object(path)
    try:
        return Manifest.model_validate(value)
    except ValidationError as error:
        problems = [from_types(one, value) for one in error.errors(include_url=False)]
        fail(str(placed(problems, document)[0]))
