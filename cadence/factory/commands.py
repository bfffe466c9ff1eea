"""`cadence forge`: profile a mixture of experts, plan which experts stay, look at what there is, and operate.

Everything heavy is imported inside the commands. What can be refused without torch is refused before torch is loaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

app = typer.Typer(
    help="Compact mixtures of experts: profile, plan, surgery.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object, no progress.")]
ModelArgument = Annotated[Path, typer.Argument(help="Folder of a model: config.json and safetensors.")]


@app.command()
def profile(
    model: ModelArgument,
    corpus: Annotated[Path, typer.Option(help="JSON lines with text (or content) and, if mixed, domain.")],
    out: Annotated[Path, typer.Option(help="File to write. Sums are kept beside it, and a new start goes on there.")],
    sha256: Annotated[str | None, typer.Option(help="Hash of the corpus that you mean.")] = None,
    benchmark: Annotated[
        Path | None, typer.Option(help="Items that will judge the result; the corpus may share no passage with them.")
    ] = None,
    length: Annotated[int, typer.Option(help="Tokens in a sequence.", min=1)] = 2_048,
    batch: Annotated[int, typer.Option(help="Sequences in a batch.", min=1)] = 8,
    part: Annotated[str, typer.Option(help="Only a part of the batches, as 1/4; `join` adds parts up.")] = "1/1",
    name: Annotated[str | None, typer.Option(help="What the profile calls the model (default: its folder).")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...")] = "cpu",
    dtype: Annotated[str, typer.Option(help="auto (as stored), float32, bfloat16 ...")] = "auto",
    as_json: JsonOption = False,
) -> None:
    """Run a corpus through a model once, and write what every expert did, as sums that all rankings follow from."""
    with _sentences():
        from cadence.factory.profile.corpus import CorpusError, parse_corpus
        from cadence.factory.profile.leaks import find_leaks, parse_benchmark
        from cadence.factory.tables import profile_object, profile_rows

        if out.exists():
            _fail(f"{out} exists; nothing is overwritten: move it away, or name another --out")
        text = parse_corpus(corpus.name, _read(corpus), sha256)
        judged = None
        if benchmark is not None:
            data = _read(benchmark)
            judged = hashlib.sha256(data).hexdigest()
            for leak in find_leaks(parse_benchmark(benchmark.name, data), text.documents):
                raise CorpusError(
                    f"{corpus.name}, {leak.domain} document {leak.document} holds text of {benchmark.name}, line "
                    f"{leak.item}: {leak.words[:200]!r}; a model profiled on its own examination proves nothing, so "
                    "take it out and pin the file anew"
                )
        try:
            from cadence.factory.profile.run import measure, save
        except ImportError as missing:
            _fail(f"this needs the extra forge ({missing}): pip install 'cadence-rooms[forge]'")
        kept = out.with_name(f"{out.name}.partial")
        with _progress("profiling", "batches", as_json) as progress:
            found = measure(
                model,
                text,
                name=name or model.resolve().name,
                benchmark_sha256=judged,
                length=length,
                batch=batch,
                part=_part(part),
                device=device,
                dtype=dtype,
                kept=kept,
                progress=progress,
            )
        save(found, out)
        kept.unlink(missing_ok=True)
        _say(as_json, profile_rows(found, found.sha256), profile_object(found, found.sha256))


@app.command()
def join(
    part: Annotated[list[Path], typer.Argument(help="Profiles of the parts of one run.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    as_json: JsonOption = False,
) -> None:
    """Add the parts of a profile up; the result is the same to the byte as if it had been made in one piece."""
    with _sentences():
        from cadence.factory.profile.sums import Profile
        from cadence.factory.profile.sums import join as add_up
        from cadence.factory.tables import profile_object, profile_rows

        if out.exists():
            _fail(f"{out} exists; nothing is overwritten: move it away, or name another --out")
        found = add_up([Profile.from_json(_read(path)) for path in part])
        _write(out, found.to_json())
        _say(as_json, profile_rows(found, found.sha256), profile_object(found, found.sha256))


@app.command()
def plan(
    profile: Annotated[Path, typer.Argument(help="A profile of the whole corpus.")],
    keep: Annotated[list[int], typer.Option(help="Experts to keep in each layer; several make several plans.")],
    metric: Annotated[str, typer.Option(help="reap, weighted_ean, ean, count, router_l2, aimer or random.")] = "reap",
    out: Annotated[str, typer.Option(help="File to write; {keep} stands for the number.")] = "plan-{keep}.json",
    seed: Annotated[int, typer.Option(help="Of the metric random.", min=0)] = 0,
    domain: Annotated[str | None, typer.Option(help="Rank by one domain of the corpus only.")] = None,
    protect: Annotated[bool, typer.Option(help="Keep super-experts whatever their score.")] = True,
    layers: Annotated[bool, typer.Option("--layers", help="Say what happens to each layer.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Choose which experts stay. Plans of one profile and metric are nested: the smaller is a part of the larger."""
    with _sentences():
        from cadence.factory.actions import planned
        from cadence.factory.profile.sums import Profile

        if len(set(keep)) > 1 and "{keep}" not in out:
            _fail("several plans need several files: put {keep} into --out, as in plan-{keep}.json")
        known = Profile.from_json(_read(profile))
        paths = {count: Path(out.replace("{keep}", str(count))) for count in dict.fromkeys(keep)}
        if taken := [path for path in paths.values() if path.exists()]:
            _fail(f"{taken[0]} exists; nothing is overwritten: move it away, or name another --out")
        made = [
            planned(known, count, metric=metric, seed=seed, domain=domain, protect=protect, layers=layers)
            for count in paths
        ]  # all of them are checked before the first one is written
        for path, each in zip(paths.values(), made, strict=True):
            _write(path, each.plan.to_json())
        objects = [{"file": str(path), **each.as_object()} for path, each in zip(paths.values(), made, strict=True)]
        rows = [row for path, each in zip(paths.values(), made, strict=True) for row in (str(path), *each.rows(), "")]
        _say(as_json, rows[:-1], {"plans": objects})


@app.command()
def inspect(
    path: Annotated[list[Path], typer.Argument(help="A model's folder, a profile, a plan, or two plans.")],
    as_json: JsonOption = False,
) -> None:
    """Say what a file or a folder is; of two plans, how much they have in common."""
    with _sentences():
        from cadence.factory.actions import compared, looked_at

        if len(path) == 1:
            _say(as_json, *looked_at(path[0]))
        elif len(path) == 2:
            _say(as_json, *compared(*path))
        else:
            _fail(f"expected one path, or two plans, got {len(path)}")


@app.command()
def surgery(
    model: ModelArgument,
    plan: Annotated[Path | None, typer.Option(help="The plan to carry out.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write; it is there whole or not at all.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; say how large the result will be.")
    ] = False,
    keep: Annotated[
        list[int] | None, typer.Option(help="With --dry-run and no plan: numbers of experts to work out.")
    ] = None,
    remote_code: Annotated[str, typer.Option(help="Programs beside the weights: refuse, carry or drop.")] = "refuse",
    as_json: JsonOption = False,
) -> None:
    """Write the model without the experts that the plan drops. Cut short, the same call finishes it."""
    with _sentences():
        from cadence.factory.actions import carried_out, dry_run_of

        if remote_code not in ("refuse", "carry", "drop"):
            _fail(f"--remote-code is refuse, carry or drop, not {remote_code[:40]!r}")
        if dry_run:
            _say(as_json, *dry_run_of(model, plan, keep or []))
            return
        if plan is None or out is None:
            _fail("surgery needs --plan and --out; --dry-run tells sizes without either")
        with _progress("copying", "bytes", as_json) as progress:
            said = carried_out(model, plan, out, remote_code, progress)  # type: ignore[arg-type]
        _say(as_json, *said)


@app.command()
def prove(
    model: ModelArgument,
    compacted: Annotated[Path, typer.Argument(help="Folder that surgery wrote.")],
    plan: Annotated[Path, typer.Option(help="The plan that was carried out.")],
    single: Annotated[bool, typer.Option("--float32", help="Half the memory; float64 proves more.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Load both models, and see that one is the other without the dropped experts. Fails where it is not."""
    with _sentences():
        from cadence.factory.actions import proved

        try:
            holds, lines, found = proved(model, compacted, plan, "float32" if single else "float64")
        except ImportError as missing:
            _fail(f"this needs the extra forge ({missing}): pip install 'cadence-rooms[forge]'")
        _say(as_json, lines, found)
        if not holds:
            _fail("this is not the original without the dropped experts: do not use it")


def _read(path: Path) -> bytes:
    from cadence.factory.profile.corpus import CORPUS_BYTES_MAX

    with path.open("rb") as file:
        data = file.read(CORPUS_BYTES_MAX + 1)
    if len(data) > CORPUS_BYTES_MAX:
        _fail(f"{path} has more than {CORPUS_BYTES_MAX} bytes; split it")
    return data


def _write(path: Path, text: str) -> None:
    from cadence.factory.surgery.copying import durable, write_all

    with durable(path) as to:
        write_all(to, text.encode())


def _part(text: str) -> tuple[int, int]:
    part, slash, of = text.partition("/")
    if not slash or not part.isdecimal() or not of.isdecimal() or len(text) > 20:
        _fail(f"--part is like 1/4, not {text[:40]!r}")
    return int(part), int(of)


def _say(as_json: bool, rows: Sequence[str], read: dict[str, Any]) -> None:
    typer.echo(json.dumps(read) if as_json else "\n".join(rows))


@contextmanager
def _sentences() -> Iterator[None]:
    """Turn what can go wrong into one sentence on stderr."""
    from cadence.factory.plan import PlanError
    from cadence.factory.profile.corpus import CorpusError
    from cadence.factory.profile.sums import ProfileError
    from cadence.models.checkpoint import CheckpointError

    try:
        yield
    except (CheckpointError, CorpusError, PlanError, ProfileError) as error:
        _fail(str(error))
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        _fail(f"{named}{error.strerror or error}")


@contextmanager
def _progress(what: str, unit: str, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr that hears (done, of)."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), TextColumn("{task.percentage:>3.0f}% of {task.fields[of]}"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task(what, of=f"? {unit}", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of, of=f"{of:,} {unit}")


def _fail(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(1)
