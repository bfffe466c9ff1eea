"""Where a server is, as people write it: the address it prints, its websocket, or only host and port.

Pure: text in, addresses out.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

DEFAULT = "http://127.0.0.1:8765"
_SCHEMES = {"http": False, "ws": False, "https": True, "wss": True}


class AddressError(Exception):
    """This is no address of a server; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Address:
    """One server. `ticket` is the one that stood in its address, None if none did."""

    secure: bool
    host: str  # with its port, if it has one
    prefix: str = ""  # of all paths
    ticket: str | None = None

    @property
    def websocket(self) -> str:
        """Where the protocol is spoken."""
        return f"{'wss' if self.secure else 'ws'}://{self.host}{self.prefix}/ws"

    def http(self, path: str) -> str:
        """`path`, which begins with a slash, as a whole URL."""
        return f"{'https' if self.secure else 'http'}://{self.host}{self.prefix}{path}"


def parse_address(text: str) -> Address:
    """The server that `text` names. Raises `AddressError`."""
    whole = text.strip()
    try:
        parts = urlsplit(whole if "://" in whole else f"http://{whole}")
        usable = parts.scheme in _SCHEMES and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:  # of a port or a bracket
        usable = False
    if not usable or any(not char.isprintable() or char.isspace() for char in whole):
        raise AddressError(f"expected the address of a server, like {DEFAULT}, got {whole[:100]!r}")
    prefix = parts.path.rstrip("/").removesuffix("/ws").rstrip("/")
    tickets = parse_qs(parts.fragment).get("ticket")
    return Address(_SCHEMES[parts.scheme], parts.netloc, prefix, tickets[0] if tickets else None)
