import t from 'tap'
import { FROM_THE_START } from '../../../../src/core/tasks/job.ts'
import { createServerStore } from '../../../../src/store/cluster/server-store.ts'
import { createJobStore } from '../../../../src/store/tasks/job-store.ts'
import { makeDepot, queueTask } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'

const NOW = new Date('2026-01-02T03:04:05Z')
const HALF = { offset: 450, position: 2, crc32: 7 }
const server = (id: string, node = `node of ${id}`) => ({ id, node, archives: 'location' })
const recover = async () => {}

for (const keepsCheckpoints of [true, false]) {
  const result = keepsCheckpoints ? 'keep their checkpoints' : 'restart from the beginning'
  testOnBoth(`the jobs of a dead server ${result}, and it is evicted once`, async (t) => {
    const { db } = await makeDepot(t)
    const [jobs, servers] = [createJobStore(db), createServerStore(db)]
    await queueTask(db, 'export')
    await servers.heartbeat(server('dead'))
    const lease = await jobs.claimNext(['export'], 'dead', NOW)
    if (lease === undefined) return t.fail('no job is queued')
    await jobs.saveProgress(lease, { packagesDone: 4, bytesDone: 450 }, HALF)
    const [first] = await servers.peerHeartbeats('living')
    if (first === undefined) return t.fail('there is no peer')
    await servers.heartbeat(server('dead'))
    t.equal(await servers.evict(first, { keepsCheckpoints, recover }), false, 'its heartbeat has increased')
    t.equal(await jobs.isHeld(lease), true)
    const [second] = await servers.peerHeartbeats('living')
    if (second === undefined) return t.fail('there is no peer')
    const evict = () => servers.evict(second, { keepsCheckpoints, recover })
    t.same([await evict(), await evict()], [true, false])
    t.equal(await jobs.isHeld(lease), false)
    const checkpoint = keepsCheckpoints ? HALF : FROM_THE_START
    t.match(await jobs.claimNext(['export'], 'living', NOW), { checkpoint, crashes: 0, token: 2 })
  })
}

testOnBoth('a restarted server requeues the jobs of its former process, and no others', async (t) => {
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

testOnBoth('an unregistered owner of a lease is found, and evicted', async (t) => {
  const { db } = await makeDepot(t)
  const [jobs, servers] = [createJobStore(db), createServerStore(db)]
  await queueTask(db, 'export')
  const lease = await jobs.claimNext(['export'], 'unregistered', NOW)
  if (lease === undefined) return t.fail('no job is queued')
  const [peer] = await servers.peerHeartbeats('living')
  t.match(peer, { id: 'unregistered' })
  if (peer === undefined) return
  await servers.heartbeat(server('unregistered'))
  t.equal(await servers.evict(peer, { keepsCheckpoints: true, recover }), false, 'it is registered now')
  await servers.deregister('unregistered')
  t.equal(await servers.evict(peer, { keepsCheckpoints: true, recover }), true)
  t.equal(await jobs.isHeld(lease), false)
})

t.test('a server whose recovery fails is not evicted', async (t) => {
  const { db } = await makeDepot(t)
  const servers = createServerStore(db)
  await servers.heartbeat(server('dead'))
  const [peer] = await servers.peerHeartbeats('living')
  if (peer === undefined) return t.fail('there is no peer')
  const fail = async () => Promise.reject(new Error('the volume is away'))
  await t.rejects(servers.evict(peer, { keepsCheckpoints: true, recover: fail }), /volume/)
  t.same(await servers.peerHeartbeats('living'), [peer])
})
