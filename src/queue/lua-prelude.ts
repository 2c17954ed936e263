import { jobStatuses, jobTransitions, maxAttempts } from '../contracts/job.ts';
import { prefix } from './keys.ts';
import { laneLua } from './lua-window.ts';

/** An API process beats more often than this, and a worker too. */
export const apiAliveMs = 12_000;

/** Ended records outlive their retention by this much where no janitor runs. */
const backstopMs = 24 * 3600 * 1000;

const luaTable = (names: readonly string[]): string => `{${names.map((name) => `${name}=1`).join(',')}}`;

/** The table of contracts/job.ts, as Lua. */
const transitions = jobStatuses.map((from) => `${from}=${luaTable(jobTransitions[from])}`).join(',');

/**
 * Shared by all job scripts: `become` is the only place where a status changes, and with it go the counters, the
 * key's window and backlog, the deadline, retention, the outbox and the history, in one step. `ARGV[1]` is always the time, epoch ms.
 */
export const prelude = `
local P = '${prefix}:'
local now = tonumber(ARGV[1])
local maxAttempts = ${maxAttempts}
local may = {${transitions}}

local function whole(number) return string.format('%.0f', number) end
local function jobKey(id) return P .. 'job:' .. id end
local function read(id, ...) return unpack(redis.call('HMGET', jobKey(id), ...)) end
local function isEnded(status) return status and may[status] and next(may[status]) == nil end

-- A full Redis refuses a script whose first write may grow the data, and no write after another one: settling goes on.
local function evenWhenFull() redis.call('DEL', P .. 'nothing') end

local function count(lane, status, by) redis.call('HINCRBY', P .. 'counts', lane .. '|' .. status, by) end

local function tell(event)
  redis.call('XADD', P .. 'history:jobs', 'MAXLEN', '~', 10000, '*', 'at', ARGV[1], 'event', cjson.encode(event))
end

${laneLua}
local function liveSince(set, maxAgeMs) return redis.call('ZRANGEBYSCORE', P .. set, whole(now - maxAgeMs), '+inf', 'LIMIT', 0, 2) end

-- Whether the API process that hears of the end by a message of its own is the only one there is.
local function isHeard(inbox)
  if not inbox or inbox == '' then return false end
  local live = liveSince('inboxes', ${apiAliveMs})
  return #live == 1 and live[1] == inbox
end

local function wantsWebhook(id, status)
  local url, events = read(id, 'webhookUrl', 'webhookEvents')
  if not url then return false end
  local wanted = cjson.decode(events)
  for _, name in ipairs(wanted) do if name == 'job.' .. status then return true end end
  return #wanted == 0
end

local function codeOf(id)
  local text = read(id, 'error')
  if not text or text == '' then return cjson.null end
  return cjson.decode(text).code or cjson.null
end

local function finish(id, status, inOrderFor)
  local ttl, model, attempts, startedAt = read(id, 'resultTtlMs', 'model', 'attempts', 'startedAtMs')
  redis.call('HSET', jobKey(id), 'completedAtMs', ARGV[1], 'claim', '', 'phase', '')
  redis.call('HDEL', jobKey(id), 'body')
  redis.call('PEXPIRE', jobKey(id), whole(tonumber(ttl) + ${backstopMs}))
  redis.call('ZADD', P .. 'ended', whole(now + tonumber(ttl)), id)
  if not isHeard(inOrderFor) then
    redis.call('XADD', P .. 'events', 'MAXLEN', '~', 10000, '*', 'job', id, 'status', status, 'inbox', inOrderFor or '')
  end
  if wantsWebhook(id, status) then redis.call('ZADD', P .. 'outbox', ARGV[1], id) end
  tell({ type = 'job.settled', jobId = id, model = model, status = status, attempt = tonumber(attempts),
    runMs = startedAt and now - tonumber(startedAt) or 0, code = codeOf(id) })
end

-- inOrderFor: the inbox that hears of the end by a message of its own, after the last chunk.
local function become(id, to, inOrderFor)
  local from, lane, keyId, enqueued = read(id, 'status', 'lane', 'keyId', 'enqueued')
  if not may[from] or not may[from][to] then error('illegal transition of ' .. id .. ': ' .. tostring(from) .. ' to ' .. to) end
  redis.call('HSET', jobKey(id), 'status', to)
  count(lane, from, -1)
  if from == 'queued' then
    redis.call('ZREM', P .. 'deadlines', id)
    leaveWaiting(lane, keyId, id, enqueued)
  end
  if isEnded(to) then return finish(id, to, inOrderFor) end
  count(lane, to, 1)
  if to == 'queued' then
    redis.call('HINCRBY', P .. 'sums', lane, enqueued)
    countInLane(lane, keyId, 1)
  end
end
`;
