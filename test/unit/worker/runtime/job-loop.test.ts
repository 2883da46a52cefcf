import t, { type Test } from 'tap'
import { type Message, OPERATION_SUCCEEDED, taskFailed } from '../../../../src/core/problems/message.ts'
import { type Checkpoint, LeaseLost } from '../../../../src/core/tasks/job.ts'
import { createJobStore, type JobStore } from '../../../../src/store/tasks/job-store.ts'
import { createTaskStore } from '../../../../src/store/tasks/task-store.ts'
import { type JobLoopOptions, startJobLoop } from '../../../../src/worker/runtime/job-loop.ts'
import { TaskFailure } from '../../../../src/worker/runtime/run-job.ts'
import { makeDepot, queueTask } from '../../../support/depot.ts'
import { until } from '../../../support/until.ts'
import { loopOf, makeCommands, startQueued } from '../../../support/worker.ts'

const NOW = new Date('2026-04-05T06:07:08Z')
const HALF: Checkpoint = { offset: 50, position: 1, crc32: 7 }

interface Given {
  /** The queued exports: for each, how many workers have died of it. */
  readonly crashes: readonly number[]
  readonly run?: JobLoopOptions['run']
  readonly options?: Partial<JobLoopOptions>
  /** Replaces methods of the store that the loop uses. */
  readonly jobs?: (jobs: JobStore) => Partial<JobStore>
}

/** A depot with queued exports, a loop that runs them, and a diary of its events. */
async function start(t: Test, { crashes, run = async () => OPERATION_SUCCEEDED, options = {}, jobs }: Given) {
  const depot = await makeDepot(t)
  const { db } = depot
  const ids: number[] = []
  for (const count of crashes) ids.push((await queueTask(db, 'export', { crashes: count })).id)
  const diary: string[] = []
  const store = createJobStore(db)
  const loop = startQueued(
    loopOf(depot, 'export', {
      run,
      onEvent: (event, { taskId }, error) =>
        diary.push([event, ids.indexOf(taskId), ...(error === undefined ? [] : [String(error)])].join(' ')),
      now: () => NOW,
      onFailed: async () => {},
      onTooLate: async () => {},
      jobs: { ...store, ...jobs?.(store) },
      ...options
    })
  )
  const tasks = createTaskStore(db)
  const states = () => Promise.all(ids.map(async (id) => (await tasks.findTask(id))?.state))
  return { depot, db, tasks, jobs: store, ids, loop, diary, states }
}

/** A run that lasts until it is interrupted. */
function endless(): { run: JobLoopOptions['run']; begun: Promise<void> } {
  const { promise: begun, resolve } = Promise.withResolvers<void>()
  const run: JobLoopOptions['run'] = (_, signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
      resolve()
    })
  return { run, begun }
}

t.test('jobs run one after the other, the oldest first, and end with their message', async (t) => {
  let running = 0
  const success: Message = { ...OPERATION_SUCCEEDED, text: 'done' }
  const run = async () => {
    running += 1
    t.equal(running, 1)
    await new Promise((resolve) => setImmediate(resolve))
    running -= 1
    return success
  }
  const { loop, diary, tasks, ids } = await start(t, { crashes: [0, 0, 0], run })
  await loop.ended
  t.same(
    diary,
    [0, 1, 2].flatMap((index) => [`started ${index}`, `completed ${index}`])
  )
  for (const id of ids) {
    t.match(await tasks.findTask(id), { state: 'completed', messages: [success], startedAt: NOW, finishedAt: NOW })
  }
})

t.test('a job of another kind is left alone', async (t) => {
  const { depot, tasks, loop } = await start(t, { crashes: [] })
  await loop.ended
  const { id } = await queueTask(depot.db, 'scan')
  await startQueued(loopOf(depot, 'export')).ended
  t.equal((await tasks.findTask(id))?.state, 'queued')
})

t.test('a failure has its own message, its leftovers are removed, and the loop continues', async (t) => {
  const message = taskFailed('The file has changed.', 'Read again.')
  const removed: number[] = []
  const { loop, diary, tasks, ids, states } = await start(t, {
    crashes: [0, 0],
    async run({ taskId }) {
      if (taskId === ids[0]) throw new TaskFailure(message, new Error('the cause'))
      return OPERATION_SUCCEEDED
    },
    options: {
      async onFailed({ taskId }) {
        removed.push(taskId)
        throw new Error('it cannot be removed')
      }
    }
  })
  await loop.ended
  t.same(await states(), ['failed', 'completed'])
  t.same((await tasks.findTask(ids[0] ?? 0))?.messages, [message])
  t.equal(diary[1], 'failed 0 TaskFailure: The file has changed.')
  t.same(removed, [ids[0]])
})

t.test('the text of an unexpected error is not shown to the client', async (t) => {
  const run = async () => {
    throw new TypeError('secret of the house')
  }
  const { loop, diary, tasks, ids } = await start(t, { crashes: [0], run })
  await loop.ended
  const task = await tasks.findTask(ids[0] ?? 0)
  t.equal(task?.state, 'failed')
  t.notMatch(JSON.stringify(task?.messages), 'secret')
  t.match(task?.messages[0]?.recovery, `task ${ids[0]}`)
  t.same(diary, ['started 0', 'failed 0 TypeError: secret of the house'])
})

t.test('a stop requeues the running job with its checkpoint, and does not count as a crash', async (t) => {
  const { run, begun } = endless()
  const { loop, diary, states, jobs } = await start(t, {
    crashes: [0, 0],
    async run(job, signal) {
      await jobs.saveProgress(job, { packagesDone: 0, bytesDone: 60 }, HALF)
      return run(job, signal)
    }
  })
  await begun
  await loop.stop()
  t.same(await states(), ['queued', 'queued'])
  t.same(diary, ['started 0', 'interrupted 0'])
  t.match(await jobs.claimNext(['export'], 'another', NOW), { checkpoint: HALF, crashes: 0 })
})

t.test('a stop waits for the running job, which is completed if it succeeds', async (t) => {
  const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const run = async () => {
    begun.resolve()
    await gate.promise
    return OPERATION_SUCCEEDED
  }
  const { loop, states } = await start(t, { crashes: [0, 0], run })
  await begun.promise
  let isStopped = false
  const stopped = loop.stop().then(() => {
    isStopped = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  t.notOk(isStopped)
  gate.resolve()
  await stopped
  t.same(await states(), ['completed', 'queued'])
})

t.test('a job of which three workers have died fails without a run', async (t) => {
  const ran: number[] = []
  const run: JobLoopOptions['run'] = async ({ taskId }) => {
    ran.push(taskId)
    return OPERATION_SUCCEEDED
  }
  const { loop, ids, states, diary } = await start(t, { crashes: [3, 2], run })
  await loop.ended
  t.same(await states(), ['failed', 'completed'])
  t.same(ran, [ids[1]])
  t.match(diary[1], /3 workers have died/)
})

t.test('a worker that has lost the lease drops the job, and changes nothing', async (t) => {
  const { loop, diary, states } = await start(t, {
    crashes: [0],
    async run(job) {
      throw new LeaseLost(job)
    }
  })
  await loop.ended
  t.same(diary, ['started 0', 'dropped 0'])
  t.same(await states(), ['running'], 'whoever has it now ends it')
})

t.test('a job whose tasks were all canceled is interrupted, and one with a live task continues', async (t) => {
  const { run, begun } = endless()
  const { loop, db, diary } = await start(t, { crashes: [0], run })
  await begun
  await loop.check()
  t.same(diary, ['started 0'])
  await db.updateTable('job').set({ state: 'ended' }).execute()
  await loop.check()
  await loop.ended
  t.same(diary, ['started 0', 'dropped 0'])
})

t.test('a success after the cancellation removes what the run has made', async (t) => {
  const removed: number[] = []
  const { loop, db, diary, ids } = await start(t, {
    crashes: [0],
    async run() {
      await db.updateTable('job').set({ state: 'ended' }).execute()
      return OPERATION_SUCCEEDED
    },
    options: { onTooLate: async ({ taskId }) => void removed.push(taskId) }
  })
  await loop.ended
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

const isTransient = (error: unknown) => (error as { code?: string }).code === 'SQLITE_FULL'

t.test('a transient error of the database is retried, before the job and after it', async (t) => {
  const { loop, diary, states } = await start(t, {
    crashes: [0],
    options: { isTransient },
    jobs: (jobs) => ({ claimNext: failing(1, jobs.claimNext), finish: failing(1, jobs.finish) })
  })
  await loop.ended
  t.same(await states(), ['completed'])
  t.same(diary, ['started 0', 'completed 0'])
})

t.test(
  'a job that finds the database busy continues at its checkpoint, and neither fails nor counts as a crash',
  async (t) => {
    const checkpoints: Checkpoint[] = []
    const { loop, diary, jobs, states } = await start(t, {
      crashes: [0],
      async run(job) {
        checkpoints.push(job.checkpoint)
        if (checkpoints.length === 3) return OPERATION_SUCCEEDED
        await jobs.saveProgress(job, { packagesDone: 0, bytesDone: 50 }, HALF)
        const busy = Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' })
        throw checkpoints.length === 1 ? busy : new TaskFailure(taskFailed('busy', 'wait'), busy)
      }
    })
    await loop.ended
    t.same(checkpoints.slice(1), [HALF, HALF])
    t.same(diary, ['started 0', 'interrupted 0', 'started 0', 'interrupted 0', 'started 0', 'completed 0'])
    t.same(await states(), ['completed'])
  }
)

t.test('a stop ends the retries, and the job continues after the next start', async (t) => {
  const tried = Promise.withResolvers<void>()
  const { loop, states } = await start(t, {
    crashes: [0],
    options: { isTransient },
    jobs: (jobs) => ({
      finish(...args) {
        tried.resolve()
        return failing(Number.POSITIVE_INFINITY, jobs.finish)(...args)
      }
    })
  })
  await tried.promise
  await loop.stop()
  t.same(await states(), ['queued'])
})

t.test('a loop that waits is woken for a new job, and ends at a stop', async (t) => {
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
  const loop = startJobLoop(loopOf(depot, 'export', { run, onEvent: tell, onIdle: () => tell('idle') }))
  await until('idle')
  const { id } = await queueTask(depot.db, 'export')
  loop.wake()
  await until('completed')
  t.equal((await createTaskStore(depot.db).findTask(id))?.state, 'completed')
  await until('idle')
  loop.wake()
  await until('idle')
  t.pass('it also says so when it was woken for nothing')
  await loop.stop()
  await queueTask(depot.db, 'export')
  loop.wake()
  t.equal(await loop.ended, undefined)
})

t.test('a loop that cannot claim ends with the error', async (t) => {
  const claimNext = async () => {
    throw new Error('the disk is gone')
  }
  const { loop } = await start(t, { crashes: [], jobs: () => ({ claimNext }) })
  await t.rejects(loop.ended, /the disk is gone/)
})

t.test('a loop that may miss a cancellation checks its lease regularly', async (t) => {
  const { run, begun } = endless()
  const looks: boolean[] = []
  const { depot, ids, loop, diary } = await start(t, {
    crashes: [0, 0],
    run: (job, signal) => (looks.length < 2 ? run(job, signal) : Promise.resolve(OPERATION_SUCCEEDED)),
    options: { checkIntervalMs: 5 },
    jobs: (jobs) => ({
      async isHeld(lease) {
        const isHeld = await jobs.isHeld(lease)
        looks.push(isHeld)
        return isHeld
      }
    })
  })
  await begun
  await until('it has looked', () => looks.length >= 2)
  t.same(diary, ['started 0'], 'what is wanted goes on')
  await makeCommands(depot).cancelTasks(ids.slice(0, 1))
  // The timer does not keep the process alive.
  await until('the next one is done', () => diary.length === 4)
  await loop.ended
  t.same(diary, ['started 0', 'dropped 0', 'started 1', 'completed 1'])
  t.equal(looks.filter((isHeld) => !isHeld).length, 1)
})
