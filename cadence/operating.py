"""The commands of those who keep a server: backup, restore, db status, audit, doctor, conform, load."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import typer

DataOption = Annotated[
    Path | None, typer.Option(help="Folder of the log and all the server writes (default: the platform's).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

db = typer.Typer(help="The log's database.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (backup, restore, audit, doctor, conform, load):
        app.command()(command)
    app.add_typer(db, name="db")


def fail(sentence: str) -> NoReturn:
    """End with one sentence and code 1."""
    typer.echo(sentence, err=True)
    raise typer.Exit(1)


def backup(
    file: Annotated[Path, typer.Argument(help="File to write; one that is there is replaced.")], data: DataOption = None
) -> None:
    """Copy the whole log into one file, while a server uses it or not."""
    from cadence.rooms.log import LogError
    from cadence.rooms.log.backup import back_up

    try:
        size = back_up(_log(data), file)
    except LogError as error:
        fail(str(error))
    typer.echo(f"{file}: {size} bytes")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `cadence backup` wrote.", exists=True, dir_okay=False)],
    data: DataOption = None,
) -> None:
    """Put a copy in the place of the log; no server may run. The log that was there is kept beside it."""
    import time

    from cadence.rooms.log import LogError
    from cadence.rooms.log.backup import restore as put_back

    log = _log(data)
    try:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = put_back(file, log, time.time(), time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
    except (LogError, OSError) as error:
        fail(str(error))
    typer.echo(f"{log} is what {file} holds; clients will load their rooms anew.")
    if aside is not None:
        typer.echo(f"What was there is {aside}.")


@db.command("status")
def db_status(
    data: DataOption = None,
    check: Annotated[bool, typer.Option("--check", help="Read all of it and look for damage.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what is in the log: its version, its size, its rooms."""
    from cadence.rooms.log import LogError
    from cadence.rooms.log.backup import status

    log = _log(data)
    try:
        found = status(log, thorough=check)
    except LogError as error:
        fail(str(error))
    if as_json:
        typer.echo(json.dumps({"log": str(log), **asdict(found)}))
    else:
        typer.echo(f"{log}: version {found.version} (this Cadence writes {found.version_here})")
        typer.echo(f"{found.bytes} bytes, write-ahead {found.wal_bytes}" + (", in use" if found.in_use else ""))
        for room in found.rooms:
            typer.echo(f"  {room.room}: {room.head} messages, {room.redacted} taken back, epoch {room.epoch}")
        figures = f"turns {found.turns}, readers {found.readers}, sessions {found.sessions}"
        typer.echo(f"{figures}, host actions {found.host_actions}")
        if check:
            typer.echo("no damage found" if found.sound else "DAMAGED: restore a backup")
    raise typer.Exit(0 if found.sound else 1)


def audit(
    room: Annotated[str, typer.Argument(help="Room whose host actions to list (default: those of no room).")] = "",
    data: DataOption = None,
    limit: Annotated[int, typer.Option(help="At most so many, the newest.", min=1, max=100_000)] = 100,
    as_json: JsonOption = False,
) -> None:
    """List what hosts did in a room, or to the server: when, who, what, whom, until when."""
    from cadence.rooms.log import LogError
    from cadence.rooms.log.backup import audit as read
    from cadence.rooms.log.rows import SANCTIONS
    from cadence.rooms.wire import to_iso

    try:
        lines = read(_log(data), room, limit)
    except LogError as error:
        fail(str(error))
    for number, action in lines:
        at, until = to_iso(action.at), None if action.until is None else to_iso(action.until)
        if as_json:
            typer.echo(json.dumps({"number": number, **asdict(action), "at": at, "until": until}))
        else:
            lasts = action.until is not None or action.what in SANCTIONS
            ends = f" until {until or 'a host ends it'}" if lasts else ""
            typer.echo(f"{at}  {action.by}  {action.what}  {action.whom}{ends}" + f"  {action.note}".rstrip())


def doctor(
    place: Annotated[
        Path | None, typer.Argument(help="Folder with rooms/, personas/, models/ (default: here).")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address the server will listen on (127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port the server will listen on (8765).")] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look over everything `cadence serve` needs, a line each; exit code 1 if something would fail."""
    from cadence.doctor import examine
    from cadence.settings import SettingsError, load

    try:
        findings = examine(load(place=place, host=host, port=port, data=data))
    except SettingsError as error:
        fail(str(error))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        for finding in findings:
            typer.echo(str(finding))
    raise typer.Exit(1 if any(finding.state == "fail" for finding in findings) else 0)


def conform(
    url: Annotated[str, typer.Argument(help="The server: the address it prints, or its websocket.")],
    room: Annotated[str | None, typer.Option(help="Room to speak in (default: the first there is).")] = None,
    token: Annotated[str | None, typer.Option(help="A host's token, for what hosts may do.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Hold any server to the protocol and print a report, rule by rule. It speaks in the room: use one for tests."""
    from cadence.address import AddressError, parse_address
    from cadence.conform.run import RunError
    from cadence.conform.run import conform as judge

    try:
        server = parse_address(url)
        report = judge(server.websocket, server.http(""), room, token)
    except (AddressError, RunError, OSError) as error:
        fail(str(error))
    typer.echo(json.dumps(report.as_dict(), ensure_ascii=False) if as_json else str(report))
    raise typer.Exit(0 if report.conforms else 1)


def load(
    url: Annotated[str, typer.Argument(help="The server: the address it prints, or its websocket.")],
    room: Annotated[str, typer.Option(help="Room to fill; use one where nobody minds.")],
    receivers: Annotated[int, typer.Option(help="Agents who listen.", min=1, max=10_000)] = 50,
    senders: Annotated[int, typer.Option(help="Agents who speak.", min=1, max=1_000)] = 5,
    rate: Annotated[float, typer.Option(help="Messages a second, of all senders together.", min=0.01)] = 20.0,
    size: Annotated[int, typer.Option(help="Bytes of each text.", min=1, max=60_000)] = 200,
    seconds: Annotated[float, typer.Option("--for", help="How long to speak, in seconds.", min=0.1)] = 10.0,
    token: Annotated[str | None, typer.Option(help="What the server asks of guests, if it does.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Put a load on a server and print latencies and losses; exit code 1 if anything was lost, refused or cut off."""
    import asyncio
    import secrets

    from cadence.address import AddressError, parse_address
    from cadence.duplex import Duplex, WebSocketDuplex
    from cadence.load import LoadError, Plan
    from cadence.load import load as put

    try:
        server = parse_address(url).websocket

        async def dial() -> Duplex:
            return await WebSocketDuplex.open(server)

        plan = Plan(room, receivers, senders, rate, size, seconds)
        report = asyncio.run(put(plan, dial, run=secrets.token_hex(3), token=token))
    except (AddressError, LoadError, OSError) as error:
        fail(str(error))
    typer.echo(json.dumps(report.as_dict()) if as_json else str(report))
    raise typer.Exit(0 if report.clean else 1)


def _log(data: Path | None) -> Path:
    """The log in the data folder of the settings."""
    from cadence.settings import SettingsError, load

    try:
        return load(data=data).data / "log.db"
    except SettingsError as error:
        fail(str(error))
