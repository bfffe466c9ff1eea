"""What Redis itself runs: each script is one atomic step on the keys of one room.

Pure: texts, and the names of their arguments. Every script begins with a nonce. Redis forgets its scripts when it
restarts, so a script that is still known proves that the process which answers is the one that was examined when
the scripts were loaded (see `incarnation`); no call can reach a Redis of which that has not been done.

Keys of a room, after its prefix:

    meta       hash: epoch, salt, head, last_at (ms), n (entries ever fed), run and fsync (at the last proof)
    messages   hash: seq -> "SEQ:AT_MS:BODY"; a redaction replaces the body and nothing remains of it
    said       hash: (user, id) -> fingerprint and seq, which is what makes saying idempotent
    spoke      set of users; named:U: seqs of what names them
    feed       stream, the newest: what every node must hear, numbered without gaps by n; messages said at once share an
               entry, a line each, which bears the number of its last
    gone       zset of redacted seqs; unfinished: set of those whose citing turns are not all emptied yet
    cited      zset: seq -> (room, user, turn) of the turns that cite it
    elsewhere  set: redacted (seq, room) of other rooms, cited by turns of this one
    readers closed open turns:U raw:U postponed:U lease    what is kept of readers
    nodes spans actions held here                          the pyramid, the audit log, who is here by node
"""

from __future__ import annotations

from hashlib import sha1

from cadence.rooms.log.redis import forgetting_scripts

FEED_ENTRIES_MAX = 2_500  # of a room, beyond which a node that lags reads the log instead
FEED_BYTES = 4_096  # of messages said at once, beyond which they fill more than one entry
PAGE_FIELDS_MAX = 500  # fetched in one command of a script

_PRELUDE = """
local function k(name) return KEYS[1] .. name end
local function feed(n, epoch, kind, value)
  redis.call('XADD', k'feed', 'MAXLEN', '~', $FEED, '*', 'n', n, 'e', epoch, 'k', kind, 'v', value)
end
local function publish(kind, value)
  local n = redis.call('HINCRBY', k'meta', 'n', 1)
  feed(n, redis.call('HGET', k'meta', 'epoch') or '', kind, value)
end
local function fenced(user, token)
  if token == '' then return false end
  local lease = redis.call('HGET', k'lease', user)
  return not lease or string.match(lease, '^%d+') ~= token
end
""".replace("$FEED", str(FEED_ENTRIES_MAX))

# run, whether every write is on disk before it is answered, a new epoch, a salt, and what this node remembers of
# the room: epoch, seq and (user, id) of the last message it knows to be acknowledged.
ENTER = """
local found = redis.call('HMGET', k'meta', 'epoch', 'run', 'fsync', 'head')
local epoch, proven = found[1], true
if not epoch then
  epoch = ARGV[3]
  redis.call('HSET', k'meta', 'epoch', epoch, 'salt', ARGV[4], 'head', 0, 'last_at', 0)
else
  proven = found[2] == ARGV[1] or (found[3] == '1' and ARGV[2] == '1')
  if proven and ARGV[5] == epoch and ARGV[6] ~= '0' then
    local said = redis.call('HGET', k'said', ARGV[7])
    proven = tonumber(ARGV[6]) <= tonumber(found[4]) and said and string.sub(said, 65) == ARGV[6]
  end
end
redis.call('HSET', k'meta', 'run', ARGV[1], 'fsync', ARGV[2])
if not proven then
  epoch = ARGV[3]
  redis.call('HSET', k'meta', 'epoch', epoch)
  publish('epoch', epoch)
end
return redis.call('HMGET', k'meta', 'epoch', 'head', 'salt')
"""

# Drafts as msgpack, texts only, as its reader in Redis knows no binary: (user, id), fingerprint, at in ms, body, user,
# whom it names. Answers the epoch, then one string for each. A command costs more than a field: each is given all.
APPEND = """
local found = redis.call('HMGET', k'meta', 'epoch', 'head', 'last_at', 'n')
if not found[1] then return redis.error_reply('NOROOM') end
local epoch, head, last, n = found[1], tonumber(found[2]), tonumber(found[3]), tonumber(found[4] or 0)
local drafts, pairs = cmsgpack.unpack(ARGV[1]), {}
for i, draft in ipairs(drafts) do pairs[i] = draft[1] end
local said = redis.call('HMGET', k'said', unpack(pairs))
local answers, now, values, marks, users, speaks = {epoch}, {}, {}, {}, {}, {}
for i, draft in ipairs(drafts) do
  local mark = said[i] or now[draft[1]]
  if not mark then
    head = head + 1
    if draft[3] > last then last = draft[3] end
    local place = string.format('%.0f:%.0f:', head, last)
    now[draft[1]] = draft[2] .. string.format('%.0f', head)
    values[#values + 1], values[#values + 2] = head, place .. draft[4]
    marks[#marks + 1], marks[#marks + 2] = draft[1], now[draft[1]]
    for _, user in ipairs(draft[6]) do redis.call('SADD', k('named:' .. user), head) end
    if not speaks[draft[5]] then users[#users + 1], speaks[draft[5]] = draft[5], true end
    answers[i + 1] = '+' .. place
  elseif string.sub(mark, 1, 64) == draft[2] then
    local seq = tonumber(string.sub(mark, 65))
    local new = seq - tonumber(found[2])
    answers[i + 1] = '=' .. (new > 0 and values[2 * new] or redis.call('HGET', k'messages', seq))
  else
    answers[i + 1] = '-'
  end
end
if #values == 0 then return answers end
redis.call('HSET', k'messages', unpack(values))
redis.call('HSET', k'said', unpack(marks))
redis.call('SADD', k'spoke', unpack(users))
local first, size = 2, 0
for i = 2, #values, 2 do
  size = size + string.len(values[i])
  if size >= $BYTES or i == #values then
    local told = {}
    for at = first, i, 2 do told[#told + 1] = values[at] end
    n, first, size = n + #told, i + 2, 0
    feed(n, epoch, 'message', table.concat(told, '\\n'))
  end
end
redis.call('HSET', k'meta', 'head', head, 'last_at', string.format('%.0f', last), 'n', n)
return answers
""".replace("$BYTES", str(FEED_BYTES))

# after or '', before or '', limit.
PAGE = """
local found = redis.call('HMGET', k'meta', 'epoch', 'head')
local answers = {found[1] or ''}
local low, high, limit = tonumber(ARGV[1]) or 0, tonumber(found[2] or 0), tonumber(ARGV[3])
if low < 0 then low = 0 end
if ARGV[2] ~= '' and tonumber(ARGV[2]) - 1 < high then high = tonumber(ARGV[2]) - 1 end
if ARGV[1] ~= '' then high = math.min(high, low + limit) else low = math.max(low, high - limit) end
for from = low + 1, high, $PAGE do
  local seqs = {}
  for seq = from, math.min(high, from + $PAGE - 1) do seqs[#seqs + 1] = seq end
  for _, value in ipairs(redis.call('HMGET', k'messages', unpack(seqs))) do answers[#answers + 1] = value end
end
return answers
""".replace("$PAGE", str(PAGE_FIELDS_MAX))

# Seqs. Those that are not there are left out.
AT = """
local answers = {redis.call('HGET', k'meta', 'epoch') or ''}
for _, seq in ipairs(ARGV) do
  local value = redis.call('HGET', k'messages', seq)
  if value then answers[#answers + 1] = value end
end
return answers
"""

# Of each message: seq, the erased body. Answers how many were erased now and which, then every turn that cites any.
REDACT = """
local answers = {0}
for i = 1, #ARGV, 2 do
  local value = redis.call('HGET', k'messages', ARGV[i])
  if value and not redis.call('ZSCORE', k'gone', ARGV[i]) then
    redis.call('HSET', k'messages', ARGV[i], string.match(value, '^%d+:%-?%d+:') .. ARGV[i + 1])
    redis.call('ZADD', k'gone', ARGV[i], ARGV[i])
    redis.call('SADD', k'unfinished', ARGV[i])
    answers[#answers + 1] = ARGV[i]
  end
end
local fresh = #answers - 1
answers[1] = fresh
if fresh > 0 then
  local spans = redis.call('HGETALL', k'spans')
  for i = 1, #spans, 2 do
    local first, last = string.match(spans[i + 1], '(%d+)-(%d+)')
    for at = 2, fresh + 1 do
      local seq = tonumber(answers[at])
      if tonumber(first) <= seq and seq <= tonumber(last) then
        redis.call('HDEL', k'nodes', spans[i])
        redis.call('HDEL', k'spans', spans[i])
        break
      end
    end
  end
  redis.call('XTRIM', k'feed', 'MAXLEN', 0) -- the texts were in it too
  publish('redacted', table.concat(answers, ' ', 2))
end
for i = 1, #ARGV, 2 do
  for _, citing in ipairs(redis.call('ZRANGEBYSCORE', k'cited', ARGV[i], ARGV[i])) do answers[#answers + 1] = citing end
end
return answers
"""

# seqs: every turn that cites them is emptied.
FINISHED = "return redis.call('SREM', k'unfinished', unpack(ARGV))"
UNFINISHED = "return redis.call('SMEMBERS', k'unfinished')"
GONE = "return redis.call('ZRANGEBYSCORE', k'gone', ARGV[1], ARGV[2])"

# What cites as msgpack, [seq, (seq, room, user, turn)] each. Answers the seqs that are redacted.
CITE = """
local gone = {}
for _, one in ipairs(cmsgpack.unpack(ARGV[1])) do
  redis.call('ZADD', k'cited', one[1], one[2])
  if redis.call('ZSCORE', k'gone', one[1]) then gone[#gone + 1] = one[1] end
end
return gone
"""

# user, expected record, new record, node, turn, body, fence, then as msgpack: seqs and (seq, room) that it cites and
# of which nobody has said yet that they are redacted, and what cites them.
TURN = """
if not redis.call('HGET', k'meta', 'epoch') then return redis.error_reply('NOROOM') end
if fenced(ARGV[1], ARGV[7]) then return redis.error_reply('FENCED') end
local turns, cites = 'turns:' .. ARGV[1], cmsgpack.unpack(ARGV[8])
local there = redis.call('ZRANGEBYSCORE', k(turns), ARGV[5], ARGV[5])
if there[1] then return {there[1] == ARGV[6] and 'same' or 'used'} end
if (redis.call('HGET', k'readers', ARGV[1]) or '') ~= ARGV[2] then return {'moved'} end
local gone = {'gone'}
for _, seq in ipairs(cites[1]) do
  if redis.call('ZSCORE', k'gone', seq) then gone[#gone + 1] = 'here:' .. seq end
end
for _, one in ipairs(cites[2]) do
  if redis.call('SISMEMBER', k'elsewhere', one) == 1 then gone[#gone + 1] = 'there:' .. one end
end
if #gone > 1 then return gone end
for _, one in ipairs(cites[3]) do redis.call('ZADD', k'cited', one[1], one[2]) end
redis.call('ZADD', k(turns), ARGV[5], ARGV[6])
redis.call('HSET', k'readers', ARGV[1], ARGV[3])
if not redis.call('HGET', k'closed', ARGV[1]) then redis.call('HSET', k'open', ARGV[1], ARGV[4]) end
return {'kept'}
"""

# user, turn, the body that is there, the body that shall be, (seq, room) that was redacted in another room or ''.
AMEND = """
if ARGV[5] ~= '' then redis.call('SADD', k'elsewhere', ARGV[5]) end
if ARGV[3] == '' then return 1 end
local turns = k('turns:' .. ARGV[1])
if redis.call('ZREM', turns, ARGV[3]) == 0 then return 0 end
redis.call('ZADD', turns, ARGV[2], ARGV[4])
return 1
"""

# user, record, closed_at or '', node, fence.
READER = """
if fenced(ARGV[1], ARGV[5]) then return redis.error_reply('FENCED') end
redis.call('HSET', k'readers', ARGV[1], ARGV[2])
if ARGV[3] == '' then
  redis.call('HDEL', k'closed', ARGV[1])
  redis.call('HSET', k'open', ARGV[1], ARGV[4])
else
  redis.call('HSET', k'closed', ARGV[1], ARGV[3])
  redis.call('HDEL', k'open', ARGV[1])
end
return 1
"""

# user, fields of a reader; user, lowest and highest turn, limit or -1, or the reverse; user, turns.
READ_READER = """
return {redis.call('HGET', k'readers', ARGV[1]), redis.call('HGET', k'closed', ARGV[1])}
"""
TURNS = """
local order = ARGV[5] == 'up' and 'ZRANGEBYSCORE' or 'ZREVRANGEBYSCORE'
return redis.call(order, k('turns:' .. ARGV[1]), ARGV[2], ARGV[3], 'LIMIT', 0, ARGV[4])
"""
TURNS_AT = """
local found = {}
for i = 2, #ARGV do
  for _, body in ipairs(redis.call('ZRANGEBYSCORE', k('turns:' .. ARGV[1]), ARGV[i], ARGV[i])) do
    found[#found + 1] = body
  end
end
return found
"""

# Which set of a user (raw or postponed), fence, then score and member of each; or the least score asked for.
KEEP = """
if fenced(ARGV[2], ARGV[3]) then return redis.error_reply('FENCED') end
for i = 4, #ARGV, 2 do redis.call('ZADD', k(ARGV[1] .. ':' .. ARGV[2]), ARGV[i], ARGV[i + 1]) end
return 1
"""
KEPT = "return redis.call('ZRANGEBYSCORE', k(ARGV[1] .. ':' .. ARGV[2]), ARGV[3], '+inf')"

READ_NODES = "return redis.call('HVALS', k'nodes')"

# before or '', limit; user.
ACTIONS = """
local size = redis.call('LLEN', k'actions')
local last = size
if ARGV[1] ~= '' then last = math.min(size, tonumber(ARGV[1]) - 1) end
local first = math.max(1, last - tonumber(ARGV[2]) + 1)
if last < first then return {first} end
local found = redis.call('LRANGE', k'actions', first - 1, last - 1)
table.insert(found, 1, first)
return found
"""
HELD = "return redis.call('HVALS', k'held')"
KNOWS = """
return redis.call('SISMEMBER', k'spoke', ARGV[1]) + redis.call('HEXISTS', k'readers', ARGV[1])
"""

# Of the house: kind and name of a small record, and what it says, if it is not to be dropped; kind.
PUT = """
if ARGV[3] then return redis.call('HSET', k('kept:' .. ARGV[1]), ARGV[2], ARGV[3]) end
return redis.call('HDEL', k('kept:' .. ARGV[1]), ARGV[2])
"""
RECORDS = "return redis.call('HGETALL', k('kept:' .. ARGV[1]))"

# key, or the time after which a session may have closed.
READ_SESSION = """
return {redis.call('HGET', k'sessions', ARGV[1]), redis.call('ZSCORE', k'closed', ARGV[1])}
"""
SESSIONS_OPEN = """
local found = {}
for _, key in ipairs(redis.call('ZRANGEBYSCORE', k'closed', '(' .. ARGV[1], '+inf')) do
  found[#found + 1] = redis.call('HGET', k'sessions', key)
  found[#found + 1] = redis.call('ZSCORE', k'closed', key)
end
return found
"""

# As msgpack: names to drop, and [name, first, last, gone, body] to keep.
NODES = """
local given = cmsgpack.unpack(ARGV[1])
for _, name in ipairs(given[1]) do
  redis.call('HDEL', k'nodes', name)
  redis.call('HDEL', k'spans', name)
end
for _, one in ipairs(given[2]) do
  if redis.call('ZCOUNT', k'gone', one[2], one[3]) <= one[4] then
    redis.call('HSET', k'nodes', one[1], one[5])
    redis.call('HSET', k'spans', one[1], string.format('%.0f-%.0f', one[2], one[3]))
  end
end
return 1
"""

# The action as JSON, and (what, whom) if it holds from now on.
RECORD = """
local number = redis.call('RPUSH', k'actions', ARGV[1])
if ARGV[2] ~= '' then redis.call('HSET', k'held', ARGV[2], string.format('%.0f:', number) .. ARGV[1]) end
publish('action', ARGV[1])
return number
"""

# kind and value of something that every node must hear; of presence also the node, whether it is all that is there,
# how many have left, who they are, then who is there and how.
PUBLISH = """
if ARGV[1] == 'here' then
  if ARGV[4] == '1' then
    local own = string.format('%d:', string.len(ARGV[3])) .. ARGV[3]
    for _, field in ipairs(redis.call('HKEYS', k'here')) do
      if string.sub(field, 1, string.len(own)) == own then redis.call('HDEL', k'here', field) end
    end
  end
  local left = tonumber(ARGV[5])
  for i = 6, 5 + left do redis.call('HDEL', k'here', ARGV[i]) end
  for i = 6 + left, #ARGV, 2 do redis.call('HSET', k'here', ARGV[i], ARGV[i + 1]) end
end
publish(ARGV[1], ARGV[2])
return 1
"""
READ_HERE = "return redis.call('HGETALL', k'here')"

# user, node, whether to take it from a node that lives, the nodes that do as msgpack. Answers the new token, or 0.
TAKE = """
local lease = redis.call('HGET', k'lease', ARGV[1])
local token = 1
if lease then
  local last, holder = string.match(lease, '^(%d+) (.*)$')
  token = tonumber(last) + 1
  if ARGV[3] == '0' and holder ~= ARGV[2] then
    for _, node in ipairs(cmsgpack.unpack(ARGV[4])) do
      if node == holder then return 0 end
    end
  end
end
redis.call('HSET', k'lease', ARGV[1], string.format('%.0f ', token) .. ARGV[2])
publish('lease', string.format('%.0f ', token) .. ARGV[2] .. ' ' .. ARGV[1])
return token
"""

LEASES = "return redis.call('HGETALL', k'lease')"

# user, token.
DROP_LEASE = """
local lease = redis.call('HGET', k'lease', ARGV[1])
if not lease or string.match(lease, '^%d+') ~= ARGV[2] then return 0 end
local free = string.format('%.0f ', ARGV[2] + 1)
redis.call('HSET', k'lease', ARGV[1], free)
publish('lease', free .. ' ' .. ARGV[1])
return 1
"""

# Where the feed stands: the id of its last entry, and n, epoch, head.
STAND = """
local last = redis.call('XREVRANGE', k'feed', '+', '-', 'COUNT', 1)
local found = redis.call('HMGET', k'meta', 'n', 'epoch', 'head')
return {last[1] and last[1][1] or '0-0', found[1] or '0', found[2] or '', found[3] or '0'}
"""

# The nodes that live as msgpack, and the time: whoever was open on another is closed now, and is there no more.
SWEEP = """
local living = {}
for _, node in ipairs(cmsgpack.unpack(ARGV[1])) do living[node] = true end
local open = redis.call('HGETALL', k'open')
for i = 1, #open, 2 do
  if not living[open[i + 1]] then
    redis.call('HSET', k'closed', open[i], ARGV[2])
    redis.call('HDEL', k'open', open[i])
  end
end
for _, field in ipairs(redis.call('HKEYS', k'here')) do
  local size, rest = string.match(field, '^(%d+):(.*)$')
  if not living[string.sub(rest, 1, size)] then redis.call('HDEL', k'here', field) end
end
return 1
"""

# key, session, closed_at or '', node, user, name key, now, seconds a closed session keeps its name. Names are unique.
SESSION = """
local holder = redis.call('HGET', k'names', ARGV[6])
if holder then
  local free_at, user = string.match(holder, '^(%S+) (.*)$')
  if user ~= ARGV[5] and tonumber(free_at) > tonumber(ARGV[7]) then return {'taken'} end
end
redis.call('HSET', k'sessions', ARGV[1], ARGV[2])
redis.call('HSET', k'named', ARGV[1], ARGV[6])
if ARGV[3] == '' then
  redis.call('ZADD', k'closed', '+inf', ARGV[1])
  redis.call('HSET', k'open', ARGV[1], ARGV[4])
  redis.call('HSET', k'names', ARGV[6], 'inf ' .. ARGV[5])
else
  redis.call('ZADD', k'closed', ARGV[3], ARGV[1])
  redis.call('HDEL', k'open', ARGV[1])
  redis.call('HSET', k'names', ARGV[6], string.format('%.3f ', ARGV[3] + ARGV[8]) .. ARGV[5])
end
return {'kept'}
"""

# Of the house: the nodes that live as msgpack, the time, seconds a closed session keeps its name.
SWEEP_SESSIONS = """
local living = {}
for _, node in ipairs(cmsgpack.unpack(ARGV[1])) do living[node] = true end
local open = redis.call('HGETALL', k'open')
for i = 1, #open, 2 do
  if not living[open[i + 1]] then
    redis.call('ZADD', k'closed', ARGV[2], open[i])
    redis.call('HDEL', k'open', open[i])
    local name = redis.call('HGET', k'named', open[i])
    local holder = name and redis.call('HGET', k'names', name)
    if holder then
      redis.call('HSET', k'names', name, string.format('%.3f', ARGV[2] + ARGV[3]) .. string.match(holder, '^%S+( .*)$'))
    end
  end
end
return 1
"""

# node, seconds that a node is believed to live, its clock, whether it goes on. Answers the furthest of all clocks,
# whether the node was believed to live, then all that live. A step of Redis's time in which nobody can be said to have
# been silent (its clock was set, or it hung itself) counts for nothing.
BEAT = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
local known, kept = redis.call('ZSCORE', k'nodes', ARGV[1]), redis.call('HMGET', k'time', 'at', 'lead')
local own = ARGV[3] - now
local step, lead = now - tonumber(kept[1] or now), tonumber(kept[2] or own)
if step < 0 or step > tonumber(ARGV[2]) then
  if step < 0 or known then
    for _, node in ipairs(redis.call('ZRANGE', k'nodes', 0, -1)) do redis.call('ZINCRBY', k'nodes', step, node) end
  end
  lead = lead - step
end
lead = math.max(lead, own)
redis.call('HSET', k'time', 'at', string.format('%.6f', now), 'lead', string.format('%.6f', lead))
redis.call('ZREMRANGEBYSCORE', k'nodes', '-inf', now)
known = redis.call('ZSCORE', k'nodes', ARGV[1])
redis.call('ZREM', k'nodes', ARGV[1])
if ARGV[4] == '1' then redis.call('ZADD', k'nodes', now + ARGV[2], ARGV[1]) end
local answers = redis.call('ZRANGE', k'nodes', 0, -1)
table.insert(answers, 1, known and '1' or '0')
table.insert(answers, 1, string.format('%.6f', now + lead))
return answers
"""

_MODULES = (globals(), vars(forgetting_scripts))
ALL = {
    name.lower(): text
    for module in _MODULES
    for name, text in list(module.items())
    if name.isupper() and isinstance(text, str)
}


def texts(nonce: str) -> dict[str, str]:
    """Every script by name, as it is loaded under `nonce`."""
    return {name: f"-- {nonce}\n{_PRELUDE}{body}" for name, body in ALL.items()}


def digests(nonce: str) -> dict[str, str]:
    """The name under which Redis knows each script."""
    return {name: sha1(text.encode()).hexdigest() for name, text in texts(nonce).items()}
