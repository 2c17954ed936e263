import { keysThatShare } from '../contracts/admission-window.ts';
import { epochBaseMs } from './keys.ts';

/**
 * Lanes and the backlogs before them. A queued job whose record says when it entered (`enqueued`, the scheduler's time)
 * is in its lane; without it, it waits in the backlog of its lane and key, which BullMQ does not know. `seq` counts the
 * jobs of either. Everything that moves a job is part of the script that gave the reason.
 */
export const laneLua = `
-- A lane is a BullMQ queue, left as BullMQ's own scripts leave it; its events and markers, which nobody reads, are left out.
local function laneKey(lane, part) return P .. lane .. ':' .. part end
local function lockKey(lane, id) return laneKey(lane, id) .. ':lock' end
local function backlogKey(lane, keyId) return P .. 'backlog:' .. lane .. ':' .. keyId end
local function backlogsKey(lane) return P .. 'backlogs:' .. lane end
local function windowKey(lane) return P .. 'window:' .. lane end

-- The jobs of a key that are queued in a lane.
local function countInLane(lane, keyId, by)
  if redis.call('HINCRBY', windowKey(lane), keyId, by) <= 0 then redis.call('HDEL', windowKey(lane), keyId) end
end

-- A key sent a job. Noted once a second, so that a flood does not write it each time.
local function seeKey(keyId)
  local seen = redis.call('ZSCORE', P .. 'active', keyId)
  if not seen or now - tonumber(seen) >= 1000 then redis.call('ZADD', P .. 'active', ARGV[1], keyId) end
end

-- How many more of the key may enter: window alone, window shared, how long a key is active (ms)
local function roomFor(lane, keyId, alone, shared, activeForMs)
  local active = redis.call('ZCOUNT', P .. 'active', '(' .. whole(now - tonumber(activeForMs)), '+inf')
  local most = active >= ${keysThatShare} and shared or alone
  return tonumber(most) - tonumber(redis.call('HGET', windowKey(lane), keyId) or 0)
end

local function addToLane(lane, id, createdAt, ...)
  redis.call('HSET', laneKey(lane, id), 'name', 'job', 'data', '{"v":1}', 'opts', '{}', 'timestamp', createdAt,
    'delay', '0', 'priority', '0', ...)
end

-- Returns how many wait then.
local function enterLane(lane, keyId, id, createdAt, enqueued)
  addToLane(lane, id, createdAt)
  redis.call('HINCRBY', P .. 'sums', lane, enqueued)
  countInLane(lane, keyId, 1)
  return redis.call('LPUSH', laneKey(lane, 'wait'), id)
end

local function enterBacklog(lane, keyId, id, alone, shared, activeForMs)
  local window = alone .. ' ' .. shared .. ' ' .. activeForMs
  if redis.call('HGET', P .. 'windows', lane) ~= window then redis.call('HSET', P .. 'windows', lane, window) end
  redis.call('SADD', backlogsKey(lane), keyId)
  redis.call('LPUSH', backlogKey(lane, keyId), id)
end

local function hasBacklog(lane, keyId) return redis.call('EXISTS', backlogKey(lane, keyId)) == 1 end

local function forgetEmptyBacklog(lane, keyId)
  if not hasBacklog(lane, keyId) then redis.call('SREM', backlogsKey(lane), keyId) end
end

-- The next of a key's backlog enter, as far as there is room.
local function enterNext(lane, keyId)
  if not hasBacklog(lane, keyId) then return end
  local room = roomFor(lane, keyId, string.match(redis.call('HGET', P .. 'windows', lane), '(%d+) (%d+) (%d+)'))
  while room > 0 do
    local id = redis.call('RPOP', backlogKey(lane, keyId))
    if not id then break end
    local status, createdAt = read(id, 'status', 'createdAtMs')
    if status == 'queued' then
      local enqueued = whole(now - ${epochBaseMs})
      redis.call('HSET', jobKey(id), 'enqueued', enqueued, 'seq', redis.call('HINCRBY', P .. 'entered', lane, 1))
      enterLane(lane, keyId, id, createdAt, enqueued)
      room = room - 1
    end
  end
  forgetEmptyBacklog(lane, keyId)
end

-- It is queued no more, wherever it was.
local function leaveWaiting(lane, keyId, id, enqueued)
  if enqueued then
    redis.call('HINCRBY', P .. 'sums', lane, whole(-tonumber(enqueued)))
    countInLane(lane, keyId, -1)
    enterNext(lane, keyId)
  else
    redis.call('LREM', backlogKey(lane, keyId), -1, id)
    forgetEmptyBacklog(lane, keyId)
  end
end

local function leaveLane(lane, id)
  if redis.call('EXISTS', laneKey(lane, id)) == 0 then return end
  if redis.call('LREM', laneKey(lane, 'wait'), -1, id) > 0 then redis.call('DEL', laneKey(lane, id)) end
end

-- The end of an attempt: the job leaves the lane for good, or is the next of it again.
local function leaveActive(lane, id)
  redis.call('LREM', laneKey(lane, 'active'), -1, id)
  redis.call('SREM', laneKey(lane, 'stalled'), id)
  redis.call('DEL', laneKey(lane, id), lockKey(lane, id))
end

local function putBack(lane, id)
  if redis.call('LREM', laneKey(lane, 'active'), -1, id) == 0 then return end
  redis.call('SREM', laneKey(lane, 'stalled'), id)
  redis.call('DEL', lockKey(lane, id))
  redis.call('RPUSH', laneKey(lane, 'wait'), id)
end

local function tellWork(lane)
  redis.call('XADD', P .. 'work', 'MAXLEN', '~', 100, '*', 'lane', lane)
end
`;
