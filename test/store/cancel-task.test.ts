import { OPERATION_SUCCEEDED, TASK_CANCELED } from '../../src/core/message.ts'
import { cancelTask } from '../../src/store/cancel-task.ts'
import type { Depot } from '../../src/store/database.ts'
import { createTaskStore } from '../../src/store/task-store.ts'
import { createWorkStore } from '../../src/store/work-store.ts'
import { joinWork, makeDepot, queueTask } from '../helpers/depot.ts'
import { testOnBoth } from '../helpers/engines.ts'

const NOW = new Date('2026-03-04T05:06:07.890Z')

const cancel = (db: Depot, id: number) =>
  db.transaction().execute((trx) => cancelTask(trx, id, { message: TASK_CANCELED, now: NOW }))

testOnBoth('canceling one of two tasks leaves the work to the other', async (t) => {
  const { db } = await makeDepot(t)
  const tasks = createTaskStore(db)
  const first = await queueTask(db, 'export')
  const second = await joinWork(db, 'export', first.workId)
  t.equal(await cancel(db, first.id), 'canceled')
  t.match(await tasks.findTask(first.id), { state: 'canceled', finishedAt: NOW, messages: [TASK_CANCELED] })
  t.match(await tasks.findTask(second.id), { state: 'queued', messages: [] })
  t.match(await createWorkStore(db).claimNext(['export'], 'tester', NOW), { taskId: second.id })
})

testOnBoth('with its last task the work ends, also while it runs', async (t) => {
  const { db } = await makeDepot(t)
  const works = createWorkStore(db)
  const [waiting, running] = [await queueTask(db, 'export'), await queueTask(db, 'export')]
  await cancel(db, waiting.id)
  const lease = await works.claimNext(['export'], 'tester', NOW)
  t.equal(lease?.workId, running.workId, 'what was canceled is not begun')
  await cancel(db, running.id)
  t.equal(lease && (await works.isHeld(lease)), false)
})

testOnBoth('of a cancellation and a completion the first one counts', async (t) => {
  const { db } = await makeDepot(t)
  const [works, tasks] = [createWorkStore(db), createTaskStore(db)]
  const outcome = { state: 'completed', message: OPERATION_SUCCEEDED, now: NOW } as const
  for (const isFirst of [true, false]) {
    const { id } = await queueTask(db, 'export')
    const lease = await works.claimNext(['export'], 'tester', NOW)
    if (lease === undefined) return t.fail('nothing waits')
    if (isFirst) {
      t.equal(await cancel(db, id), 'canceled')
      t.equal(await works.finish(lease, outcome), false)
    } else {
      t.equal(await works.finish(lease, outcome), true)
      t.equal(await cancel(db, id), 'ended')
    }
    const state = isFirst ? 'canceled' : 'completed'
    t.match(await tasks.findTask(id), { state, messages: { length: 1 } })
  }
})

testOnBoth('a task that never was is unknown', async (t) => {
  const { db } = await makeDepot(t)
  t.equal(await cancel(db, 1), 'unknown')
})
