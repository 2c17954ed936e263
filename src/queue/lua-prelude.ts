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

-- Several calls at once, two arguments for each: a JSON list and a text. What goes wrong with one is told in its place,
-- as false and the message, and is not held against the others.
local function eachCall(run)
  local told = {}
  for at = 2, #ARGV, 2 do
    local isDone, reply = pcall(function() return run(cjson.decode(ARGV[at]), ARGV[at + 1]) end)
    told[#told + 1] = isDone and reply or {false, type(reply) == 'table' and reply.err or tostring(reply)}
  end
  return told
end

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

-- What the scripts want to know of a job, in one look; its fields are nil where there is no such job.
local function load(id)
  local job = {id = id}
  job.status, job.lane, job.keyId, job.model, job.enqueued, job.attempts, job.claim, job.createdAtMs, job.startedAtMs,
    job.queueDeadlineMs, job.resultTtlMs, job.stream, job.sync, job.inboxId, job.cancelError, job.webhookUrl,
    job.webhookEvents = read(id, 'status', 'lane', 'keyId', 'model', 'enqueued', 'attempts', 'claim', 'createdAtMs',
    'startedAtMs', 'queueDeadlineMs', 'resultTtlMs', 'stream', 'sync', 'inboxId', 'cancelError', 'webhookUrl', 'webhookEvents')
  return job
end

local function wantsWebhook(job, status)
  if not job.webhookUrl then return false end
  local wanted = cjson.decode(job.webhookEvents)
  for _, name in ipairs(wanted) do if name == 'job.' .. status then return true end end
  return #wanted == 0
end

local function codeOf(errorText)
  if not errorText or errorText == '' then return cjson.null end
  local isRead, told = pcall(cjson.decode, errorText) -- cjson takes no half of a character, as JSON does
  return isRead and told.code or cjson.null
end

local function finish(job, status, errorText, inOrderFor)
  local id = job.id
  redis.call('HDEL', jobKey(id), 'body', 'uploads')
  redis.call('PEXPIRE', jobKey(id), whole(tonumber(job.resultTtlMs) + ${backstopMs}))
  redis.call('ZADD', P .. 'ended', whole(now + tonumber(job.resultTtlMs)), id)
  if not isHeard(inOrderFor) then
    redis.call('XADD', P .. 'events', 'MAXLEN', '~', 10000, '*', 'job', id, 'status', status, 'inbox', inOrderFor or '')
  end
  if wantsWebhook(job, status) then redis.call('ZADD', P .. 'outbox', ARGV[1], id) end
  tell({ type = 'job.settled', jobId = id, model = job.model, status = status, attempt = tonumber(job.attempts),
    runMs = job.startedAtMs and now - tonumber(job.startedAtMs) or 0, code = codeOf(errorText) })
end

-- changes: fields and values that go with it. inOrderFor: the inbox that hears of the end by a message of its own, after
-- the last chunk.
local function become(job, to, changes, inOrderFor)
  local from, lane = job.status, job.lane
  if not may[from] or not may[from][to] then error('illegal transition of ' .. job.id .. ': ' .. tostring(from) .. ' to ' .. to) end
  changes = changes or {}
  local errorText = nil
  for at = 1, #changes, 2 do if changes[at] == 'error' then errorText = changes[at + 1] end end
  if isEnded(to) then
    redis.call('HSET', jobKey(job.id), 'status', to, 'completedAtMs', ARGV[1], 'claim', '', 'phase', '', unpack(changes))
  else
    redis.call('HSET', jobKey(job.id), 'status', to, unpack(changes))
  end
  job.status = to
  count(lane, from, -1)
  if from == 'queued' then
    redis.call('ZREM', P .. 'deadlines', job.id)
    leaveWaiting(lane, job.keyId, job.id, job.enqueued)
  end
  if isEnded(to) then return finish(job, to, errorText, inOrderFor) end
  count(lane, to, 1)
  if to == 'queued' then
    redis.call('HINCRBY', P .. 'sums', lane, job.enqueued)
    countInLane(lane, job.keyId, 1)
  end
end
`;
