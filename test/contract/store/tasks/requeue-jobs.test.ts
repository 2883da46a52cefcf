import { OPERATION_SUCCEEDED } from '../../../../src/core/problems/message.ts'
import type { Checkpoint, Lease } from '../../../../src/core/tasks/job.ts'
import type { Database } from '../../../../src/store/engine/database.ts'
import { createJobStore } from '../../../../src/store/tasks/job-store.ts'
import { makeDepot, queueTask } from '../../../support/depot.ts'
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

testOnBoth('a released job keeps its checkpoint, and does not count as a crash', async (t) => {
  const { db } = await makeDepot(t)
  const jobs = createJobStore(db)
  await queueTask(db, 'export')
  const lease = await claimed(db)
  await jobs.saveProgress(lease, { packagesDone: 4, bytesDone: 450 }, HALF)
  await jobs.release(lease)
  t.match(await jobs.claimNext(['export'], 'another', LATER), { checkpoint: HALF, crashes: 0, token: 2 })
})

testOnBoth('the death of a worker is counted as a crash, the end of the process is not', async (t) => {
  const { db } = await makeDepot(t)
  const jobs = createJobStore(db)
  const { jobId } = await queueTask(db, 'export')
  await claimed(db)
  await jobs.requeueCrashed(jobId, 'tester')
  t.match(await jobs.claimNext(['export'], 'tester', NOW), { crashes: 1 })
  await jobs.requeueAll()
  t.match(await jobs.claimNext(['export'], 'tester', NOW), { crashes: 1 })
})

testOnBoth('a job that has ended is not requeued', async (t) => {
  const { db } = await makeDepot(t)
  const jobs = createJobStore(db)
  const ended = await queueTask(db, 'export')
  await jobs.finish(await claimed(db), SUCCESS)
  await jobs.requeueCrashed(ended.jobId, 'tester')
  await jobs.requeueAll()
  t.match(await rowOf(db, ended), { state: 'ended', crashes: 0 })
  t.equal(await jobs.claimNext(['export'], 'tester', NOW), undefined)
})
