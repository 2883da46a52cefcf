import t, { type Test } from 'tap'
import { createServerStore } from '../../../../src/store/cluster/server-store.ts'
import { createHeartbeat, HEARTBEAT_INTERVAL_MS, MISSED_HEARTBEATS } from '../../../../src/worker/cluster/heartbeat.ts'
import { makeDepot } from '../../../support/depot.ts'

async function watchOver(t: Test) {
  const { db } = await makeDepot(t)
  const servers = createServerStore(db)
  const clock = { time: 0 }
  const watchOf = (id: string) =>
    createHeartbeat({
      servers,
      self: { id, node: id, archives: 'place' },
      evictionOf: () => ({ keepsCheckpoints: true, recover: async () => {} }),
      clock: () => clock.time
    })
  const living = async () => (await servers.others('')).map(({ id }) => id)
  return { servers, clock, watchOf, living }
}

t.test('a server that stands still is taken for gone after some rounds, and not before', async (t) => {
  const { clock, watchOf, living } = await watchOver(t)
  const watch = watchOf('living')
  await watchOf('dead').heartbeat()
  for (let round = 0; round < MISSED_HEARTBEATS; round += 1) {
    clock.time += HEARTBEAT_INTERVAL_MS
    await watch.heartbeat()
  }
  t.same(await living(), ['dead', 'living'])
  clock.time += HEARTBEAT_INTERVAL_MS
  await watch.heartbeat()
  t.same(await living(), ['living'])
})

t.test('a server that beats is never taken for gone, and one that was is there again with its next beat', async (t) => {
  const { servers, clock, watchOf, living } = await watchOver(t)
  const [watch, slow] = [watchOf('living'), watchOf('slow')]
  for (let round = 0; round < 3 * MISSED_HEARTBEATS; round += 1) {
    clock.time += HEARTBEAT_INTERVAL_MS
    if (round % 3 === 0) await slow.heartbeat()
    await watch.heartbeat()
  }
  t.same(await living(), ['living', 'slow'])
  await servers.deregister('slow')
  await slow.heartbeat()
  t.same(await living(), ['living', 'slow'])
})

t.test('rounds that come late and close together take nobody: the others may be as late', async (t) => {
  const { clock, watchOf, living } = await watchOver(t)
  const watch = watchOf('living')
  await watchOf('late').heartbeat()
  clock.time += 100 * HEARTBEAT_INTERVAL_MS
  for (let round = 0; round < 3 * MISSED_HEARTBEATS; round += 1) await watch.heartbeat()
  t.same(await living(), ['late', 'living'])
})
