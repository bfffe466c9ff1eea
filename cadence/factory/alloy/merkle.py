"""The hash of a set of files as a Merkle tree, and proofs that one file belongs to it.

    leaf = SHA-256(0x00 || length of name (8 bytes, big-endian) || name (UTF-8) || SHA-256(file))
    node = SHA-256(0x01 || left || right);   an odd last one moves up unpaired

Leaves are in order of their names' bytes. The two first bytes keep a node from being taken for a leaf (RFC 6962,
section 2.1); the name is part of the leaf, so that renaming a file changes the root. A root counts only together with
the number of files, which a proof also needs.

Pure: names and digests in, hashes out.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cadence.factory.alloy.hashes import HashError, digits

FILES_MAX = 2**24  # a proof is then at most 24 hashes long


@dataclass(frozen=True, slots=True)
class Proof:
    """What leads from one file to the root: its position, the number of all files, the hashes beside the way."""

    index: int
    count: int
    beside: tuple[str, ...]  # 64 hex digits each, from the leaf upwards


def leaf(name: str, digest: str) -> bytes:
    """The leaf of a file with this name and SHA-256; raises `HashError` if that is no hash."""
    plain = digits(digest)
    if plain is None:
        raise HashError(f"expected 64 hex digits for {name[:80]!r}. Hash the file itself")
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        raise HashError(f"expected a name that UTF-8 can hold, got {name[:80]!a}. Rename the file") from None
    return hashlib.sha256(b"\0" + len(encoded).to_bytes(8, "big") + encoded + bytes.fromhex(plain)).digest()


def root(files: Mapping[str, str]) -> str:
    """The root over `files` (name -> SHA-256), as `sha256:...`; raises `HashError` for none, or what is no hash."""
    return f"sha256:{_levels(files)[-1][0].hex()}"


def prove(files: Mapping[str, str], name: str) -> Proof:
    """The proof that the file called `name` is one of `files`; raises `HashError` if it is not."""
    names = _ordered(files)
    if name not in files:
        raise HashError(f"expected one of {len(names)} files, got {name[:80]!r}. Names count, upper and lower case too")
    index = at = names.index(name)
    beside = []
    for level in _levels(files)[:-1]:
        if at ^ 1 < len(level):
            beside.append(level[at ^ 1].hex())
        at //= 2
    return Proof(index, len(names), tuple(beside))


def proves(proof: Proof, name: str, digest: str, expected_root: str, expected_count: int) -> bool:
    """Whether `proof` shows that the file with this name and hash is one of those under the root.

    The root and the count come from the alloy, never from whoever brings the proof.
    """
    if proof.count != expected_count or not 0 <= proof.index < proof.count <= FILES_MAX:
        return False
    wanted = digits(expected_root)
    beside = [digits(one) for one in proof.beside]
    at, width = proof.index, proof.count
    try:
        node = leaf(name, digest)
    except HashError:
        return False
    while width > 1:
        if at ^ 1 < width:
            other = beside.pop(0) if beside else None
            if other is None:
                return False
            node = _node(bytes.fromhex(other), node) if at & 1 else _node(node, bytes.fromhex(other))
        at, width = at // 2, (width + 1) // 2
    return not beside and wanted is not None and hmac.compare_digest(node.hex(), wanted)


def _ordered(files: Mapping[str, str]) -> list[str]:
    if not 0 < len(files) <= FILES_MAX:
        raise HashError(f"expected 1 to {FILES_MAX} files, got {len(files)}. A set without files has no root")
    return sorted(files)  # by code points, which is the order of their UTF-8 bytes


def _levels(files: Mapping[str, str]) -> list[Sequence[bytes]]:
    level: Sequence[bytes] = [leaf(name, files[name]) for name in _ordered(files)]
    levels = [level]
    while len(level) > 1:
        pairs = [_node(*level[i : i + 2]) if i + 1 < len(level) else level[i] for i in range(0, len(level), 2)]
        levels.append(level := pairs)
    return levels


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()
