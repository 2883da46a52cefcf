import { OPERATION_SUCCEEDED, TASK_CANCELED } from '../../../../src/core/problems/message.ts'
import type { Database } from '../../../../src/store/engine/database.ts'
import { cancelTask } from '../../../../src/store/tasks/cancel-task.ts'
import { createJobStore } from '../../../../src/store/tasks/job-store.ts'
import { createTaskStore } from '../../../../src/store/tasks/task-store.ts'
import { joinJob, makeDepot, queueTask } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'

const NOW = new Date('2026-03-04T05:06:07.890Z')

const cancel = (db: Database, id: number) =>
  db.transaction().execute((trx) => cancelTask(trx, id, { message: TASK_CANCELED, now: NOW }))

testOnBoth('canceling one of two tasks leaves the job to the other', async (t) => {
  const { db } = await makeDepot(t)
  const tasks = createTaskStore(db)
  const first = await queueTask(db, 'export')
  const second = await joinJob(db, 'export', first.jobId)
  t.equal(await cancel(db, first.id), 'canceled')
  t.match(await tasks.findTask(first.id), { state: 'canceled', finishedAt: NOW, messages: [TASK_CANCELED] })
  t.match(await tasks.findTask(second.id), { state: 'queued', messages: [] })
  t.match(await createJobStore(db).claimNext(['export'], 'tester', NOW), { taskId: second.id })
})

testOnBoth('canceling the last task of a job ends the job, even while it runs', async (t) => {
  const { db } = await makeDepot(t)
  const jobs = createJobStore(db)
  const [waiting, running] = [await queueTask(db, 'export'), await queueTask(db, 'export')]
  await cancel(db, waiting.id)
  const lease = await jobs.claimNext(['export'], 'tester', NOW)
  t.equal(lease?.jobId, running.jobId, 'a canceled job is not claimed')
  await cancel(db, running.id)
  t.equal(lease && (await jobs.isHeld(lease)), false)
})

testOnBoth('of a cancellation and a completion, the first one counts', async (t) => {
  const { db } = await makeDepot(t)
  const [jobs, tasks] = [createJobStore(db), createTaskStore(db)]
  const outcome = { state: 'completed', message: OPERATION_SUCCEEDED, now: NOW } as const
  for (const isFirst of [true, false]) {
    const { id } = await queueTask(db, 'export')
    const lease = await jobs.claimNext(['export'], 'tester', NOW)
    if (lease === undefined) return t.fail('no job is queued')
    if (isFirst) {
      t.equal(await cancel(db, id), 'canceled')
      t.equal(await jobs.finish(lease, outcome), false)
    } else {
      t.equal(await jobs.finish(lease, outcome), true)
      t.equal(await cancel(db, id), 'ended')
    }
    const state = isFirst ? 'canceled' : 'completed'
    t.match(await tasks.findTask(id), { state, messages: { length: 1 } })
  }
})

testOnBoth('a task that never existed is unknown', async (t) => {
  const { db } = await makeDepot(t)
  t.equal(await cancel(db, 1), 'unknown')
})
