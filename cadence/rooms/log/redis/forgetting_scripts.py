"""The atomic steps of forgetting somebody, as Redis runs them.

Pure: texts, and the names of their arguments. See `scripts` for the keys, and for how these are loaded.
"""

from __future__ import annotations

# Forgetting. Of the house: a room; all rooms; all sessions; key and user of one that goes.
LIST_ROOM = "return redis.call('SADD', k'rooms', ARGV[1])"
ROOMS = "return redis.call('SMEMBERS', k'rooms')"
ALL_SESSIONS = "return redis.call('HGETALL', k'sessions')"
DROP_SESSION = """
local name = redis.call('HGET', k'named', ARGV[1])
local holder = name and redis.call('HGET', k'names', name)
if holder and string.match(holder, '^%S+ (.*)$') == ARGV[2] then redis.call('HDEL', k'names', name) end
redis.call('ZREM', k'closed', ARGV[1])
for _, what in ipairs({'sessions', 'named', 'open'}) do redis.call('HDEL', k(what), ARGV[1]) end
return 1
"""

# Cursor, pattern of (user, id), fields to look at, whether those that are erased count. Answers the next cursor, then
# seqs.
SAID_BY = """
local found = redis.call('HSCAN', k'said', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])
local answers = {found[1]}
for i = 2, #found[2], 2 do
  local seq = string.sub(found[2][i], 65)
  if ARGV[4] == '1' or not redis.call('ZSCORE', k'gone', seq) then answers[#answers + 1] = seq end
end
return answers
"""

# user; user; seqs.
NAMING = "return redis.call('SMEMBERS', k('named:' .. ARGV[1]))"
READS = "return {redis.call('ZCARD', k('turns:' .. ARGV[1])), redis.call('HEXISTS', k'readers', ARGV[1])}"
CITING = """
local found = {}
for _, seq in ipairs(ARGV) do
  for _, citing in ipairs(redis.call('ZRANGEBYSCORE', k'cited', seq, seq)) do found[#found + 1] = citing end
end
return found
"""
ALL_READERS = "return redis.call('HGETALL', k'readers')"

# What is there and what shall be: number of an action, and (what, whom) if it may hold; user, a reader.
SWAP_ACTION = """
if redis.call('LINDEX', k'actions', ARGV[1] - 1) ~= ARGV[2] then return 0 end
redis.call('LSET', k'actions', ARGV[1] - 1, ARGV[3])
if ARGV[4] ~= '' and redis.call('HGET', k'held', ARGV[4]) == ARGV[1] .. ':' .. ARGV[2] then
  redis.call('HDEL', k'held', ARGV[4])
  redis.call('HSET', k'held', ARGV[5], ARGV[1] .. ':' .. ARGV[3])
end
return 1
"""
SWAP_READER = """
if redis.call('HGET', k'readers', ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', k'readers', ARGV[1], ARGV[3])
return 1
"""

# Of each message: seq, value that is there, body that shall be, (user, id) before and after or '', mark. Answers the
# seqs of those whose value was another.
RENAME = """
local left = {}
for i = 1, #ARGV, 6 do
  if redis.call('HGET', k'messages', ARGV[i]) ~= ARGV[i + 1] then
    left[#left + 1] = ARGV[i]
  else
    redis.call('HSET', k'messages', ARGV[i], string.match(ARGV[i + 1], '^%d+:%-?%d+:') .. ARGV[i + 2])
    if ARGV[i + 3] ~= '' then
      redis.call('HDEL', k'said', ARGV[i + 3])
      redis.call('HSET', k'said', ARGV[i + 4], ARGV[i + 5] .. ARGV[i])
    end
  end
end
return left
"""

# what cites; user.
UNCITE = "return redis.call('ZREM', k'cited', ARGV[1])"
DROP_READER = """
for _, what in ipairs({'turns:', 'raw:', 'postponed:'}) do redis.call('DEL', k(what .. ARGV[1])) end
for _, what in ipairs({'readers', 'closed', 'open', 'lease'}) do redis.call('HDEL', k(what), ARGV[1]) end
return 1
"""

# user, alias: all of them is renamed or gone but that they were here. The feed may still tell of them, so it goes.
FORGOTTEN = """
if redis.call('SREM', k'spoke', ARGV[1]) == 1 then redis.call('SADD', k'spoke', ARGV[2]) end
for _, seq in ipairs(redis.call('SMEMBERS', k('named:' .. ARGV[1]))) do
  redis.call('SADD', k('named:' .. ARGV[2]), seq)
end
redis.call('DEL', k('named:' .. ARGV[1]))
redis.call('XTRIM', k'feed', 'MAXLEN', 0)
return 1
"""
