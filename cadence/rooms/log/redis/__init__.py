"""The log that several server processes share: `RedisLog`, with the extra `redis`. Importing it needs that extra.

keys       where things lie: one hash tag for each room                                        (pure)
scripts    the atomic steps that Redis itself runs                                             (pure)
link       calls them, and examines every life of Redis before it is trusted
rooms      epochs: what this node remembers against what Redis still has
appends    what is said at the same time goes in one call
speech, readers, forgetting, store        the methods of `Log`
"""

from __future__ import annotations

from cadence.rooms.log.redis.store import RedisLog

__all__ = ["RedisLog"]
