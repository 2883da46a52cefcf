import t, { type Test } from 'tap'
import { createServerStore } from '../../src/store/server-store.ts'
import { BEAT_INTERVAL_MS, createServerWatch, PATIENCE_ROUNDS } from '../../src/worker/server-watch.ts'
import { makeDepot } from '../helpers/depot.ts'

async function watchOver(t: Test) {
  const { db } = await makeDepot(t)
  const servers = createServerStore(db)
  const clock = { time: 0 }
  const watchOf = (id: string) =>
    createServerWatch({
      servers,
      self: { id, node: id, archives: 'place' },
      burialOf: () => ({ keepsCheckpoints: true, recover: async () => {} }),
      clock: () => clock.time
    })
  const living = async () => (await servers.others('')).map(({ id }) => id)
  return { servers, clock, watchOf, living }
}

t.test('a server that stands still is taken for gone after some rounds, and not before', async (t) => {
  const { clock, watchOf, living } = await watchOver(t)
  const watch = watchOf('living')
  await watchOf('dead').beat()
  for (let round = 0; round < PATIENCE_ROUNDS; round += 1) {
    clock.time += BEAT_INTERVAL_MS
    await watch.beat()
  }
  t.same(await living(), ['dead', 'living'])
  clock.time += BEAT_INTERVAL_MS
  await watch.beat()
  t.same(await living(), ['living'])
})

t.test('a server that beats is never taken for gone, and one that was is there again with its next beat', async (t) => {
  const { servers, clock, watchOf, living } = await watchOver(t)
  const [watch, slow] = [watchOf('living'), watchOf('slow')]
  for (let round = 0; round < 3 * PATIENCE_ROUNDS; round += 1) {
    clock.time += BEAT_INTERVAL_MS
    if (round % 3 === 0) await slow.beat()
    await watch.beat()
  }
  t.same(await living(), ['living', 'slow'])
  await servers.leave('slow')
  await slow.beat()
  t.same(await living(), ['living', 'slow'])
})

t.test('rounds that come late and close together take nobody: the others may be as late', async (t) => {
  const { clock, watchOf, living } = await watchOver(t)
  const watch = watchOf('living')
  await watchOf('late').beat()
  clock.time += 100 * BEAT_INTERVAL_MS
  for (let round = 0; round < 3 * PATIENCE_ROUNDS; round += 1) await watch.beat()
  t.same(await living(), ['late', 'living'])
})
