import type { Message } from '../../../../src/core/problems/message.ts'
import type { TaskKind, TaskState } from '../../../../src/core/tasks/task.ts'
import type { Database } from '../../../../src/store/engine/database.ts'
import { createJobStore } from '../../../../src/store/tasks/job-store.ts'
import { createTaskStore } from '../../../../src/store/tasks/task-store.ts'
import { endTasks, forgetTask } from '../../../../src/store/tasks/write-tasks.ts'
import { joinJob, makeDepot, queueTask } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'

const NOW = new Date('2026-03-04T05:06:07.890Z')
const LATER = new Date('2026-03-04T06:00:00.001Z')

const message = (id: string): Message => ({ id, text: `text ${id}`, explanation: `why ${id}`, recovery: `then ${id}` })
const DONE = message('DONE')

/** Claims the oldest job of a kind. */
async function claim(db: Database, kind: TaskKind = 'export') {
  const job = await createJobStore(db).claimNext([kind], 'tester', NOW)
  if (job === undefined) throw new Error('No job is queued')
  return job
}

const finish = async (db: Database, state: 'completed' | 'failed', kind: TaskKind = 'export') =>
  createJobStore(db).finish(await claim(db, kind), { state, message: DONE, now: LATER })

testOnBoth('a new task is queued, with its user, its totals and its notes', async (t) => {
  const { db } = await makeDepot(t)
  const job = { packages_total: 3, bytes_total: 2 ** 40 }
  const { jobId, ...task } = await queueTask(db, 'export', { createdAt: NOW, ...job }, [message('NOTE')])
  t.same(await createTaskStore(db).findTask(task.id), task)
  t.match(task, {
    kind: 'export',
    state: 'queued',
    packagesDone: 0,
    packagesTotal: 3,
    bytesDone: 0,
    bytesTotal: 2 ** 40,
    archiveName: '',
    createdBy: 'tester',
    createdAt: NOW,
    startedAt: null,
    finishedAt: null,
    run: null,
    messages: [message('NOTE')]
  })
  t.equal(await createTaskStore(db).findTask(task.id + 1), undefined)
})

testOnBoth('a live task has the progress of its job, and so have all others that wait for it', async (t) => {
  const { db } = await makeDepot(t)
  const tasks = createTaskStore(db)
  const first = await queueTask(db, 'export', { packages_total: 9, bytes_total: 900 })
  const second = await joinJob(db, 'export', first.jobId)
  const lease = await claim(db)
  await createJobStore(db).saveProgress(lease, { packagesDone: 4, bytesDone: 450 })
  for (const { id } of [first, second]) {
    t.match(await tasks.findTask(id), {
      state: 'running',
      packagesDone: 4,
      packagesTotal: 9,
      bytesDone: 450,
      startedAt: NOW
    })
  }
})

testOnBoth('a task that has ended keeps its progress, independent of its job', async (t) => {
  const { db } = await makeDepot(t)
  const tasks = createTaskStore(db)
  const jobs = createJobStore(db)
  const first = await queueTask(db, 'export', { packages_total: 9, bytes_total: 900 })
  const second = await joinJob(db, 'export', first.jobId)
  const lease = await claim(db)
  await jobs.saveProgress(lease, { packagesDone: 4, bytesDone: 450 })
  await db
    .transaction()
    .execute((trx) => endTasks(trx, { taskId: first.id }, { state: 'canceled', message: DONE, now: LATER }))
  await jobs.saveProgress(lease, { packagesDone: 7, bytesDone: 700 })
  t.match(await tasks.findTask(first.id), { state: 'canceled', packagesDone: 4, bytesDone: 450, finishedAt: LATER })
  await jobs.finish(lease, { state: 'completed', message: message('ALL'), now: LATER })
  t.match(await tasks.findTask(first.id), { state: 'canceled', packagesDone: 4, messages: [DONE] })
  t.match(await tasks.findTask(second.id), {
    state: 'completed',
    packagesDone: 9,
    bytesDone: 900,
    messages: [message('ALL')]
  })
})

testOnBoth('the id of a deleted task is never used again', async (t) => {
  const { db } = await makeDepot(t)
  const { id } = await queueTask(db, 'export', {}, [message('NOTE')])
  await db.deleteFrom('task').execute()
  t.same(await db.selectFrom('task_message').selectAll().execute(), [], 'messages are deleted with their task')
  t.ok((await queueTask(db, 'export')).id > id)
})

testOnBoth('the message about the outcome comes before the notes, and the notes are in their order', async (t) => {
  const { db } = await makeDepot(t)
  const tasks = createTaskStore(db)
  const notes = ['FIRST', 'SECOND', 'THIRD'].map(message)
  const { id } = await queueTask(db, 'export', {}, notes)
  await queueTask(db, 'export', {}, [message('OTHER')])
  t.same((await tasks.findTask(id))?.messages, notes)
  await finish(db, 'completed')
  t.same((await tasks.findTask(id))?.messages, [DONE, ...notes])
})

testOnBoth('live tasks are listed oldest first, with their messages', async (t) => {
  const { db } = await makeDepot(t)
  const tasks = createTaskStore(db)
  await queueTask(db, 'export')
  await finish(db, 'completed')
  const running = await queueTask(db, 'export', {}, [message('NOTE')])
  await claim(db)
  const [scan, waiting] = [await queueTask(db, 'scan'), await queueTask(db, 'export')]
  const ids = async (kind: TaskKind | undefined, limit: number) =>
    (await tasks.liveTasks(kind, limit)).map((task) => task.id)
  t.same(await ids(undefined, 10), [running.id, scan.id, waiting.id])
  t.same(await ids('export', 10), [running.id, waiting.id])
  t.same(await ids('export', 1), [running.id])
  t.same(await ids('scan', 10), [scan.id])
  t.same((await tasks.liveTasks('export', 1))[0]?.messages, [message('NOTE')])
})

testOnBoth('the totals are sums over live tasks, of one kind or of all kinds', async (t) => {
  const { db } = await makeDepot(t)
  const tasks = createTaskStore(db)
  const jobs = createJobStore(db)
  const none = { count: 0, queued: 0, packagesDone: 0, packagesTotal: 0, bytesDone: 0, bytesTotal: 0 }
  t.same(await tasks.liveTotals(undefined), none)
  for (const bytes_total of [1000, 200]) await queueTask(db, 'export', { packages_total: 5, bytes_total })
  await queueTask(db, 'scan', { bytes_total: 50 })
  const lease = await claim(db)
  await jobs.saveProgress(lease, { packagesDone: 2, bytesDone: 400 })
  const exports = { count: 2, queued: 1, packagesDone: 2, packagesTotal: 10, bytesDone: 400, bytesTotal: 1200 }
  t.same(await tasks.liveTotals('export'), exports)
  t.same(await tasks.liveTotals(undefined), { ...exports, count: 3, queued: 2, bytesTotal: 1250 })
  await jobs.finish(lease, { state: 'failed', message: DONE, now: LATER })
  t.match(await tasks.liveTotals('export'), { count: 1, queued: 1, packagesDone: 0, bytesTotal: 200 })
})

testOnBoth('a page of tasks has the tasks of its kind and state, newest first', async (t) => {
  const { db } = await makeDepot(t)
  const tasks = createTaskStore(db)
  const ids: number[] = []
  for (const kind of ['export', 'scan', 'export', 'export'] as const) ids.push((await queueTask(db, kind)).id)
  await claim(db)
  const page = async (state: TaskState | undefined, before = Number.MAX_SAFE_INTEGER, limit = 10) =>
    (await tasks.taskPage({ kind: 'export', state }, before, limit)).map(({ id }) => id)
  t.same(await page(undefined), [ids[3], ids[2], ids[0]])
  t.same(await page(undefined, ids[3], 1), [ids[2]])
  t.same(await page('running'), [ids[0]])
  t.same(await page('queued'), [ids[3], ids[2]])
  t.same(await page('failed'), [])
})

testOnBoth('tasks that have ended are read in the order of their ends, and an end number is used once', async (t) => {
  const { db } = await makeDepot(t)
  const tasks = createTaskStore(db)
  const ended = async (after = 0, limit = 10) =>
    (await tasks.endedTasks('export', after, limit)).map(({ endNumber, task }) => [endNumber, task.id])
  const first = await queueTask(db, 'export')
  const twin = await joinJob(db, 'export', first.jobId)
  const [scan, second] = [await queueTask(db, 'scan'), await queueTask(db, 'export')]
  t.same([await ended(), await tasks.lastEndNumber()], [[], 0])
  const outcome = { state: 'canceled', message: DONE, now: LATER } as const
  await db.transaction().execute((trx) => endTasks(trx, { taskId: second.id }, outcome))
  await db.transaction().execute((trx) => endTasks(trx, { taskId: second.id }, outcome))
  await finish(db, 'completed')
  await finish(db, 'failed', 'scan')
  const all = [
    [1, second.id],
    [2, first.id],
    [3, twin.id]
  ]
  t.same(await ended(), all)
  t.same(await ended(1, 1), [all[1]])
  t.equal(await tasks.lastEndNumber(), 4)
  await forgetTask(db, scan.id)
  const next = await queueTask(db, 'export')
  await db.transaction().execute((trx) => endTasks(trx, { taskId: next.id }, outcome))
  t.same(await ended(3), [[5, next.id]])
})

testOnBoth('a running task has the start of its run, and the bytes before it', async (t) => {
  const { db } = await makeDepot(t)
  const tasks = createTaskStore(db)
  const jobs = createJobStore(db)
  const { id } = await queueTask(db, 'export', { packages_total: 2, bytes_total: 100 })
  t.equal((await tasks.findTask(id))?.run, null)
  const lease = await claim(db)
  t.same((await tasks.findTask(id))?.run, { startedAt: NOW, bytesBefore: 0 })
  await jobs.saveProgress(lease, { packagesDone: 1, bytesDone: 60 })
  await jobs.release(lease)
  t.equal((await tasks.findTask(id))?.run, null)
  await jobs.claimNext(['export'], 'tester', LATER)
  t.match(await tasks.findTask(id), { startedAt: NOW, run: { startedAt: LATER, bytesBefore: 60 } })
})
