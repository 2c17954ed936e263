import { workerStaleAfterMs } from '../contracts/model.ts';
import { prelude } from './lua-prelude.ts';

/** Accepting, starting, settling and ending a job: each is one step in Redis. The first argument is the time. */
export const changeScripts = {
  /**
   * now, then two for each job: its facts and its body. Facts, as a JSON list: id, lane, cap, '1' when a worker of this
   * process is woken anyway, lanes of the model (3), key, its window alone and shared, how long a key is active (ms), token,
   * worker and lock duration (ms) of a slot that is held for the job or '' three times, the record as `encodeNewJob` says. A
   * job is recorded and in its lane, in its key's backlog or, where nothing waits for the model and a slot is held,
   * started; or none of these. Returns for each what came of it and how many wait.
   */
  accept: `${prelude}
local function accept(facts, body)
  local id, lane, cap, keyId = facts[1], facts[2], tonumber(facts[3]), facts[8]
  local alone, shared, activeForMs, token, worker, lockMs = unpack(facts, 9, 14)
  if redis.call('EXISTS', jobKey(id)) == 1 then
    return {token ~= '' and read(id, 'claim') == token and 'started' or 'accepted', 0}
  end
  local waiting = 0
  for _, queued in ipairs(redis.call('HMGET', P .. 'counts', facts[5] .. '|queued', facts[6] .. '|queued', facts[7] .. '|queued')) do
    waiting = waiting + tonumber(queued or 0)
  end
  if waiting >= cap then return {'full', waiting} end
  seeKey(keyId)
  local enqueued, model, class, createdAt, deadline, stream = facts[16], facts[22], facts[24], facts[26], facts[28], facts[30]
  redis.call('ZADD', P .. 'index:' .. keyId, 0, id)

  if token ~= '' and waiting == 0 then
    redis.call('HSET', jobKey(id), 'seq', redis.call('HINCRBY', P .. 'entered', lane, 1), 'enqueued', enqueued,
      'status', 'in_progress', 'attempts', 1, 'claim', token, 'worker', worker, 'startedAtMs', ARGV[1],
      'phase', stream == '1' and '' or 'generating', 'body', body, unpack(facts, 21))
    count(lane, 'in_progress', 1)
    addToLane(lane, id, createdAt, 'processedOn', ARGV[1], 'pb', worker)
    redis.call('LPUSH', laneKey(lane, 'active'), id)
    redis.call('SET', lockKey(lane, id), token, 'PX', lockMs)
    tell({ type = 'job.accepted', jobId = id, model = model, class = class, keyId = keyId, isStarted = true })
    return {'started', 0}
  end

  local mayEnter = not hasBacklog(lane, keyId) and roomFor(lane, keyId, alone, shared, activeForMs) > 0
  local seq = redis.call('HINCRBY', P .. (mayEnter and 'entered' or 'joined'), lane, 1)
  redis.call('HSET', jobKey(id), 'seq', seq, 'body', body, unpack(facts, mayEnter and 15 or 17))
  redis.call('ZADD', P .. 'deadlines', deadline, id)
  count(lane, 'queued', 1)
  if mayEnter then
    local length = enterLane(lane, keyId, id, createdAt, enqueued)
    if length == 1 and (facts[4] ~= '1' or #liveSince('workers', ${workerStaleAfterMs}) > 1) then tellWork(lane) end
  else
    enterBacklog(lane, keyId, id, alone, shared, activeForMs)
    enterNext(lane, keyId)
  end
  tell({ type = 'job.accepted', jobId = id, model = model, class = class, keyId = keyId })
  return {'accepted', waiting}
end

return eachCall(accept)`,

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
  local job = load(id)
  local attempts = tonumber(job.attempts)
  if not job.status or isEnded(job.status) then return 'over' end
  if job.status == 'cancelling' then
    become(job, 'cancelled', {'error', job.cancelError or ''})
    return 'over'
  end
  if attempts >= maxAttempts then
    become(job, 'failed', {'error', ARGV[5]})
    return 'over'
  end
  redis.call('SET', lockKey(lane, id), token, 'PX', lockMs)
  if job.status == 'queued' and attempts == 0 and tonumber(job.queueDeadlineMs) < now then return 'late' end
  if job.status == 'in_progress' then
    become(job, 'queued')
    tell({ type = 'job.rescued', jobId = id, model = job.model })
  end
  become(job, 'in_progress', {'attempts', attempts + 1, 'claim', token, 'worker', worker,
    'startedAtMs', ARGV[1], 'phase', job.stream == '1' and '' or 'generating', 'progress', ''})
  redis.call('HSET', laneKey(lane, id), 'processedOn', ARGV[1], 'pb', worker)
  redis.call('HSET', claims, token, id)
  tell({ type = 'job.started', jobId = id, model = job.model, attempt = attempts + 1, waitMs = now - tonumber(job.createdAtMs) })
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
   * now, then two for each attempt: its end and its output. An end, as a JSON list: id, claim, kind of outcome, files,
   * usage, error, lane, worker. Record and lane in one step. Returns for each the status and whether this call led to it.
   */
  settle: `${prelude}
local function settle(facts, output)
  local id, claim, kind, files, usage, errorText, lane, worker = unpack(facts)
  redis.call('HDEL', P .. 'claims:' .. worker, claim) -- first, since it may be done even when Redis is full
  local job = load(id)
  local isOurs = job.claim == claim and (job.status == 'in_progress' or job.status == 'cancelling')
  if not isOurs then
    if redis.call('GET', lockKey(lane, id)) == claim then
      if job.status == 'queued' then putBack(lane, id) else leaveActive(lane, id) end
    end
    return {job.status or 'expired', 0}
  end
  local attempts = tonumber(job.attempts)
  if kind == 'completed' then
    become(job, 'completed', {'output', output, 'files', files, 'usage', usage, 'progress', 100}, job.inboxId)
  elseif kind == 'cancelled' or (job.status == 'cancelling' and kind ~= 'failed') then
    become(job, 'cancelled', {'error', job.cancelError or errorText}, job.inboxId)
  elseif kind == 'failed' or (kind == 'retry' and attempts >= maxAttempts) then
    become(job, 'failed', {'error', errorText}, job.inboxId)
  else
    local used = kind == 'snooze' and attempts - 1 or attempts
    become(job, 'queued', {'attempts', used, 'claim', '', 'phase', '', 'progress', ''})
    putBack(lane, id)
    tellWork(lane)
    if used == 0 then redis.call('ZADD', P .. 'deadlines', job.queueDeadlineMs, id) end
    tell({ type = 'job.requeued', jobId = id, model = job.model, attempt = attempts, reason = kind })
    return {'queued', 1}
  end
  leaveActive(lane, id)
  return {job.status, 1}
end

return eachCall(settle)`,

  /** now, id, error, control message for the worker: the model when the job ended by it */
  cancel: `${prelude}
local id = ARGV[2]
evenWhenFull()
local job = load(id)
if job.status == 'queued' then
  become(job, 'cancelled', {'error', ARGV[3]})
  leaveLane(job.lane, id)
  return job.model
elseif job.status == 'in_progress' then
  become(job, 'cancelling', {'cancelError', ARGV[3]})
  redis.call('XADD', P .. 'control', 'MAXLEN', '~', 1000, '*', 'message', ARGV[4])
end`,

  /** now, id, error, '1' when a worker holds it in its lane: a job that never started and whose time is over */
  expire: `${prelude}
local id = ARGV[2]
evenWhenFull()
local job = load(id)
if ARGV[4] == '1' and job.lane then leaveActive(job.lane, id) end
if job.status ~= 'queued' or job.attempts ~= '0' then
  redis.call('ZREM', P .. 'deadlines', id)
  return 0
end
become(job, 'expired', {'error', ARGV[3]})
leaveLane(job.lane, id)
return 1`,

  /** now, error, '1' for sync jobs only, ids: returns the ids that failed */
  failWaiting: `${prelude}
evenWhenFull()
local failed = {}
for at = 4, #ARGV do
  local id = ARGV[at]
  local job = load(id)
  if job.status == 'queued' and (ARGV[3] ~= '1' or job.sync == '1') then
    become(job, 'failed', {'error', ARGV[2]})
    leaveLane(job.lane, id)
    failed[#failed + 1] = id
  end
end
return failed`,

  /** now, lane, id, error: BullMQ put a job back whose worker was lost; returns its model when it will run again */
  rescue: `${prelude}
local lane, id = ARGV[2], ARGV[3]
evenWhenFull()
if redis.call('EXISTS', P .. lane .. ':' .. id .. ':lock') == 1 then return false end
local job = load(id)
if job.status == 'cancelling' then
  become(job, 'cancelled', {'error', job.cancelError or ''})
elseif job.status == 'in_progress' and tonumber(job.attempts) >= maxAttempts then
  become(job, 'failed', {'error', ARGV[4]})
elseif job.status == 'in_progress' then
  become(job, 'queued', {'claim', '', 'phase', '', 'progress', ''})
  tell({ type = 'job.rescued', jobId = id, model = job.model })
  return job.model
end
if not job.status or isEnded(job.status) then leaveLane(lane, id) end
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

  /** now, id: the files of a job that has ended are to go; 1: they may, and its record says so */
  removeData: `${prelude}
local id = ARGV[2]
evenWhenFull()
if not isEnded(read(id, 'status')) then return 0 end
redis.call('HSET', jobKey(id), 'dataRemoved', 1)
return 1`,

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
