import t from 'tap'
import type { Task } from '../../../../../src/core/tasks/task.ts'
import { createExportFeed, stateKey } from '../../../../../src/http/api/exports/export-feed.ts'
import { readerOf, someTask } from '../../../../support/api/some-tasks.ts'
import { until } from '../../../../support/servers/server.ts'

/** Exports that a test changes, and a feed that reads them. */
function someExports() {
  const state = { live: [] as Task[], ended: [] as Task[], reads: 0, isBroken: false }
  const errors: unknown[] = []
  const feed = createExportFeed({
    tasks: {
      ...readerOf([]),
      async liveTasks() {
        state.reads += 1
        if (state.isBroken) throw new Error('no database')
        return state.live
      },
      endedTasks: async (_kind, after, limit) =>
        state.ended.map((task, index) => ({ endNumber: index + 1, task })).slice(after, after + limit),
      lastEndNumber: async () => state.ended.length
    },
    intervalMs: 1,
    onError: (error) => errors.push(error)
  })
  const moreReads = async () => {
    const { reads } = state
    await until('the feed has read twice', () => state.reads > reads + 1)
  }
  return { state, feed, errors, moreReads }
}

t.test('a follower gets the live exports, and then every change once, in order', async (t) => {
  const { state, feed, moreReads } = someExports()
  state.ended = [someTask({ id: 1, state: 'completed' })]
  state.live = [someTask({ id: 2, state: 'queued' })]
  const follower = await feed.follow()
  t.same(follower.live, state.live)
  t.equal(follower.endNumber, 1)
  state.live = [someTask({ id: 2, bytesDone: 5 }), someTask({ id: 3, state: 'queued' })]
  await moreReads()
  const told: string[] = []
  follower.deliverTo((task, endNumber) => told.push(`${task.id} ${stateKey(task)} ${endNumber}`))
  t.same(told, ['2 running.1.5 1', '3 queued.1.200 1'])
  state.ended.push(someTask({ id: 2, state: 'failed' }))
  state.live = [someTask({ id: 3, state: 'queued' })]
  await moreReads()
  t.same(told.slice(2), ['2 failed.1.200 2'])
  follower.stop()
})

t.test('a follower gets the last state of each change before it listens, in the order of the changes', async (t) => {
  const { state, feed, moreReads } = someExports()
  const follower = await feed.follow()
  for (const bytesDone of [1, 2, 3]) {
    state.live = [someTask({ id: 1, bytesDone }), someTask({ id: 2 })]
    await moreReads()
  }
  const told: string[] = []
  follower.deliverTo((task) => told.push(`${task.id} ${stateKey(task)}`))
  t.same(told, ['2 running.1.200', '1 running.1.3'])
  follower.stop()
})

t.test('more than a page of ended exports is reported at once', async (t) => {
  const { state, feed, moreReads } = someExports()
  const follower = await feed.follow()
  const numbers: number[] = []
  follower.deliverTo((_task, endNumber) => numbers.push(endNumber))
  state.ended = Array.from({ length: 1_200 }, (_, id) => someTask({ id, state: 'canceled' }))
  await moreReads()
  t.same(
    numbers,
    Array.from({ length: 1_200 }, (_, index) => index + 1)
  )
  follower.stop()
})

t.test('a failed read is reported, and the next read reports the missed changes', async (t) => {
  const { state, feed, errors, moreReads } = someExports()
  const follower = await feed.follow()
  const told: number[] = []
  follower.deliverTo(({ id }) => told.push(id))
  state.isBroken = true
  await moreReads()
  t.match(errors[0], { message: 'no database' })
  await t.rejects(feed.follow(), { message: 'no database' })
  state.live = [someTask({ id: 9 })]
  state.isBroken = false
  await moreReads()
  t.same(told, [9])
  follower.stop()
})

t.test('without followers nothing is read, and exports that end meanwhile are not reported', async (t) => {
  const { state, feed, moreReads } = someExports()
  const follower = await feed.follow()
  await moreReads()
  follower.stop()
  const { reads } = state
  state.ended = [someTask({ state: 'completed' })]
  // As long as another feed reads again and again, this one would.
  const other = someExports()
  const busy = await other.feed.follow()
  for (let count = 0; count < 5; count += 1) await other.moreReads()
  busy.stop()
  t.ok(state.reads <= reads + 1, 'one reading may have been under way')
  const another = await feed.follow()
  another.deliverTo(() => t.fail('nothing has happened'))
  await moreReads()
  another.stop()
})
