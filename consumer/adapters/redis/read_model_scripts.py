"""The Lua of a read model, each script one step that is safe to take twice.

A script checks all before its first write, and nothing that it does after that can fail: Redis undoes
nothing. The first write is of a kind that Redis refuses when its memory is full; what is written after it
runs through. Who gives a script keys puts `Keys.never` first. What it is given is one argument in
MessagePack: to send each value as an argument of its own took the client twice as long.
The first word of a reply says how it went.
"""

from __future__ import annotations

from consumer.adapters.redis.scripts import Script

#: What a seal is read from, in this order.
SEAL_FIELDS = ("schema", "epoch", "token", "log_id", "log_partitions", "offset")

#: What stands in hashes. KEYS are theirs, ARGV the fields. -> a list for each key
LOAD = Script(
    """
local found = {}
for i = 1, #KEYS do
  found[i] = redis.call('HMGET', KEYS[i], unpack(ARGV))
end
return found
"""
)

_SEALS = f"""
local SEAL_FIELDS = {{{", ".join(f"'{name}'" for name in SEAL_FIELDS)}}}
local function stands(key, fields)
  local now = redis.call('HMGET', key, unpack(SEAL_FIELDS))
  for i = 1, #SEAL_FIELDS do
    if (now[i] or '') ~= fields[i] then
      return false
    end
  end
  return true
end
local function put_seal(key, fields)
  for i = 1, #SEAL_FIELDS do
    if fields[i] ~= '' then
      redis.call('HSET', key, SEAL_FIELDS[i], fields[i])
    else
      redis.call('HDEL', key, SEAL_FIELDS[i])
    end
  end
end
"""

#: Puts a seal in place of the one that was read. never, the seal, the projection's partitions, its reset;
#: the partition, the fields before, after ("" where there is none) -> put | changed | resetting
SWAP = Script(
    _SEALS
    + """
local partition, before, after = unpack(cmsgpack.unpack(ARGV[1]))
if redis.call('HGET', KEYS[4], 'state') == 'clearing' then
  return {'resetting'}
end
if not stands(KEYS[2], before) then
  return {'changed'}
end
redis.call('SADD', KEYS[3], partition)
put_seal(KEYS[2], after)
return {'put'}
"""
)

#: Rows are named by where their keys stand among KEYS. loaded: tables of {name, columns, rows of {at, a value
#: for each column, false where none}}; added: keys that nobody may have. -> conflict, table | taken, table
_UNCHANGED = """
local loaded, added, gone, written = unpack(plan.rows)
for _, each in ipairs(loaded) do
  local table_name, columns, rows = unpack(each)
  for _, row in ipairs(rows) do
    local now = redis.call('HMGET', KEYS[row[1]], unpack(columns))
    for i = 1, #columns do
      if now[i] ~= row[i + 1] then
        return {'conflict', table_name}
      end
    end
  end
end
for _, each in ipairs(added) do
  if redis.call('EXISTS', KEYS[each[1]]) == 1 then
    return {'taken', each[2]}
  end
end
"""

#: gone: keys; written: rows of {at, and what HSET takes}, each in place of whatever is there.
_WRITE_ROWS = """
for _, at in ipairs(gone) do
  redis.call('UNLINK', KEYS[at])
end
for _, row in ipairs(written) do
  local key = KEYS[row[1]]
  redis.call('DEL', key)
  redis.call('HSET', key, unpack(row, 2))
end
"""

#: A transaction. never; the seals of the fences in their order, or the hash for what has none; the rows.
#: fences: {epoch, expected, offset}; token: of what has no fence.
#: -> written | repeated | fenced, which | misplaced | conflict, table | taken, table
WRITE = Script(
    f"""
local plan = cmsgpack.unpack(ARGV[1])
local repeated = 0
for i, fence in ipairs(plan.fences) do
  local epoch, expected, offset = unpack(fence)
  local now = redis.call('HMGET', KEYS[i + 1], 'epoch', 'offset')
  if now[1] ~= epoch or (now[2] ~= expected and now[2] ~= offset) then
    return {{'fenced', tostring(i)}}
  end
  if now[2] == offset then
    repeated = repeated + 1
  end
end
if repeated > 0 then
  return {{repeated == #plan.fences and 'repeated' or 'misplaced'}}
end
if #plan.fences == 0 and redis.call('HGET', KEYS[2], 'token') == plan.token then
  return {{'repeated'}}
end
{_UNCHANGED}
for i, fence in ipairs(plan.fences) do
  redis.call('HSET', KEYS[i + 1], 'offset', fence[3])
end
if #plan.fences == 0 then
  redis.call('HSET', KEYS[2], 'token', plan.token)
end
{_WRITE_ROWS}
return {{'written'}}
"""
)

#: A reset begins: nobody may write. Asked again, for its reply was lost, it has `changed`, and the reset is done
#: again as one that was interrupted. never, the reset, the projection's partitions, seals.
#: id; known: how many partitions were listed; seals: {partition, the fields before, after} -> marked | changed
MARK = Script(
    _SEALS
    + """
local plan = cmsgpack.unpack(ARGV[1])
if redis.call('SCARD', KEYS[3]) ~= plan.known then
  return {'changed'}
end
for i, seal in ipairs(plan.seals) do
  if not stands(KEYS[i + 3], seal[2]) then
    return {'changed'}
  end
end
redis.call('HSET', KEYS[2], 'id', plan.id, 'state', 'clearing')
for i, seal in ipairs(plan.seals) do
  redis.call('SADD', KEYS[3], seal[1])
  put_seal(KEYS[i + 3], seal[3])
end
return {'marked'}
"""
)

#: Some rows of a reset. never, the reset, at most some thousand rows. id -> deleted | superseded
DELETE = Script(
    """
local id, state = unpack(redis.call('HMGET', KEYS[2], 'id', 'state'))
if id ~= ARGV[1] or state ~= 'clearing' then
  return {'superseded'}
end
redis.call('UNLINK', unpack(KEYS, 3))
return {'deleted'}
"""
)

#: A reset ends. never, the reset, the tables, the seals that get an offset, the rows.
#: id; offsets; tables: {name, description} -> done | superseded | conflict, table | taken, table
FINISH = Script(
    f"""
local plan = cmsgpack.unpack(ARGV[1])
local id, state = unpack(redis.call('HMGET', KEYS[2], 'id', 'state'))
if id ~= plan.id then
  return {{'superseded'}}
end
if state == 'done' then  -- the reply was lost, and we are asked again
  return {{'done'}}
end
{_UNCHANGED}
redis.call('HSET', KEYS[2], 'state', 'done')
for i, offset in ipairs(plan.offsets) do
  redis.call('HSET', KEYS[i + 3], 'offset', offset)
end
for _, each in ipairs(plan.tables) do
  redis.call('HSET', KEYS[3], each[1], each[2])
end
{_WRITE_ROWS}
return {{'done'}}
"""
)
