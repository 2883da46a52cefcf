/** Cancellations race against completions at random moments: each task ends once. */
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { allowTime, ROUNDS, startChance } from '../../support/chaos/chaos.ts'
import { FIXIDS, makeChaosDepot } from '../../support/chaos/chaos-depot.ts'
import { startServer, until } from '../../support/servers/server.ts'

allowTime(t, 10)

const RACES = 25 * ROUNDS
/** The duration of a small export; the cancellation comes at any moment of it. */
const EXPORT_MS = 15

t.test(`${RACES} races of a cancellation against the completion end in one state each`, async (t) => {
  const chance = startChance(t)
  const depot = await makeChaosDepot(t, 2 ** 18)
  const server = await startServer(t, depot)
  const outcomes: Record<string, number> = { complete: 0, canceled: 0 }
  const taskIds: number[] = []
  for (let race = 0; race < RACES; race += 1) {
    const taskid = await server.export({ fixids: chance.some(FIXIDS) })
    taskIds.push(taskid)
    await wait(chance.below(EXPORT_MS))
    const response = await server.call(`/api/v1/exports/${taskid}`, { method: 'DELETE' })
    const { state, current, progress } = await server.status(taskid)
    if (response.status === 204) {
      if (state !== 'canceled' || current !== '' || progress !== 100) t.fail(`${taskid} was canceled, and is ${state}`)
    } else if (response.status !== 409 || state !== 'complete' || current === '') {
      t.fail(`${taskid} was not canceled (${response.status}), and is ${state}`)
    }
    outcomes[state] = (outcomes[state] ?? 0) + 1
  }
  t.comment(JSON.stringify(outcomes))
  t.equal(Object.keys(outcomes).length, 2, 'there are no other outcomes')
  await until('no part is left', async () => (await depot.archives.unfinished()).length === 0)
  await depot.checkAllWhole(t)
  const there = await depot.archives.finished()
  for (const taskid of taskIds) {
    const { state, current } = await server.status(taskid)
    if (state === 'complete' && !there.includes(current)) t.fail(`the archive of ${taskid} is gone`)
  }
  t.equal(server.stderr(), '')
  await server.stop()
  const messages = await depot.query<{ count: number }>(
    'select count(*) as count from task_message where position = 0 group by task_id having count(*) > 1'
  )
  t.same(messages, [], 'each task has one final message')
  const kept = await depot.query<{ name: string }>("select archive_name as name from plan where archive_state = 'kept'")
  t.same(await depot.archives.finished(), kept.map(({ name }) => name).sort(), 'every archive belongs to a plan')
})
