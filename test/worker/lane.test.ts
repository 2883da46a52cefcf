import t, { type Test } from 'tap'
import { type Message, OPERATION_SUCCEEDED, taskFailed } from '../../src/core/message.ts'
import { type Checkpoint, LeaseLost } from '../../src/core/work.ts'
import { createTaskStore } from '../../src/store/task-store.ts'
import { createWorkStore, type WorkStore } from '../../src/store/work-store.ts'
import { type LaneOptions, startLane, TaskFailure } from '../../src/worker/lane.ts'
import { makeDepot, queueTask } from '../helpers/depot.ts'
import { until } from '../helpers/until.ts'
import { laneOf, makeDesk, startQueued } from '../helpers/worker.ts'

const NOW = new Date('2026-04-05T06:07:08Z')
const HALF: Checkpoint = { offset: 50, position: 1, crc32: 7 }

interface Given {
  /** How many workers have died of the work that waits already; one export for each. */
  readonly crashes: readonly number[]
  readonly run?: LaneOptions['run']
  readonly options?: Partial<LaneOptions>
  /** What is different about the store of the lane. */
  readonly works?: (works: WorkStore) => Partial<WorkStore>
}

/** A depot with waiting exports, a lane that works on them, and a diary of what it told. */
async function start(t: Test, { crashes, run = async () => OPERATION_SUCCEEDED, options = {}, works }: Given) {
  const depot = await makeDepot(t)
  const { db } = depot
  const ids: number[] = []
  for (const count of crashes) ids.push((await queueTask(db, 'export', { crashes: count })).id)
  const diary: string[] = []
  const store = createWorkStore(db)
  const lane = startQueued(
    laneOf(depot, 'export', {
      run,
      onEvent: (event, { taskId }, error) =>
        diary.push([event, ids.indexOf(taskId), ...(error === undefined ? [] : [String(error)])].join(' ')),
      now: () => NOW,
      onFailed: async () => {},
      onTooLate: async () => {},
      works: { ...store, ...works?.(store) },
      ...options
    })
  )
  const tasks = createTaskStore(db)
  const states = () => Promise.all(ids.map(async (id) => (await tasks.findTask(id))?.state))
  return { depot, db, tasks, works: store, ids, lane, diary, states }
}

/** A run that goes on until it is interrupted. */
function endless(): { run: LaneOptions['run']; begun: Promise<void> } {
  const { promise: begun, resolve } = Promise.withResolvers<void>()
  const run: LaneOptions['run'] = (_, signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
      resolve()
    })
  return { run, begun }
}

t.test('work is done one piece at a time, the oldest first, and ends with its message', async (t) => {
  let running = 0
  const success: Message = { ...OPERATION_SUCCEEDED, text: 'done' }
  const run = async () => {
    running += 1
    t.equal(running, 1)
    await new Promise((resolve) => setImmediate(resolve))
    running -= 1
    return success
  }
  const { lane, diary, tasks, ids } = await start(t, { crashes: [0, 0, 0], run })
  await lane.ended
  t.same(
    diary,
    [0, 1, 2].flatMap((index) => [`started ${index}`, `completed ${index}`])
  )
  for (const id of ids) {
    t.match(await tasks.findTask(id), { state: 'completed', messages: [success], startedAt: NOW, finishedAt: NOW })
  }
})

t.test('work of another kind is left alone', async (t) => {
  const { depot, tasks, lane } = await start(t, { crashes: [] })
  await lane.ended
  const { id } = await queueTask(depot.db, 'scan')
  await startQueued(laneOf(depot, 'export')).ended
  t.equal((await tasks.findTask(id))?.state, 'queued')
})

t.test('a failure tells its own message, what it left is removed, and the lane goes on', async (t) => {
  const message = taskFailed('The file has changed.', 'Read again.')
  const removed: number[] = []
  const { lane, diary, tasks, ids, states } = await start(t, {
    crashes: [0, 0],
    async run({ taskId }) {
      if (taskId === ids[0]) throw new TaskFailure(message, new Error('the cause'))
      return OPERATION_SUCCEEDED
    },
    options: {
      async onFailed({ taskId }) {
        removed.push(taskId)
        throw new Error('what cannot be removed stops nobody')
      }
    }
  })
  await lane.ended
  t.same(await states(), ['failed', 'completed'])
  t.same((await tasks.findTask(ids[0] ?? 0))?.messages, [message])
  t.equal(diary[1], 'failed 0 TaskFailure: The file has changed.')
  t.same(removed, [ids[0]])
})

t.test('an error that nobody foresaw stays out of what the caller is told', async (t) => {
  const run = async () => {
    throw new TypeError('secret of the house')
  }
  const { lane, diary, tasks, ids } = await start(t, { crashes: [0], run })
  await lane.ended
  const task = await tasks.findTask(ids[0] ?? 0)
  t.equal(task?.state, 'failed')
  t.notMatch(JSON.stringify(task?.messages), 'secret')
  t.match(task?.messages[0]?.recovery, `task ${ids[0]}`)
  t.same(diary, ['started 0', 'failed 0 TypeError: secret of the house'])
})

t.test('a stop puts what runs back in the queue with its checkpoint, and does not count it as a crash', async (t) => {
  const { run, begun } = endless()
  const { lane, diary, states, works } = await start(t, {
    crashes: [0, 0],
    async run(work, signal) {
      await works.saveProgress(work, { packagesDone: 0, bytesDone: 60 }, HALF)
      return run(work, signal)
    }
  })
  await begun
  await lane.stop()
  t.same(await states(), ['queued', 'queued'])
  t.same(diary, ['started 0', 'interrupted 0'])
  t.match(await works.claimNext(['export'], 'another', NOW), { checkpoint: HALF, crashes: 0 })
})

t.test('a stop waits until nothing runs any more, and what ends well by then is completed', async (t) => {
  const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const run = async () => {
    begun.resolve()
    await gate.promise
    return OPERATION_SUCCEEDED
  }
  const { lane, states } = await start(t, { crashes: [0, 0], run })
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

t.test('work of which three workers have died fails without being begun', async (t) => {
  const ran: number[] = []
  const run: LaneOptions['run'] = async ({ taskId }) => {
    ran.push(taskId)
    return OPERATION_SUCCEEDED
  }
  const { lane, ids, states, diary } = await start(t, { crashes: [3, 2], run })
  await lane.ended
  t.same(await states(), ['failed', 'completed'])
  t.same(ran, [ids[1]])
  t.match(diary[1], /3 workers have died/)
})

t.test('who has lost the lease drops the work without a trace', async (t) => {
  const { lane, diary, states } = await start(t, {
    crashes: [0],
    async run(work) {
      throw new LeaseLost(work)
    }
  })
  await lane.ended
  t.same(diary, ['started 0', 'dropped 0'])
  t.same(await states(), ['running'], 'whoever has it now ends it')
})

t.test('what nobody waits for any more is interrupted, what somebody waits for goes on', async (t) => {
  const { run, begun } = endless()
  const { lane, db, diary } = await start(t, { crashes: [0], run })
  await begun
  await lane.check()
  t.same(diary, ['started 0'])
  await db.updateTable('work').set({ state: 'ended' }).execute()
  await lane.check()
  await lane.ended
  t.same(diary, ['started 0', 'dropped 0'])
})

t.test('success that comes after the cancellation removes what it has made', async (t) => {
  const removed: number[] = []
  const { lane, db, diary, ids } = await start(t, {
    crashes: [0],
    async run() {
      await db.updateTable('work').set({ state: 'ended' }).execute()
      return OPERATION_SUCCEEDED
    },
    options: { onTooLate: async ({ taskId }) => void removed.push(taskId) }
  })
  await lane.ended
  t.same(diary, ['started 0', 'dropped 0'])
  t.same(removed, ids)
})

/** Fails so many times before it works. */
function failing<Args extends unknown[], Result>(times: number, action: (...args: Args) => Promise<Result>) {
  let left = times
  return async (...args: Args): Promise<Result> => {
    left -= 1
    if (left >= 0) throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })
    return action(...args)
  }
}

const isPassing = (error: unknown) => (error as { code?: string }).code === 'SQLITE_FULL'

t.test('a trouble of the database that passes is waited for, before the work and after it', async (t) => {
  const { lane, diary, states } = await start(t, {
    crashes: [0],
    options: { isPassing },
    works: (works) => ({ claimNext: failing(1, works.claimNext), finish: failing(1, works.finish) })
  })
  await lane.ended
  t.same(await states(), ['completed'])
  t.same(diary, ['started 0', 'completed 0'])
})

t.test(
  'work that finds the database busy goes on at its checkpoint, and neither fails nor counts as a crash',
  async (t) => {
    const checkpoints: Checkpoint[] = []
    const { lane, diary, works, states } = await start(t, {
      crashes: [0],
      async run(work) {
        checkpoints.push(work.checkpoint)
        if (checkpoints.length === 3) return OPERATION_SUCCEEDED
        await works.saveProgress(work, { packagesDone: 0, bytesDone: 50 }, HALF)
        const busy = Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' })
        throw checkpoints.length === 1 ? busy : new TaskFailure(taskFailed('busy', 'wait'), busy)
      }
    })
    await lane.ended
    t.same(checkpoints.slice(1), [HALF, HALF])
    t.same(diary, ['started 0', 'interrupted 0', 'started 0', 'interrupted 0', 'started 0', 'completed 0'])
    t.same(await states(), ['completed'])
  }
)

t.test('a stop ends the waiting, and the next start goes on', async (t) => {
  const tried = Promise.withResolvers<void>()
  const { lane, states } = await start(t, {
    crashes: [0],
    options: { isPassing },
    works: (works) => ({
      finish(...args) {
        tried.resolve()
        return failing(Number.POSITIVE_INFINITY, works.finish)(...args)
      }
    })
  })
  await tried.promise
  await lane.stop()
  t.same(await states(), ['queued'])
})

t.test('a lane that waits is woken by new work, and ends when it is stopped', async (t) => {
  const depot = await makeDepot(t)
  const told: string[] = []
  let heard = Promise.withResolvers<void>()
  const tell = (what: string) => {
    told.push(what)
    heard.resolve()
  }
  async function until(what: string): Promise<void> {
    while (!told.includes(what)) {
      await heard.promise
      heard = Promise.withResolvers()
    }
    told.length = 0
  }
  const run = async () => OPERATION_SUCCEEDED
  const lane = startLane(laneOf(depot, 'export', { run, onEvent: tell, onIdle: () => tell('idle') }))
  await until('idle')
  const { id } = await queueTask(depot.db, 'export')
  lane.wake()
  await until('completed')
  t.equal((await createTaskStore(depot.db).findTask(id))?.state, 'completed')
  await until('idle')
  lane.wake()
  await until('idle')
  t.pass('it also says so when it was woken for nothing')
  await lane.stop()
  await queueTask(depot.db, 'export')
  lane.wake()
  t.equal(await lane.ended, undefined)
})

t.test('a lane that cannot claim comes to its end with the error', async (t) => {
  const claimNext = async () => {
    throw new Error('the disk is gone')
  }
  const { lane } = await start(t, { crashes: [], works: () => ({ claimNext }) })
  await t.rejects(lane.ended, /the disk is gone/)
})

t.test('a lane that may not hear of a cancel looks for itself', async (t) => {
  const { run, begun } = endless()
  const looks: boolean[] = []
  const { depot, ids, lane, diary } = await start(t, {
    crashes: [0, 0],
    run: (work, signal) => (looks.length < 2 ? run(work, signal) : Promise.resolve(OPERATION_SUCCEEDED)),
    options: { checkIntervalMs: 5 },
    works: (works) => ({
      async isHeld(lease) {
        const isHeld = await works.isHeld(lease)
        looks.push(isHeld)
        return isHeld
      }
    })
  })
  await begun
  await until('it has looked', () => looks.length >= 2)
  t.same(diary, ['started 0'], 'what is wanted goes on')
  await makeDesk(depot).cancelTasks(ids.slice(0, 1))
  // The timer keeps no process from ending.
  await until('the next one is done', () => diary.length === 4)
  await lane.ended
  t.same(diary, ['started 0', 'dropped 0', 'started 1', 'completed 1'])
  t.equal(looks.filter((isHeld) => !isHeld).length, 1)
})
