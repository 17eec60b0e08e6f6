"""The Lua that moves checkpoints, each script one step that is safe to take twice.

A record is a hash: schema, epoch, token, owner, log_id, log_partitions, offset and updated_at; state,
reason and since (the condition), and the state_epoch of the claim that left it, for an older release
moves the epoch alone; move and before_move (which move was the last, and what was there
before it). Times are milliseconds since 1970, by the server's clock. A field that is not there has no
value yet, and fields of later releases stay as they are. The first word of a reply says how it went.

All scripts run on Redis 6.2, so they touch one key, and nothing that came later.
"""

from __future__ import annotations

from consumer.adapters.redis.scripts import Script
from consumer.model.custody import SCHEMA

#: What a checkpoint is read from, in this order.
CHECKPOINT_FIELDS = (
    "schema",
    "epoch",
    "offset",
    "log_id",
    "log_partitions",
    "owner",
    "state",
    "reason",
    "since",
    "state_epoch",
)

#: Before each script that moves one: `before` holds the fields it names, and a record of a newer release is left alone.
_BEGINNING = f"""
local record = KEYS[1]
local schema = redis.call('HGET', record, 'schema')
if schema and (tonumber(schema) or math.huge) > {SCHEMA} then
  return {{'newer', schema}}
end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
"""

#: The id that goes with the data, as whoever came first wrote it. id -> the id
INCARNATION = Script(
    """
if redis.call('HEXISTS', KEYS[1], 'incarnation') == 0 then
  redis.call('HSET', KEYS[1], 'incarnation', ARGV[1])
end
return {redis.call('HGET', KEYS[1], 'incarnation')}
"""
)

#: token, owner, log id, log partitions, floor, 1 where a record that is not there was lost.
#: -> claimed, epoch, offset or "" | another, log id | gone | newer, schema
CLAIM = Script(
    _BEGINNING
    + f"""
local token, owner, log_id, log_partitions, floor, would_be_lost = unpack(ARGV)
local epoch, last_token, offset, known_id, known_partitions = unpack(redis.call(
  'HMGET', record, 'epoch', 'token', 'offset', 'log_id', 'log_partitions'))
if not epoch and would_be_lost == '1' then
  return {{'gone'}}
end
if last_token == token then  -- the reply was lost, and we are asked again
  return {{'claimed', epoch, offset or ''}}
end
if known_id and known_id ~= '' and log_id ~= '' and known_id ~= log_id then
  return {{'another', known_id}}
end
if known_id and known_id ~= '' then
  log_id = known_id
end
epoch = string.format('%.0f', math.max(tonumber(epoch or 0), tonumber(floor)) + 1)
redis.call('HSET', record, 'schema', '{SCHEMA}', 'epoch', epoch, 'token', token, 'owner', owner,
  'log_id', log_id, 'log_partitions', known_partitions or log_partitions, 'updated_at', now,
  'state', 'running', 'since', now, 'state_epoch', epoch)
redis.call('HDEL', record, 'reason')
return {{'claimed', epoch, offset or ''}}
"""
)

#: epoch, token, expected offset or "", offset -> committed | fenced | gone | newer, schema
COMMIT = Script(
    _BEGINNING
    + f"""
local epoch, token, expected, offset = unpack(ARGV)
local last_epoch, last_token, at, state = unpack(redis.call(
  'HMGET', record, 'epoch', 'token', 'offset', 'state'))
if not last_epoch then
  return {{'gone'}}
end
at = at or ''
if last_epoch ~= epoch or last_token ~= token or (at ~= expected and at ~= offset) then
  return {{'fenced'}}
end
redis.call('HSET', record, 'schema', '{SCHEMA}', 'offset', offset, 'updated_at', now)
if state and state ~= 'running' then
  redis.call('HSET', record, 'state', 'running', 'since', now)
  redis.call('HDEL', record, 'reason')
end
return {{'committed'}}
"""
)

#: epoch, token, state, reason -> noted | kept (the claim holds no longer) | newer, schema
NOTE = Script(
    _BEGINNING
    + """
local epoch, token, state, reason = unpack(ARGV)
local last_epoch, last_token, last_state = unpack(redis.call(
  'HMGET', record, 'epoch', 'token', 'state'))
if last_epoch ~= epoch or last_token ~= token then
  return {'kept'}
end
redis.call('HSET', record, 'state', state, 'reason', reason)
if state ~= (last_state or 'running') then
  redis.call('HSET', record, 'since', now)
end
return {'noted'}
"""
)

#: token of the move, log id, log partitions, offset
#: -> moved, and the `CHECKPOINT_FIELDS` from before, "" where one was not there | newer, schema
MOVE = Script(
    _BEGINNING
    + f"""
local token, log_id, log_partitions, offset = unpack(ARGV)
local last_token, before_move = unpack(redis.call('HMGET', record, 'move', 'before_move'))
if last_token == token then  -- the reply was lost, and we are asked again
  return {{'moved', unpack(cjson.decode(before_move))}}
end
local before = redis.call('HMGET', record, {", ".join(f"'{name}'" for name in CHECKPOINT_FIELDS)})
for i = 1, #before do
  before[i] = before[i] or ''
end
local last_epoch = tonumber(redis.call('HGET', record, 'epoch') or 0) or 0  -- what is damaged is no number
local epoch = string.format('%.0f', last_epoch + 1)
redis.call('HSET', record, 'schema', '{SCHEMA}', 'epoch', epoch, 'log_id', log_id,
  'log_partitions', log_partitions, 'offset', offset, 'updated_at', now,
  'state', 'running', 'since', now, 'state_epoch', epoch,
  'move', token, 'before_move', cjson.encode(before))
redis.call('HDEL', record, 'token', 'owner', 'reason')
return {{'moved', unpack(before)}}
"""
)

#: epoch, token -> released | kept (the claim holds no longer) | newer, schema
RELEASE = Script(
    _BEGINNING
    + """
local last_epoch, last_token, state = unpack(redis.call(
  'HMGET', record, 'epoch', 'token', 'state'))
if last_epoch ~= ARGV[1] or last_token ~= ARGV[2] then
  return {'kept'}
end
redis.call('HDEL', record, 'token', 'owner')
redis.call('HSET', record, 'updated_at', now)
if not state or state == 'running' then  -- in nobody's hands since now; what stands in the way stays
  redis.call('HSET', record, 'state', 'running', 'since', now)
end
return {'released'}
"""
)

#: -> reset, also where there is no record | newer, schema
RESET = Script(
    _BEGINNING
    + """
if redis.call('HDEL', record, 'token', 'owner', 'log_id', 'log_partitions', 'offset',
    'state', 'reason', 'since', 'state_epoch', 'move', 'before_move') > 0 then
  redis.call('HSET', record, 'updated_at', now)
end
return {'reset'}
"""
)
