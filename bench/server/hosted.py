"""`cadence serve` with the limits on speaking lifted, as none of its peers has any, and without pings.

    python -m bench.server.hosted alex|rooms serve ...     (then the arguments of `cadence`)

`alex` is the whole product. `rooms` leaves Alex out, who learns from every message in the same process whether or not
anybody is mediated: what is left is what the peers do, and a log on disk.
"""

from __future__ import annotations

import sys
from typing import Any

from cadence.rooms import limiter

FREE = 1e9  # a second

if __name__ == "__main__":
    # Before anything imports them by name.
    limits = ("AGENT_MESSAGES_PER_S", "ROOM_MESSAGES_PER_S", "REQUESTS_PER_S", "USER_REQUESTS_PER_S")
    for name in (*limits, "COMPLETIONS_PER_MINUTE"):
        setattr(limiter, name, FREE)
    from cadence import app, cli

    configured = app.server_config

    def without_pings(*arguments: Any) -> Any:
        """The crowd counts bytes and answers nothing."""
        config = configured(*arguments)
        config.ws_ping_interval = None
        return config

    app.server_config = without_pings  # type: ignore[assignment]
    if sys.argv.pop(1) == "rooms":

        def without_alex(step: Any) -> Any:
            def taken(self: app.Service, *arguments: object) -> None:
                step(self, *arguments)
                self.hub.mediation = None

            return taken

        # Each of these gives the hub its mediation, the second where servers share rooms.
        for name in ("__init__", "_share"):
            setattr(app.Service, name, without_alex(getattr(app.Service, name)))
    cli.main()
