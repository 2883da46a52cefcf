import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { OPERATION_SUCCEEDED } from '../../../../src/core/problems/message.ts'
import { type Checkpoint, FROM_THE_START, type Lease, LeaseLost } from '../../../../src/core/tasks/job.ts'
import type { Database } from '../../../../src/store/engine/database.ts'
import { createJobStore, findQueuedScan } from '../../../../src/store/tasks/job-store.ts'
import { createTaskStore } from '../../../../src/store/tasks/task-store.ts'
import { joinJob, makeDepot, queueTask } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'

const NOW = new Date('2026-03-04T05:06:07.890Z')
const LATER = new Date('2026-03-04T06:00:00.001Z')
const HALF: Checkpoint = { offset: 450, position: 3, crc32: 0xdeadbeef }
const SUCCESS = { state: 'completed', message: OPERATION_SUCCEEDED, now: LATER } as const

async function claimed(db: Database): Promise<Lease> {
  const job = await createJobStore(db).claimNext(['export'], 'tester', NOW)
  if (job === undefined) throw new Error('Nothing waits')
  return job
}

const rowOf = (db: Database, { jobId }: { jobId: number }) =>
  db.selectFrom('job').selectAll().where('id', '=', jobId).executeTakeFirstOrThrow()

testOnBoth('a claim that fails half way leaves the work to the next one', async (t) => {
  const { db } = await makeDepot(t)
  const jobs = createJobStore(db)
  const { jobId } = await queueTask(db, 'export')
  await db.schema.alterTable('task').renameTo('out_of_reach').execute()
  await t.rejects(jobs.claimNext(['export'], 'tester', new Date()), /no such table|does not exist/)
  await db.schema.alterTable('out_of_reach').renameTo('task').execute()
  t.match(await jobs.claimNext(['export'], 'tester', new Date()), { jobId, token: 1 })
})

testOnBoth('the oldest work of the kind is claimed first, and only once', async (t) => {
  const { db } = await makeDepot(t)
  const jobs = createJobStore(db)
  const scan = await queueTask(db, 'scan')
  const [first, second] = [await queueTask(db, 'export'), await queueTask(db, 'export')]
  t.same(await jobs.claimNext(['export'], 'tester', NOW), {
    jobId: first.jobId,
    token: 1,
    kind: 'export',
    taskId: first.id,
    planId: null,
    checkpoint: FROM_THE_START,
    crashes: 0
  })
  t.equal((await jobs.claimNext(['export'], 'tester', NOW))?.jobId, second.jobId)
  t.equal(await jobs.claimNext(['export'], 'tester', NOW), undefined)
  t.equal((await jobs.claimNext(['scan'], 'tester', NOW))?.jobId, scan.jobId)
})

testOnBoth('threads that claim at the same time never get the same work', async (t) => {
  const { db, databaseFile, databaseUrl } = await makeDepot(t)
  const ids: number[] = []
  for (let number = 0; number < 200; number += 1) ids.push((await queueTask(db, 'export')).jobId)
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    void (async () => {
      const { openDepotDatabase } = await import(workerData.database)
      const { createWorkStore } = await import(workerData.works)
      const db = openDepotDatabase(workerData.place)
      const works = createWorkStore(db)
      const ids = []
      parentPort.postMessage('ready')
      parentPort.once('message', async () => {
        for (let work; (work = await works.claimNext(['export'], 'tester', new Date())); ) ids.push(work.workId)
        await db.destroy()
        parentPort.postMessage(ids)
        parentPort.close()
      })
    })()`
  const module = (name: string) => new URL(`../../src/store/${name}.ts`, import.meta.url).href
  const workerData = {
    location: { databaseFile, databaseUrl },
    database: module('database'),
    jobs: module('work-store')
  }
  const threads = [0, 1].map(() => new Worker(code, { eval: true, workerData }))
  await Promise.all(threads.map((thread) => once(thread, 'message')))
  const answers = threads.map((thread) => once(thread, 'message'))
  for (const thread of threads) thread.postMessage('go')
  const all = (await Promise.all(answers)).flatMap(([list]): number[] => list)
  t.same(
    all.sort((left, right) => left - right),
    ids
  )
})

testOnBoth('who has lost the lease writes nothing any more', async (t) => {
  const { db } = await makeDepot(t)
  const jobs = createJobStore(db)
  const task = await queueTask(db, 'export', { packages_total: 9, bytes_total: 900 })
  const old = await claimed(db)
  await jobs.saveProgress(old, { packagesDone: 4, bytesDone: 450 }, HALF)
  await jobs.release(old)
  const fresh = await claimed(db)
  t.equal(fresh.token, old.token + 1)
  const before = await rowOf(db, task)
  await t.rejects(jobs.saveProgress(old, { packagesDone: 8, bytesDone: 800 }, HALF), LeaseLost)
  await t.rejects(jobs.saveTotals(old, 1, 1), LeaseLost)
  t.equal(await jobs.finish(old, SUCCESS), false)
  await jobs.release(old)
  t.same(await rowOf(db, task), before)
  t.same([await jobs.isHeld(old), await jobs.isHeld(fresh)], [false, true])
})

testOnBoth('counters never shrink, and the checkpoint is the newest one', async (t) => {
  const { db } = await makeDepot(t)
  const jobs = createJobStore(db)
  const task = await queueTask(db, 'export', { packages_total: 9, bytes_total: 900 })
  const lease = await claimed(db)
  await jobs.saveProgress(lease, { packagesDone: 4, bytesDone: 450 }, HALF)
  await jobs.saveProgress(lease, { packagesDone: 0, bytesDone: 0 }, FROM_THE_START)
  t.match(await rowOf(db, task), { packages_done: 4, bytes_done: 450, checkpoint_offset: 0, checkpoint_crc32: 0 })
})

testOnBoth('released work waits with its checkpoint, and is not counted as a crash', async (t) => {
  const { db } = await makeDepot(t)
  const jobs = createJobStore(db)
  await queueTask(db, 'export')
  const lease = await claimed(db)
  await jobs.saveProgress(lease, { packagesDone: 4, bytesDone: 450 }, HALF)
  await jobs.release(lease)
  t.match(await jobs.claimNext(['export'], 'another', LATER), { checkpoint: HALF, crashes: 0, token: 2 })
})

testOnBoth('the death of a worker is counted, the end of the process is not', async (t) => {
  const { db } = await makeDepot(t)
  const jobs = createJobStore(db)
  const { jobId } = await queueTask(db, 'export')
  await claimed(db)
  await jobs.requeueCrashed(jobId, 'tester')
  t.match(await jobs.claimNext(['export'], 'tester', NOW), { crashes: 1 })
  await jobs.requeueAll()
  t.match(await jobs.claimNext(['export'], 'tester', NOW), { crashes: 1 })
})

testOnBoth('what has ended does not go back to the queue', async (t) => {
  const { db } = await makeDepot(t)
  const jobs = createJobStore(db)
  const ended = await queueTask(db, 'export')
  await jobs.finish(await claimed(db), SUCCESS)
  await jobs.requeueCrashed(ended.jobId, 'tester')
  await jobs.requeueAll()
  t.match(await rowOf(db, ended), { state: 'ended', crashes: 0 })
  t.equal(await jobs.claimNext(['export'], 'tester', NOW), undefined)
})

testOnBoth('the end of work is the end of all tasks that wait for it, once', async (t) => {
  const { db } = await makeDepot(t)
  const [jobs, tasks] = [createJobStore(db), createTaskStore(db)]
  const first = await queueTask(db, 'export', { packages_total: 9, bytes_total: 900 })
  const second = await joinJob(db, 'export', first.jobId)
  const lease = await claimed(db)
  t.equal(await jobs.finish(lease, SUCCESS), true)
  t.equal(await jobs.finish(lease, { ...SUCCESS, state: 'failed' }), false)
  for (const { id } of [first, second]) {
    t.match(await tasks.findTask(id), {
      state: 'completed',
      packagesDone: 9,
      bytesDone: 900,
      finishedAt: LATER,
      messages: [OPERATION_SUCCEEDED]
    })
  }
})

testOnBoth('failed work stays as far as it was', async (t) => {
  const { db } = await makeDepot(t)
  const [jobs, tasks] = [createJobStore(db), createTaskStore(db)]
  const { id } = await queueTask(db, 'export', { packages_total: 9, bytes_total: 900 })
  const lease = await claimed(db)
  await jobs.saveProgress(lease, { packagesDone: 4, bytesDone: 450 })
  await jobs.finish(lease, { ...SUCCESS, state: 'failed' })
  t.match(await tasks.findTask(id), { state: 'failed', packagesDone: 4, bytesDone: 450 })
})

testOnBoth('work is elsewhere when another one has it or is going to have it, and not when it has ended', async (t) => {
  const { db } = await makeDepot(t)
  const jobs = createJobStore(db)
  await queueTask(db, 'import')
  const lease = await jobs.claimNext(['import'], 'tester', NOW)
  if (lease === undefined) return t.fail('nothing waits')
  t.equal(await jobs.isElsewhere(lease), false, 'it is here')
  await jobs.requeueCrashed(lease.jobId, 'another')
  t.equal(await jobs.isElsewhere(lease), false, 'nobody but its owner can have died of it')
  await jobs.requeueCrashed(lease.jobId, 'tester')
  t.equal(await jobs.isElsewhere(lease), true, 'it waits for somebody')
  const next = await jobs.claimNext(['import'], 'another', NOW)
  if (next === undefined) return t.fail('nothing waits')
  t.equal(await jobs.isElsewhere(lease), true, 'somebody has it')
  await jobs.finish(next, SUCCESS)
  t.equal(await jobs.isElsewhere(lease), false)
})

testOnBoth('only a scan that still waits is found as queued', async (t) => {
  const { db } = await makeDepot(t)
  await queueTask(db, 'export')
  t.equal(await findQueuedScan(db), undefined)
  const { jobId } = await queueTask(db, 'scan')
  t.equal(await findQueuedScan(db), jobId)
  await createJobStore(db).claimNext(['scan'], 'tester', NOW)
  t.equal(await findQueuedScan(db), undefined)
})

testOnBoth('what an owner has claimed at a time of which it was not told goes back to the queue', async (t) => {
  const { db } = await makeDepot(t)
  const jobs = createJobStore(db)
  const [one, two] = [await queueTask(db, 'export'), await queueTask(db, 'export')]
  await jobs.claimNext(['export'], 'tester', NOW)
  await jobs.claimNext(['export'], 'tester', LATER)
  await jobs.releaseClaim('another', NOW)
  await jobs.releaseClaim('tester', NOW)
  t.match([await rowOf(db, one), await rowOf(db, two)], [{ state: 'queued' }, { state: 'running' }])
  t.match(await jobs.claimNext(['export'], 'tester', LATER), { jobId: one.jobId, token: 2 })
})

testOnBoth('an end that is recorded once more is the same, and one that was not is refused', async (t) => {
  const { db } = await makeDepot(t)
  const jobs = createJobStore(db)
  await queueTask(db, 'export')
  const lease = await claimed(db)
  t.equal(await jobs.finish(lease, SUCCESS), true)
  t.equal(await jobs.finish(lease, SUCCESS), true)
  t.equal(await jobs.finish(lease, { ...SUCCESS, state: 'failed' }), false)
  t.equal(await jobs.finish({ ...lease, token: lease.token + 1 }, SUCCESS), false)
})
