"""The commands of hosts: token, room, forget. Each asks the running server over HTTP, with the host's token."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from cadence.operating import DataOption, JsonOption, fail

token = typer.Typer(help="Tokens of single persons and agents.", no_args_is_help=True)
room = typer.Typer(help="Rooms that are made here, without a file; who may read a room.", no_args_is_help=True)

URL = "http://127.0.0.1:8765"
FORGET_SECONDS_MAX = 3600.0
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}

UrlOption = Annotated[str, typer.Option(help="The server: the address it prints.")]
AsOption = Annotated[
    str | None, typer.Option("--token", help="A host's token (default: that of the data folder).", show_default=False)
]
RoleOption = Annotated[str, typer.Option(help="host, member or guest.")]
KindOption = Annotated[str, typer.Option(help="human or agent.")]
ExpiresOption = Annotated[str | None, typer.Option("--expires", help="After so long: 90m, 12h, 30d (default: never).")]
RoomArgument = Annotated[str, typer.Argument(help="The room's id.")]
KeepOption = Annotated[
    float | None, typer.Option("--keep-days", help="Erase what was said longer ago; 0 keeps everything.")
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(token, name="token")
    app.add_typer(room, name="room")
    app.command()(forget)


@token.command("create")
def token_create(
    name: Annotated[str, typer.Argument(help="Whom it is for, as others will see them.")],
    role: RoleOption = "member",
    kind: KindOption = "human",
    expires: ExpiresOption = None,
    url: UrlOption = URL,
    host: AsOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token and print it, this once: the server keeps only its hash."""
    asked = {"name": name, "role": role, "kind": kind, "expires_in_s": seconds(expires)}
    made = _ask(url, host, data, "POST", ["tokens"], asked)
    if as_json:
        typer.echo(json.dumps(made))
    else:
        typer.echo(
            f"{made['user']} is {made['name']}, {made['role']} ({made['kind']}), token {made['id']}{_until(made)}"
        )
        typer.echo(_link(url, made["token"]))


@token.command("list")
def token_list(
    url: UrlOption = URL, host: AsOption = None, data: DataOption = None, as_json: JsonOption = False
) -> None:
    """List the valid tokens, without their secrets."""
    found = _ask(url, host, data, "GET", ["tokens"])
    if as_json:
        typer.echo(json.dumps(found))
    for one in [] if as_json else found:
        typer.echo(f"{one['id']}  {one['user']}  {one['role']} ({one['kind']})  by {one['made_by']}{_until(one)}")


@token.command("revoke")
def token_revoke(
    id: Annotated[str, typer.Argument(help="The token's id, as `cadence token list` has it.")],
    url: UrlOption = URL,
    host: AsOption = None,
    data: DataOption = None,
) -> None:
    """End a token at once; who has no other is disconnected."""
    _ask(url, host, data, "DELETE", ["tokens", id])
    typer.echo(f"{id} is revoked.")


@room.command("make")
def room_make(
    name: RoomArgument,
    title: Annotated[str, typer.Option(help="What it is called.")],
    private: Annotated[bool, typer.Option("--private", help="Only for hosts and who is invited.")] = False,
    keep_days: KeepOption = None,
    pod: Annotated[list[str] | None, typer.Option(help="A pod of the room; may be given again.")] = None,
    scope: Annotated[str, typer.Option(help="Where it lies: north/house-2.")] = "",
    url: UrlOption = URL,
    host: AsOption = None,
    data: DataOption = None,
) -> None:
    """Make a room in the running server; it is there again after a restart."""
    asked = {"room": name, "title": title, "public": not private, "pods": pod or [], "scope": scope}
    made = _ask(url, host, data, "POST", ["rooms"], {**asked, "keep_days": keep_days or None})
    typer.echo(f"{made['room']} is open: {made['title']}")


@room.command("change")
def room_change(
    name: RoomArgument,
    title: Annotated[str | None, typer.Option(help="What it is called.")] = None,
    private: Annotated[bool | None, typer.Option("--private/--public", help="Who may read it.")] = None,
    keep_days: KeepOption = None,
    url: UrlOption = URL,
    host: AsOption = None,
    data: DataOption = None,
) -> None:
    """Change a room that was made here. One with a file is changed in its file."""
    given = {"title": title, "public": None if private is None else not private}
    asked: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if keep_days is not None:
        asked["keep_days"] = keep_days or None
    changed = _ask(url, host, data, "PATCH", ["rooms", name], asked)
    typer.echo(json.dumps(changed))


@room.command("access")
def room_access(
    name: RoomArgument,
    url: UrlOption = URL,
    host: AsOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say who may read a room, and why."""
    found = _ask(url, host, data, "GET", ["rooms", name, "access"])
    if as_json:
        typer.echo(json.dumps(found))
        return
    typer.echo("everybody whom the server lets in" if found["public"] else "hosts, and:")
    for one in found["readers"]:
        here = ", here now" if one["here"] else "" if one["can_come"] else ", but has no token"
        typer.echo(f"  {one['user']}  {one['name']}  {one['role']}: {one['why']}{here}")


@room.command("invite")
def room_invite(
    name: RoomArgument,
    person: Annotated[str, typer.Argument(help="The name of somebody new, or with --user the id of who is known.")],
    user: Annotated[bool, typer.Option("--user", help="PERSON is the id of somebody known.")] = False,
    role: RoleOption = "guest",
    kind: KindOption = "human",
    expires: ExpiresOption = None,
    url: UrlOption = URL,
    host: AsOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let somebody into a room; somebody new gets a token, printed this once."""
    new = {"name": person, "role": role, "kind": kind, "expires_in_s": seconds(expires)}
    told = _ask(url, host, data, "POST", ["rooms", name, "invitations"], {"user": person} if user else new)
    if as_json:
        typer.echo(json.dumps(told))
        return
    typer.echo(f"{told['user']} ({told['name']}) is invited to {told['room']}")
    if "token" in told:
        typer.echo(_link(url, told["token"]))


@room.command("dismiss")
def room_dismiss(
    name: RoomArgument,
    user: Annotated[str, typer.Argument(help="The id of who was invited.")],
    url: UrlOption = URL,
    host: AsOption = None,
    data: DataOption = None,
) -> None:
    """End an invitation; where the room is private they leave it at once."""
    _ask(url, host, data, "DELETE", ["rooms", name, "invitations", user])
    typer.echo(f"{user} is invited to {name} no longer.")


def forget(
    user: Annotated[str, typer.Argument(help="The user's id.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is of them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    url: UrlOption = URL,
    host: AsOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase what somebody said, wherever it is kept, and put an alias where their name stands. Cannot be undone."""
    if not (dry_run or yes):
        typer.confirm(f"Erase all that {user} ever said here?", abort=True, err=True)
    found = _ask(url, host, data, "POST", ["forget"], {"user": user, "dry_run": dry_run}, FORGET_SECONDS_MAX)
    if as_json:
        typer.echo(json.dumps(found))
        return
    typer.echo(f"{user}: " + ("this is what there is" if dry_run else f"forgotten; {found['alias']} stands there now"))
    for key, says in REPORT.items():
        typer.echo(f"  {found[key]:>8}  {says}")
    for name in found["copies"]:
        typer.echo(
            f"  an older copy of the log is not touched: {name}; delete it when you can, and think of your backups"
        )


REPORT = {
    "messages": "messages they said",
    "erased": "of these with a text to erase",
    "mentions": "messages of others that mention them",
    "cited": "turns and views of others in which they stand",
    "turns": "turns that were made for them",
    "readers": "rooms they read",
    "sessions": "sessions",
    "actions": "lines of the audit log",
    "tokens": "tokens",
    "invitations": "invitations",
}


def seconds(text: str | None) -> float | None:
    """A duration as people write it, `30d`; ends the program if it is none."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    if found is None or float(found[1]) == 0:
        fail(f"expected a duration like 90m, 12h or 30d, got {text[:40]!r}")
    return float(found[1]) * UNITS[found[2]]


def _ask(
    url: str,
    host: str | None,
    data: Path | None,
    method: str,
    steps: list[str],
    body: object = None,
    within_s: float = 60,
) -> Any:
    from cadence.address import AddressError, parse_address
    from cadence.remote import RemoteError, call, host_token, path_of
    from cadence.settings import SettingsError, load

    try:
        secret = host if host is not None else host_token(load(data=data).data)
        return call(parse_address(url), secret, method, path_of(*steps), body, within_s)
    except (AddressError, RemoteError, SettingsError) as error:
        fail(str(error))


def _until(made: dict[str, Any]) -> str:
    return f" until {made['expires_at']}" if made["expires_at"] else ""


def _link(url: str, secret: str) -> str:
    """The address that lets its bearer in; `url` was read before."""
    from cadence.address import parse_address

    return f"  {parse_address(url).http('')}/#ticket={secret}"
