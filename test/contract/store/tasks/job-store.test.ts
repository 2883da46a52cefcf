import { createJobStore, findQueuedScan } from '../../../../src/store/tasks/job-store.ts'
import { makeDepot, queueTask } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'

const NOW = new Date('2026-03-04T05:06:07.890Z')

testOnBoth('only a queued scan is found as queued', async (t) => {
  const { db } = await makeDepot(t)
  await queueTask(db, 'export')
  t.equal(await findQueuedScan(db), undefined)
  const { jobId } = await queueTask(db, 'scan')
  t.equal(await findQueuedScan(db), jobId)
  await createJobStore(db).claimNext(['scan'], 'tester', NOW)
  t.equal(await findQueuedScan(db), undefined)
})
