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
      evictionFor: () => ({ keepsCheckpoints: true, recover: async () => {} }),
      clock: () => clock.time
    })
  const living = async () => (await servers.others('')).map(({ id }) => id)
  return { servers, clock, watchOf, living }
}

t.test('a peer without new heartbeats is evicted after some rounds, and not before', async (t) => {
  const { clock, watchOf, living } = await watchOver(t)
  const watch = watchOf('living')
  await watchOf('dead').beat()
  for (let round = 0; round < MISSED_HEARTBEATS; round += 1) {
    clock.time += HEARTBEAT_INTERVAL_MS
    await watch.beat()
  }
  t.same(await living(), ['dead', 'living'])
  clock.time += HEARTBEAT_INTERVAL_MS
  await watch.beat()
  t.same(await living(), ['living'])
})

t.test(
  'a peer that sends heartbeats is never evicted, and an evicted one is back with its next heartbeat',
  async (t) => {
    const { servers, clock, watchOf, living } = await watchOver(t)
    const [watch, slow] = [watchOf('living'), watchOf('slow')]
    for (let round = 0; round < 3 * MISSED_HEARTBEATS; round += 1) {
      clock.time += HEARTBEAT_INTERVAL_MS
      if (round % 3 === 0) await slow.beat()
      await watch.beat()
    }
    t.same(await living(), ['living', 'slow'])
    await servers.deregister('slow')
    await slow.beat()
    t.same(await living(), ['living', 'slow'])
  }
)

t.test('delayed rounds that follow each other closely evict no peer: the peers may be delayed too', async (t) => {
  const { clock, watchOf, living } = await watchOver(t)
  const watch = watchOf('living')
  await watchOf('late').beat()
  clock.time += 100 * HEARTBEAT_INTERVAL_MS
  for (let round = 0; round < 3 * MISSED_HEARTBEATS; round += 1) await watch.beat()
  t.same(await living(), ['late', 'living'])
})
