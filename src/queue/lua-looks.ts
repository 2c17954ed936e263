import { epochBaseMs } from './keys.ts';
import { prelude } from './lua-prelude.ts';

/** Looks at what waits: they change nothing. The first argument is the time. */
export const lookScripts = {
  /**
   * now, lanes: of the jobs in each lane, how many wait, since when the oldest does, sum of the times at which they
   * entered, how many that sum counts; how many ever entered, and how many ever came to a backlog
   */
  snapshot: `${prelude}
local lanes = {}
for at = 2, #ARGV do
  local lane = ARGV[at]
  local oldest = redis.call('LINDEX', laneKey(lane, 'wait'), -1)
  local since = oldest and whole((tonumber((read(oldest, 'enqueued'))) or now - ${epochBaseMs}) + ${epochBaseMs})
  local queued = 0
  for _, ofKey in ipairs(redis.call('HVALS', windowKey(lane))) do queued = queued + ofKey end
  lanes[#lanes + 1] = {
    redis.call('LLEN', laneKey(lane, 'wait')), since or '-1', redis.call('HGET', P .. 'sums', lane) or '0', whole(queued),
    redis.call('HGET', P .. 'entered', lane) or '0', redis.call('HGET', P .. 'joined', lane) or '0' }
end
return {redis.call('SMEMBERS', P .. 'paused'), lanes}`,

  /**
   * now, lanes: when the oldest job of each was accepted. A key's oldest job is in the lane, and among the lane's next
   * ones: whoever came from a backlog may be older than those before it.
   */
  oldestAccepted: `${prelude}
local found = {}
for at = 2, #ARGV do
  local oldest = -1
  for _, id in ipairs(redis.call('LRANGE', laneKey(ARGV[at], 'wait'), -100, -1)) do
    local createdAt = tonumber((read(id, 'createdAtMs')))
    if createdAt and (oldest < 0 or createdAt < oldest) then oldest = createdAt end
  end
  found[#found + 1] = whole(oldest)
end
return found`,

  /**
   * now, id: where it stands, counted from 1; null when it does not wait. Before a job of a backlog start all of the
   * lane, those before it in its backlog, and as many of each other key's. The numbers of jobs fall along both lists, so
   * that a job is found by halving; among jobs that were put back it is looked for one by one.
   */
  position: `${prelude}
local id = ARGV[2]
local status, lane, keyId, enqueued, seq = read(id, 'status', 'lane', 'keyId', 'enqueued', 'seq')
if status ~= 'queued' then return false end
local wait = laneKey(lane, 'wait')
seq = tonumber(seq)

local function placeIn(list)
  local length = redis.call('LLEN', list)
  local low, high = 0, length - 1
  while seq and low <= high do
    local middle = math.floor((low + high) / 2)
    local other = redis.call('LINDEX', list, middle)
    if other == id then return length - middle end
    local otherSeq = tonumber((read(other, 'seq')))
    if not otherSeq then break end
    if otherSeq > seq then low = middle + 1 else high = middle - 1 end
  end
  local at = redis.call('LPOS', list, id, 'RANK', -1)
  return at and length - at or length + 1
end

if enqueued then return placeIn(wait) end
local place = placeIn(backlogKey(lane, keyId))
local before = redis.call('LLEN', wait)
for _, other in ipairs(redis.call('SMEMBERS', backlogsKey(lane))) do
  if other ~= keyId then before = before + math.min(place - 1, redis.call('LLEN', backlogKey(lane, other))) end
end
return before + place`,
} as const;
