import type { Test } from 'tap'
import type { TaskReader } from '../../../../src/core/tasks/task.ts'
import { rememberTasks } from '../../../../src/store/tasks/task-cache.ts'
import { createTaskStore } from '../../../../src/store/tasks/task-store.ts'
import { endTasks } from '../../../../src/store/tasks/write-tasks.ts'
import { makeDepot, queueTask } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'

const DONE = { id: 'DONE', text: 'done', explanation: '', recovery: '' }

/** A depot with a task, and a reader that counts the queries. */
async function follow(t: Test) {
  const depot = await makeDepot(t)
  const { id } = await queueTask(depot.db, 'export')
  const own = depot.connect()
  const store = createTaskStore(own)
  let reads = 0
  const counting: TaskReader = {
    ...store,
    findTask(id) {
      reads += 1
      return store.findTask(id)
    }
  }
  const tasks = rememberTasks(own, counting)
  return { depot, own, id, reads: () => reads, state: async () => (await tasks.findTask(id))?.state, tasks }
}

const end = (taskId: number) => [{ taskId }, { state: 'completed', message: DONE, now: new Date() }] as const

testOnBoth('a task is read once while nothing is written', async (t) => {
  const { state, reads, tasks } = await follow(t)
  t.same([await state(), await state(), await state(), reads()], ['queued', 'queued', 'queued', 1])
  t.same([await tasks.findTask(999), await tasks.findTask(999), reads()], [undefined, undefined, 2])
})

testOnBoth('a write of another connection is visible at once', async (t) => {
  const { depot, id, state } = await follow(t)
  t.equal(await state(), 'queued')
  await endTasks(depot.db, ...end(id))
  t.equal(await state(), 'completed')
})

testOnBoth('a write of the same connection is visible at once', async (t) => {
  const { own, id, state } = await follow(t)
  t.equal(await state(), 'queued')
  await endTasks(own, ...end(id))
  t.equal(await state(), 'completed')
})
