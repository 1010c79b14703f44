import { createHash } from 'node:crypto';

export interface Script {
  readonly text: string;
  readonly sha1: string;
}

/** What all writers begin with: what the extension holds, and a way to write it back. */
const USAGE = `
local used_keys = tonumber(redis.call('HGET', KEYS[1], 'keys') or '0')
local used_bytes = tonumber(redis.call('HGET', KEYS[1], 'bytes') or '0')
local function count(keys, bytes)
  redis.call('HSET', KEYS[1], 'keys', string.format('%d', used_keys + keys),
    'bytes', string.format('%d', used_bytes + bytes))
end
`;

/** KEYS: usage, keys, values. ARGV: key, text, expected, version, most keys, most bytes. A value is version:text. */
export const PUT = script(`${USAGE}
local old = redis.call('HGET', KEYS[3], ARGV[1])
local current, old_size = 0, 0
if old then
  local colon = string.find(old, ':', 1, true)
  current = tonumber(string.sub(old, 1, colon - 1))
  old_size = #ARGV[1] + #old - colon
end
if ARGV[3] ~= '' and tonumber(ARGV[3]) ~= current then return {'stale', current} end
local size = #ARGV[1] + #ARGV[2]
local more_keys = old and 0 or 1
-- Whoever is over the quota may still make things smaller.
if (not old and used_keys + 1 > tonumber(ARGV[5]))
  or (used_bytes + size - old_size > tonumber(ARGV[6]) and size > old_size) then
  return {'quota', current}
end
current = ARGV[4] ~= '' and tonumber(ARGV[4]) or current + 1
redis.call('HSET', KEYS[3], ARGV[1], string.format('%d', current) .. ':' .. ARGV[2])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
count(more_keys, size - old_size)
return {'written', current}
`);

/** KEYS: usage, keys, values. ARGV: key. */
export const DELETE = script(`${USAGE}
local old = redis.call('HGET', KEYS[3], ARGV[1])
if not old then return 0 end
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
count(-1, -(#ARGV[1] + #old - string.find(old, ':', 1, true)))
return 1
`);

/** KEYS: keys, values. ARGV: from, to, limit, most bytes. The answer: 1 and pairs, or 0 when they are too large. */
export const LIST = script(`
local page, bytes = {1}, 0
for _, key in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, tonumber(ARGV[3]))) do
  local value = redis.call('HGET', KEYS[2], key)
  bytes = bytes + #key + #value
  if bytes > tonumber(ARGV[4]) then return {0} end
  page[#page + 1] = key
  page[#page + 1] = value
end
return page
`);

/** KEYS: usage, streams, stream. ARGV: stream, text, id, keep, most keys, most bytes. */
export const APPEND = script(`${USAGE}
local newest = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1]
local last = newest and tonumber(string.match(newest[1], '^(%d+)')) or 0
local id = ARGV[3] ~= '' and tonumber(ARGV[3]) or last + 1
if id <= last then return {'behind', last} end
local size, freed, oldest = #ARGV[1] + #ARGV[2], 0, {}
local excess = redis.call('XLEN', KEYS[3]) + 1 - tonumber(ARGV[4])
if excess > 0 then oldest = redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', excess) end
for _, entry in ipairs(oldest) do freed = freed + #ARGV[1] + #entry[2][2] end
if (not newest and used_keys + 1 > tonumber(ARGV[5]))
  or (used_bytes + size - freed > tonumber(ARGV[6]) and size > freed) then
  return {'quota', last}
end
for _, entry in ipairs(oldest) do redis.call('XDEL', KEYS[3], entry[1]) end
redis.call('XADD', KEYS[3], string.format('%d-0', id), 'v', ARGV[2])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
count(newest and 0 or 1, size - freed)
return {'written', id}
`);

/** KEYS: stream. ARGV: after, limit, most bytes. The answer: ids and texts, as many as fit. */
export const READ = script(`
local page, bytes, from = {}, 0, tonumber(ARGV[1]) + 1
while #page < 2 * tonumber(ARGV[2]) do
  local some = redis.call('XRANGE', KEYS[1], string.format('%d-0', from), '+', 'COUNT', 16)
  if #some == 0 then return page end
  for _, entry in ipairs(some) do
    local id, text = string.match(entry[1], '^(%d+)'), entry[2][2]
    bytes = bytes + #text
    if #page > 0 and (bytes > tonumber(ARGV[3]) or #page >= 2 * tonumber(ARGV[2])) then return page end
    page[#page + 1] = id
    page[#page + 1] = text
    from = tonumber(id) + 1
  end
end
return page
`);

/** KEYS: usage, streams, stream. ARGV: stream. */
export const REMOVE_STREAM = script(`${USAGE}
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then return 0 end
local freed = 0
for _, entry in ipairs(redis.call('XRANGE', KEYS[3], '-', '+')) do freed = freed + #ARGV[1] + #entry[2][2] end
redis.call('DEL', KEYS[3])
count(-1, -freed)
return 1
`);

function script(text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}
