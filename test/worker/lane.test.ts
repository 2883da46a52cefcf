import t, { type Test } from 'tap'
import { type Message, OPERATION_SUCCEEDED, taskFailed } from '../../src/core/message.ts'
import { createTaskStore } from '../../src/store/task-store.ts'
import { type LaneOptions, startLane, TaskFailure } from '../../src/worker/lane.ts'
import { makeDepot, queueTask } from '../helpers/depot.ts'

const NOW = new Date('2026-04-05T06:07:08Z')

interface Given {
  /** Attempts that the waiting tasks have behind them already; one task for each. */
  readonly attempts: readonly number[]
  readonly run?: LaneOptions['run']
  readonly options?: Partial<LaneOptions>
}

/** A depot with waiting exports, a lane that works on them, and a diary of what it told. */
async function start(t: Test, { attempts, run = async () => OPERATION_SUCCEEDED, options = {} }: Given) {
  const { db } = await makeDepot(t)
  const tasks = createTaskStore(db)
  const ids: number[] = []
  for (const attempt of attempts) ids.push((await queueTask(db, 'export', { attempt })).id)
  const diary: string[] = []
  const lane = startLane({
    kind: 'export',
    tasks,
    run,
    onStart: ({ id }) => diary.push(`start ${ids.indexOf(id)}`),
    onEnd: ({ id }, error) => diary.push(`${error === undefined ? 'end' : String(error)} ${ids.indexOf(id)}`),
    whenIdle: 'end',
    now: () => NOW,
    ...options
  })
  return {
    db,
    tasks,
    ids,
    lane,
    diary,
    states: async () => Promise.all(ids.map(async (id) => (await tasks.findTask(id))?.state))
  }
}

t.test('tasks run one at a time, the oldest first, and end with their message', async (t) => {
  let running = 0
  const success: Message = { ...OPERATION_SUCCEEDED, text: 'done' }
  const run = async () => {
    running += 1
    t.equal(running, 1)
    await new Promise((resolve) => setImmediate(resolve))
    running -= 1
    return success
  }
  const { lane, diary, tasks, ids } = await start(t, { attempts: [0, 0, 0], run })
  await lane.ended
  t.same(diary, ['start 0', 'end 0', 'start 1', 'end 1', 'start 2', 'end 2'])
  for (const id of ids) {
    t.match(await tasks.findTask(id), { state: 'completed', messages: [success], startedAt: NOW, finishedAt: NOW })
  }
})

t.test('a task of another kind is left alone', async (t) => {
  const { db, tasks } = await start(t, { attempts: [] })
  const { id } = await queueTask(db, 'scan')
  const other = { run: async () => t.fail('not its kind') as never, onStart: () => {}, onEnd: () => {} }
  await startLane({ kind: 'export', tasks, whenIdle: 'end', now: () => NOW, ...other }).ended
  t.equal((await tasks.findTask(id))?.state, 'queued')
})

t.test('a failure tells its own message, and the lane goes on', async (t) => {
  const message = taskFailed('The file has changed.', 'Read again.')
  const run = async ({ id }: { id: number }) => {
    if (id === 1) throw new TaskFailure(message, new Error('the cause'))
    return OPERATION_SUCCEEDED
  }
  const { lane, diary, tasks, ids, states } = await start(t, { attempts: [0, 0], run })
  await lane.ended
  t.same(await states(), ['failed', 'completed'])
  t.same((await tasks.findTask(ids[0] ?? 0))?.messages, [message])
  t.equal(diary[1], 'TaskFailure: The file has changed. 0')
})

t.test('an error that nobody foresaw stays out of what the caller is told', async (t) => {
  const run = async () => {
    throw new TypeError('secret of the house')
  }
  const { lane, diary, tasks, ids } = await start(t, { attempts: [0], run })
  await lane.ended
  const task = await tasks.findTask(ids[0] ?? 0)
  t.equal(task?.state, 'failed')
  t.notMatch(JSON.stringify(task?.messages), 'secret')
  t.match(task?.messages[0]?.recovery, `task ${ids[0]}`)
  t.same(diary, ['start 0', 'TypeError: secret of the house 0'])
})

t.test('a stop interrupts the running task and leaves it to the next start', async (t) => {
  const begun = Promise.withResolvers<void>()
  const run: LaneOptions['run'] = (_, signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
      begun.resolve()
    })
  const { lane, diary, states } = await start(t, { attempts: [0, 0], run })
  await begun.promise
  await lane.stop()
  t.same(await states(), ['running', 'queued'])
  t.same(diary, ['start 0'])
})

t.test('a stop waits until nothing runs any more, and what ends well by then is completed', async (t) => {
  const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const run = async () => {
    begun.resolve()
    await gate.promise
    return OPERATION_SUCCEEDED
  }
  const { lane, states } = await start(t, { attempts: [0, 0], run })
  await begun.promise
  let isStopped = false
  const stopped = lane.stop().then(() => {
    isStopped = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  t.notOk(isStopped)
  gate.resolve()
  await stopped
  t.same(await states(), ['completed', 'queued'])
})

t.test('a task whose worker died too often fails without being run', async (t) => {
  const ran: number[] = []
  const run = async ({ id }: { id: number }) => {
    ran.push(id)
    return OPERATION_SUCCEEDED
  }
  const { lane, ids, states, diary } = await start(t, { attempts: [3, 2], run })
  await lane.ended
  t.same(await states(), ['failed', 'completed'])
  t.same(ran, [ids[1]])
  t.match(diary[1], /The worker ended 3 times/)
})

t.test('a lane that waits is woken by a new task, and ends when it is stopped', async (t) => {
  const [idle, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const { db } = await makeDepot(t)
  const store = createTaskStore(db)
  const claimNext: typeof store.claimNext = async (kind, now) => {
    const task = await store.claimNext(kind, now)
    if (task === undefined) idle.resolve()
    return task
  }
  const lane = startLane({
    kind: 'export',
    tasks: { ...store, claimNext },
    run: async () => OPERATION_SUCCEEDED,
    onStart: () => {},
    onEnd: () => ended.resolve(),
    whenIdle: 'wait',
    now: () => NOW
  })
  await idle.promise
  const { id } = await queueTask(db, 'export')
  lane.wake()
  await ended.promise
  t.equal((await store.findTask(id))?.state, 'completed')
  await lane.stop()
  await queueTask(db, 'export')
  lane.wake()
  t.equal(await lane.ended, undefined)
})

t.test('a lane that cannot claim comes to its end with the error', async (t) => {
  const { db } = await makeDepot(t)
  const claimNext = async () => {
    throw new Error('the disk is gone')
  }
  const lane = startLane({
    kind: 'export',
    tasks: { ...createTaskStore(db), claimNext },
    run: async () => OPERATION_SUCCEEDED,
    onStart: () => {},
    onEnd: () => {},
    whenIdle: 'wait',
    now: () => NOW
  })
  await t.rejects(lane.ended, /the disk is gone/)
})
