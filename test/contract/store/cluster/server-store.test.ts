import t from 'tap'
import { FROM_THE_START } from '../../../../src/core/tasks/job.ts'
import { createServerStore } from '../../../../src/store/cluster/server-store.ts'
import { createJobStore } from '../../../../src/store/tasks/job-store.ts'
import { makeDepot, queueTask } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'

const NOW = new Date('2026-01-02T03:04:05Z')
const HALF = { offset: 450, position: 2, crc32: 7 }
const server = (id: string, node = `node of ${id}`) => ({ id, node, archives: 'place' })
const recover = async () => {}

for (const keepsCheckpoints of [true, false]) {
  const what = keepsCheckpoints ? 'goes on where it was' : 'begins anew'
  testOnBoth(`the work of a server that has gone ${what}, and is taken from it once`, async (t) => {
    const { db } = await makeDepot(t)
    const [jobs, servers] = [createJobStore(db), createServerStore(db)]
    await queueTask(db, 'export')
    await servers.heartbeat(server('dead'))
    const lease = await jobs.claimNext(['export'], 'dead', NOW)
    if (lease === undefined) return t.fail('nothing waits')
    await jobs.saveProgress(lease, { packagesDone: 4, bytesDone: 450 }, HALF)
    const [seen] = await servers.peerHeartbeats('living')
    if (seen === undefined) return t.fail('nobody is there')
    await servers.heartbeat(server('dead'))
    t.equal(await servers.evict(seen, { keepsCheckpoints, recover }), false, 'it has beaten since')
    t.equal(await jobs.isHeld(lease), true)
    const [again] = await servers.peerHeartbeats('living')
    if (again === undefined) return t.fail('nobody is there')
    const evict = () => servers.evict(again, { keepsCheckpoints, recover })
    t.same([await evict(), await evict()], [true, false])
    t.equal(await jobs.isHeld(lease), false)
    const checkpoint = keepsCheckpoints ? HALF : FROM_THE_START
    t.match(await jobs.claimNext(['export'], 'living', NOW), { checkpoint, crashes: 0, token: 2 })
  })
}

testOnBoth('a server that starts again takes back what its former process had, and nobody else', async (t) => {
  const { db } = await makeDepot(t)
  const [jobs, servers] = [createJobStore(db), createServerStore(db)]
  for (const id of ['former', 'other']) {
    await servers.heartbeat(server(id))
    await queueTask(db, 'export')
    await jobs.claimNext(['export'], id, NOW)
  }
  await servers.takeOver(server('now', 'node of former'))
  t.same(
    (await servers.others('now')).map(({ id }) => id),
    ['other']
  )
  const owners = await db.selectFrom('job').select(['state', 'lease_owner']).orderBy('id').execute()
  t.match(owners, [{ state: 'queued' }, { state: 'running', lease_owner: 'other' }])
})

testOnBoth('who has a lease without being in the list is seen, and buried', async (t) => {
  const { db } = await makeDepot(t)
  const [jobs, servers] = [createJobStore(db), createServerStore(db)]
  await queueTask(db, 'export')
  const lease = await jobs.claimNext(['export'], 'unlisted', NOW)
  if (lease === undefined) return t.fail('nothing waits')
  const [sign] = await servers.peerHeartbeats('living')
  t.match(sign, { id: 'unlisted' })
  if (sign === undefined) return
  await servers.heartbeat(server('unlisted'))
  t.equal(await servers.evict(sign, { keepsCheckpoints: true, recover }), false, 'it is listed by now')
  await servers.deregister('unlisted')
  t.equal(await servers.evict(sign, { keepsCheckpoints: true, recover }), true)
  t.equal(await jobs.isHeld(lease), false)
})

t.test('what cannot be put in order is not taken', async (t) => {
  const { db } = await makeDepot(t)
  const servers = createServerStore(db)
  await servers.heartbeat(server('dead'))
  const [sign] = await servers.peerHeartbeats('living')
  if (sign === undefined) return t.fail('nobody is there')
  const fail = async () => Promise.reject(new Error('the volume is away'))
  await t.rejects(servers.evict(sign, { keepsCheckpoints: true, recover: fail }), /volume/)
  t.same(await servers.peerHeartbeats('living'), [sign])
})
