import { OPERATION_SUCCEEDED } from '../../../../src/core/problems/message.ts'
import { type Checkpoint, FROM_THE_START, type Lease, LeaseLost } from '../../../../src/core/tasks/job.ts'
import type { Database } from '../../../../src/store/engine/database.ts'
import { createJobStore } from '../../../../src/store/tasks/job-store.ts'
import { createTaskStore } from '../../../../src/store/tasks/task-store.ts'
import { joinJob, makeDepot, queueTask } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'

const NOW = new Date('2026-03-04T05:06:07.890Z')
const LATER = new Date('2026-03-04T06:00:00.001Z')
const HALF: Checkpoint = { offset: 450, position: 3, crc32: 0xdeadbeef }
const SUCCESS = { state: 'completed', message: OPERATION_SUCCEEDED, now: LATER } as const

async function claimed(db: Database): Promise<Lease> {
  const job = await createJobStore(db).claimNext(['export'], 'tester', NOW)
  if (job === undefined) throw new Error('No job is queued')
  return job
}

const rowOf = (db: Database, { jobId }: { jobId: number }) =>
  db.selectFrom('job').selectAll().where('id', '=', jobId).executeTakeFirstOrThrow()

testOnBoth('a worker that has lost the lease writes nothing', async (t) => {
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

testOnBoth('counters never decrease, and the checkpoint is the newest one', async (t) => {
  const { db } = await makeDepot(t)
  const jobs = createJobStore(db)
  const task = await queueTask(db, 'export', { packages_total: 9, bytes_total: 900 })
  const lease = await claimed(db)
  await jobs.saveProgress(lease, { packagesDone: 4, bytesDone: 450 }, HALF)
  await jobs.saveProgress(lease, { packagesDone: 0, bytesDone: 0 }, FROM_THE_START)
  t.match(await rowOf(db, task), { packages_done: 4, bytes_done: 450, checkpoint_offset: 0, checkpoint_crc32: 0 })
})

testOnBoth('a finished job ends all tasks that wait for it, once', async (t) => {
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

testOnBoth('a failed job keeps its progress', async (t) => {
  const { db } = await makeDepot(t)
  const [jobs, tasks] = [createJobStore(db), createTaskStore(db)]
  const { id } = await queueTask(db, 'export', { packages_total: 9, bytes_total: 900 })
  const lease = await claimed(db)
  await jobs.saveProgress(lease, { packagesDone: 4, bytesDone: 450 })
  await jobs.finish(lease, { ...SUCCESS, state: 'failed' })
  t.match(await tasks.findTask(id), { state: 'failed', packagesDone: 4, bytesDone: 450 })
})

testOnBoth('finishing a job again with the same outcome succeeds, and with another one fails', async (t) => {
  const { db } = await makeDepot(t)
  const jobs = createJobStore(db)
  await queueTask(db, 'export')
  const lease = await claimed(db)
  t.equal(await jobs.finish(lease, SUCCESS), true)
  t.equal(await jobs.finish(lease, SUCCESS), true)
  t.equal(await jobs.finish(lease, { ...SUCCESS, state: 'failed' }), false)
  t.equal(await jobs.finish({ ...lease, token: lease.token + 1 }, SUCCESS), false)
})

testOnBoth('a job is elsewhere when it is queued or has another lease, and not when it has ended', async (t) => {
  const { db } = await makeDepot(t)
  const jobs = createJobStore(db)
  await queueTask(db, 'import')
  const lease = await jobs.claimNext(['import'], 'tester', NOW)
  if (lease === undefined) return t.fail('no job is queued')
  t.equal(await jobs.isElsewhere(lease), false, 'it is held by this lease')
  await jobs.requeueCrashed(lease.jobId, 'another')
  t.equal(await jobs.isElsewhere(lease), false, 'only its owner can have crashed')
  await jobs.requeueCrashed(lease.jobId, 'tester')
  t.equal(await jobs.isElsewhere(lease), true, 'it is queued')
  const next = await jobs.claimNext(['import'], 'another', NOW)
  if (next === undefined) return t.fail('no job is queued')
  t.equal(await jobs.isElsewhere(lease), true, 'it has another lease')
  await jobs.finish(next, SUCCESS)
  t.equal(await jobs.isElsewhere(lease), false)
})
