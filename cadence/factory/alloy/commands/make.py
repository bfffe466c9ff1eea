"""Commands that make something: key, sign, fork, card, page. Nothing is overwritten unless `--out` names it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cadence.factory.alloy.commands.output import FileArgument, OutOption, as_json, fail, load_object, write

if TYPE_CHECKING:
    from cadence.factory.alloy.signing import SigningKey

AtOption = Annotated[str | None, typer.Option(help="Moment to write, RFC 3339 (default: now).")]


def key(
    file: Annotated[Path, typer.Argument(help="File for the private key; it must not exist.", show_default=False)],
    owner: Annotated[str, typer.Option(help="Who signs with it.")],
    algorithm: Annotated[str, typer.Option(help="EdDSA or ES256.")] = "EdDSA",
    at: AtOption = None,
) -> None:
    """Make a signing key and print its entry for a registry of keys. A key is good for 90 days."""
    from cadence.factory.alloy.signing import SigningKey

    try:
        made = SigningKey.generate(algorithm)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except ValueError as error:
        fail(str(error))
    except OSError as error:
        fail(f"cannot write {file}: {error.strerror}. Name a file that does not exist yet.")
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(made.to_pem())
    as_json(made.entry(owner, at or _now()))


def sign(
    file: FileArgument,
    keys: Annotated[list[str], typer.Option("--key", help="[ROLE=]KEY.pem; with --stage, one for each role.")],
    stage: Annotated[int | None, typer.Option(help="Attest this stage, counted from 0, instead of sealing.")] = None,
    inputs: Annotated[list[str] | None, typer.Option("--input", help="NAME=FILE that went into the stage.")] = None,
    output: Annotated[Path | None, typer.Option(help="File that the stage put out.")] = None,
    nonce: Annotated[str | None, typer.Option(help="What the verifier drew.")] = None,
    audience: Annotated[str | None, typer.Option(help="The verifier's address, exactly.")] = None,
    at: AtOption = None,
    out: OutOption = None,
) -> None:
    """Seal an alloy, or with --stage attest one stage of its chain. Stages first, in order; the seal last."""
    from cadence.factory.alloy import seal
    from cadence.factory.alloy.canonical import CanonicalError
    from cadence.factory.alloy.chain import ChainError
    from cadence.factory.alloy.roundtrip import render

    document, value = load_object(file)
    signers = dict(_signer(one) for one in keys)
    try:
        if stage is None:
            if len(signers) != 1 or inputs or output:
                fail("expected one --key and neither --input nor --output for a seal. Name --stage to attest one.", 2)
            (sealer,) = signers.values()
            made = seal.seal(value, sealer, at or _now(), nonce=nonce, audience=audience)
        else:
            made = _attested(value, stage, signers, at or _now(), inputs or [], output)
    except (ChainError, CanonicalError, ValueError) as error:
        fail(f"{file}: {error}")
    write(render(made, like=document), out)


def fork(
    file: FileArgument,
    name: Annotated[str, typer.Option(help="Name of the new recipe.")],
    version: Annotated[str, typer.Option(help="Its version.")] = "1.0.0",
    out: OutOption = None,
) -> None:
    """Make a new recipe from an alloy. It names its parent by hash and leaves results and proofs behind."""
    from cadence.factory.alloy.fork import fork as make
    from cadence.factory.alloy.load import check_value
    from cadence.factory.alloy.roundtrip import render

    document, value = load_object(file)
    made = make(value, name=name, version=version)
    _, _, problems = check_value(made)
    errors = [one for one in problems if one.level == "error"]
    if errors:
        fail(f"{file}: the fork would not be valid: {errors[0]}")
    write(render(made, like=document), out)


def card(
    file: FileArgument,
    researcher: Annotated[bool, typer.Option("--researcher", help="How it was made, too.")] = False,
    out: OutOption = None,
) -> None:
    """Write the model card as Markdown. The same alloy always gives the same card."""
    from cadence.factory.alloy.card import card as make
    from cadence.factory.alloy.load import check

    loaded = check(load_object(file)[0])
    if loaded.alloy is None or loaded.errors:
        fail(str(loaded.errors[0]))
    write(make(loaded.alloy, "researcher" if researcher else "user").encode(), out)


def page(out: OutOption = None) -> None:
    """Write the verify page: one HTML file that checks alloys in a browser, without a network."""
    from cadence.factory.alloy.page import page as make

    write(make().encode(), out)


def _attested(
    value: dict[str, Any], stage: int, signers: dict[str, SigningKey], at: str, inputs: list[str], output: Path | None
) -> dict[str, Any]:
    import secrets

    from cadence.factory.alloy import chain, seal

    if seal.is_sealed(value):
        raise ValueError("expected an alloy that is not sealed, this one is, and would not hold. Fork it to go on")
    stages = value.get("stages")
    if not isinstance(stages, list) or not 0 <= stage < len(stages) or not isinstance(stages[stage], dict):
        raise ValueError(f"expected one of its stages, counted from 0, got {stage}. Look at `stages`")
    if "chainId" not in value:
        value = chain.begin(value, secrets.token_bytes(chain.CHAIN_ID_BYTES))
    fed = dict(_input(one) for one in inputs)
    given = _digest(output) if output else stages[stage].get("outputHash")
    return chain.attest(value, stage, signers, at, fed, given)


def _input(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    if not equals:
        fail(f"expected NAME=FILE for --input, got {text}. Name what went in.", 2)
    return name, _digest(Path(path))


def _digest(path: Path) -> str:
    from cadence.factory.alloy.files import digest

    try:
        return f"sha256:{digest(path)}"
    except OSError as error:
        fail(f"cannot read {path}: {error.strerror}. Check the path.")


def _signer(text: str) -> tuple[str, SigningKey]:
    """`ROLE=KEY.pem`, or `KEY.pem` for the role `signer`."""
    from cadence.factory.alloy.signing import SigningKey

    role, equals, path = text.rpartition("=")
    try:
        return role if equals else "signer", SigningKey.from_pem(Path(path).read_bytes())
    except OSError as error:
        fail(f"cannot read {path}: {error.strerror}. Make a key with `cadence alloy key`.")
    except ValueError as error:
        fail(f"{path}: {error}")


def _now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
