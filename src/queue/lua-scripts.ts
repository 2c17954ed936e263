import { workerStaleAfterMs } from '../contracts/model.ts';
import { prelude } from './lua-prelude.ts';

/** Accepting, starting, settling and ending a job: each is one step in Redis. The first argument is the time. */
export const changeScripts = {
  /**
   * now, id, lane, cap, '1' when a worker of this process is woken anyway, lanes of the model (3), key, its window alone
   * and shared, how long a key is active (ms), fields and values of the record, `enqueued` first: recorded and in its
   * lane or its key's backlog, or neither
   */
  accept: `${prelude}
local id, lane, cap, keyId = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[9]
local alone, shared, activeForMs = ARGV[10], ARGV[11], ARGV[12]
if redis.call('EXISTS', jobKey(id)) == 1 then return {'accepted', 0} end
local waiting = 0
for _, queued in ipairs(redis.call('HMGET', P .. 'counts', ARGV[6] .. '|queued', ARGV[7] .. '|queued', ARGV[8] .. '|queued')) do
  waiting = waiting + tonumber(queued or 0)
end
if waiting >= cap then return {'full', waiting} end
seeKey(keyId)
local mayEnter = not hasBacklog(lane, keyId) and roomFor(lane, keyId, alone, shared, activeForMs) > 0
local seq = redis.call('HINCRBY', P .. (mayEnter and 'entered' or 'joined'), lane, 1)
redis.call('HSET', jobKey(id), 'seq', seq, unpack(ARGV, mayEnter and 13 or 15))
local model, class, deadline, enqueued, createdAt =
  read(id, 'model', 'class', 'queueDeadlineMs', 'enqueued', 'createdAtMs')
redis.call('ZADD', P .. 'index:' .. keyId, 0, id)
redis.call('ZADD', P .. 'deadlines', deadline, id)
count(lane, 'queued', 1)
if mayEnter then
  local length = enterLane(lane, keyId, id, createdAt, enqueued)
  if length == 1 and (ARGV[5] ~= '1' or #liveSince('workers', ${workerStaleAfterMs}) > 1) then tellWork(lane) end
else
  enterBacklog(lane, keyId, id, alone, shared, activeForMs)
  enterNext(lane, keyId)
end
tell({ type = 'job.accepted', jobId = id, model = model, class = class, keyId = keyId })
return {'accepted', waiting}`,

  /**
   * now, lane, worker, lock duration ms, error for a job whose attempts are used up, tokens: starts the next job of the
   * lane for each token. Repeated with the same token, it gives the same job. Returns {token, id, record or nothing}:
   * without a record the job's time to live is over, and its caller must expire it.
   */
  claim: `${prelude}
local lane, worker, lockMs = ARGV[2], ARGV[3], ARGV[4]
local claims = P .. 'claims:' .. worker
local wait, active = laneKey(lane, 'wait'), laneKey(lane, 'active')
evenWhenFull()

local function start(id, token)
  local status, attempts, deadline, model, createdAt, stream =
    read(id, 'status', 'attempts', 'queueDeadlineMs', 'model', 'createdAtMs', 'stream')
  attempts = tonumber(attempts)
  if not status or isEnded(status) then return 'over' end
  if status == 'cancelling' then
    redis.call('HSET', jobKey(id), 'error', read(id, 'cancelError') or '')
    become(id, 'cancelled')
    return 'over'
  end
  if attempts >= maxAttempts then
    redis.call('HSET', jobKey(id), 'error', ARGV[5])
    become(id, 'failed')
    return 'over'
  end
  redis.call('SET', lockKey(lane, id), token, 'PX', lockMs)
  if status == 'queued' and attempts == 0 and tonumber(deadline) < now then return 'late' end
  if status == 'in_progress' then
    become(id, 'queued')
    tell({ type = 'job.rescued', jobId = id, model = model })
  end
  become(id, 'in_progress')
  redis.call('HSET', laneKey(lane, id), 'processedOn', ARGV[1], 'pb', worker)
  redis.call('HSET', jobKey(id), 'attempts', attempts + 1, 'claim', token, 'worker', worker,
    'startedAtMs', ARGV[1], 'phase', stream == '1' and '' or 'generating', 'progress', '')
  redis.call('HSET', claims, token, id)
  tell({ type = 'job.started', jobId = id, model = model, attempt = attempts + 1, waitMs = now - tonumber(createdAt) })
  return 'run'
end

local function startNext(token)
  local known = redis.call('HGET', claims, token)
  if known then return read(known, 'claim') == token and {token, known, redis.call('HGETALL', jobKey(known))} or nil end
  while true do
    local id = redis.call('LMOVE', wait, active, 'RIGHT', 'LEFT')
    if not id then return nil end
    local verdict = start(id, token)
    if verdict == 'run' then return {token, id, redis.call('HGETALL', jobKey(id))} end
    if verdict == 'late' then return {token, id} end
    leaveActive(lane, id)
  end
end

local got = {}
for at = 6, #ARGV do
  local claim = startNext(ARGV[at])
  if not claim then break end
  got[#got + 1] = claim
end
return got`,

  /**
   * now, id, claim, kind of outcome, output, files, usage, error, lane, worker: record and lane in one step. Returns the
   * status and whether this call led to it
   */
  settle: `${prelude}
local id, claim, kind, lane = ARGV[2], ARGV[3], ARGV[4], ARGV[9]
evenWhenFull()
redis.call('HDEL', P .. 'claims:' .. ARGV[10], claim)
local status, owner, attempts, inbox, model, cancelError =
  read(id, 'status', 'claim', 'attempts', 'inboxId', 'model', 'cancelError')
local isOurs = status and owner == claim and (status == 'in_progress' or status == 'cancelling')
if not isOurs then
  if redis.call('GET', lockKey(lane, id)) == claim then
    if status == 'queued' then putBack(lane, id) else leaveActive(lane, id) end
  end
  return {status or 'expired', 0}
end
attempts = tonumber(attempts)
if kind == 'completed' then
  redis.call('HSET', jobKey(id), 'output', ARGV[5], 'files', ARGV[6], 'usage', ARGV[7], 'progress', 100)
  become(id, 'completed', inbox)
elseif kind == 'cancelled' or (status == 'cancelling' and kind ~= 'failed') then
  redis.call('HSET', jobKey(id), 'error', cancelError or ARGV[8])
  become(id, 'cancelled', inbox)
elseif kind == 'failed' or (kind == 'retry' and attempts >= maxAttempts) then
  redis.call('HSET', jobKey(id), 'error', ARGV[8])
  become(id, 'failed', inbox)
else
  local used = kind == 'snooze' and attempts - 1 or attempts
  redis.call('HSET', jobKey(id), 'attempts', used, 'claim', '', 'phase', '', 'progress', '')
  become(id, 'queued')
  putBack(lane, id)
  tellWork(lane)
  if used == 0 then redis.call('ZADD', P .. 'deadlines', (read(id, 'queueDeadlineMs')), id) end
  tell({ type = 'job.requeued', jobId = id, model = model, attempt = attempts, reason = kind })
  return {'queued', 1}
end
leaveActive(lane, id)
return {(read(id, 'status')), 1}`,

  /** now, id, error, control message for the worker: the model when the job ended by it */
  cancel: `${prelude}
local id = ARGV[2]
evenWhenFull()
local status, lane, model = read(id, 'status', 'lane', 'model')
if status == 'queued' then
  redis.call('HSET', jobKey(id), 'error', ARGV[3])
  become(id, 'cancelled')
  leaveLane(lane, id)
  return model
elseif status == 'in_progress' then
  redis.call('HSET', jobKey(id), 'cancelError', ARGV[3])
  become(id, 'cancelling')
  redis.call('XADD', P .. 'control', 'MAXLEN', '~', 1000, '*', 'message', ARGV[4])
end`,

  /** now, id, error, '1' when a worker holds it in its lane: a job that never started and whose time is over */
  expire: `${prelude}
local id = ARGV[2]
evenWhenFull()
local status, lane, attempts = read(id, 'status', 'lane', 'attempts')
if ARGV[4] == '1' and lane then leaveActive(lane, id) end
if status ~= 'queued' or attempts ~= '0' then
  redis.call('ZREM', P .. 'deadlines', id)
  return 0
end
redis.call('HSET', jobKey(id), 'error', ARGV[3])
become(id, 'expired')
leaveLane(lane, id)
return 1`,

  /** now, error, '1' for sync jobs only, ids: returns the ids that failed */
  failWaiting: `${prelude}
evenWhenFull()
local failed = {}
for at = 4, #ARGV do
  local id = ARGV[at]
  local status, lane, sync = read(id, 'status', 'lane', 'sync')
  if status == 'queued' and (ARGV[3] ~= '1' or sync == '1') then
    redis.call('HSET', jobKey(id), 'error', ARGV[2])
    become(id, 'failed')
    leaveLane(lane, id)
    failed[#failed + 1] = id
  end
end
return failed`,

  /** now, lane, id, error: BullMQ put a job back whose worker was lost; returns its model when it will run again */
  rescue: `${prelude}
local lane, id = ARGV[2], ARGV[3]
evenWhenFull()
if redis.call('EXISTS', P .. lane .. ':' .. id .. ':lock') == 1 then return false end
local status, attempts, model = read(id, 'status', 'attempts', 'model')
if status == 'cancelling' then
  redis.call('HSET', jobKey(id), 'error', read(id, 'cancelError') or '')
  become(id, 'cancelled')
elseif status == 'in_progress' and tonumber(attempts) >= maxAttempts then
  redis.call('HSET', jobKey(id), 'error', ARGV[4])
  become(id, 'failed')
elseif status == 'in_progress' then
  redis.call('HSET', jobKey(id), 'claim', '', 'phase', '', 'progress', '')
  become(id, 'queued')
  tell({ type = 'job.rescued', jobId = id, model = model })
  return model
end
if not status or isEnded(read(id, 'status')) then leaveLane(lane, id) end
return false`,

  /** now, id, attempt, progress, phase */
  progress: `${prelude}
local id = ARGV[2]
local status, attempts = read(id, 'status', 'attempts')
if status == 'in_progress' and attempts == ARGV[3] then
  redis.call('HSET', jobKey(id), 'progress', ARGV[4], 'phase', ARGV[5])
end`,

  /** now, lane, id, claim, lock duration ms: takes a lost lock back while the job is still ours; 1: it is held again */
  relock: `${prelude}
local lane, id, claim = ARGV[2], ARGV[3], ARGV[4]
evenWhenFull()
if read(id, 'claim') ~= claim then return 0 end
if redis.call('LPOS', P .. lane .. ':active', id) == false then return 0 end
local taken = redis.call('SET', P .. lane .. ':' .. id .. ':lock', claim, 'PX', ARGV[5], 'NX')
if taken then redis.call('SREM', P .. lane .. ':stalled', id) end
return taken and 1 or 0`,

  /** now, kept until (epoch ms), most: ids whose retention is over; their records and index entries go */
  prune: `${prelude}
evenWhenFull()
local ids = redis.call('ZRANGEBYSCORE', P .. 'ended', '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, id in ipairs(ids) do
  local keyId = read(id, 'keyId')
  if keyId then redis.call('ZREM', P .. 'index:' .. keyId, id) end
  redis.call('DEL', jobKey(id))
  redis.call('ZREM', P .. 'ended', id)
  redis.call('ZADD', P .. 'gone', ARGV[2], id)
end
redis.call('ZREMRANGEBYSCORE', P .. 'gone', '-inf', ARGV[1])
return ids`,
} as const;
