import t from 'tap'
import { createWorkStore } from '../../src/store/work-store.ts'
import { createLeaseWatch, LEASE_EXPIRY_MS } from '../../src/worker/lease-watch.ts'
import { makeDepot, queueTask } from '../helpers/depot.ts'

t.test('a lease whose owner stands still is taken, however the clocks of the day are set', async (t) => {
  const { db } = await makeDepot(t)
  const works = createWorkStore(db)
  await queueTask(db, 'export')
  // Claimed far in the future, for whoever looks at the time of day.
  const lease = await works.claimNext(['export'], 'the dead', new Date('2099-01-01T00:00:00Z'))
  if (lease === undefined) return t.fail('nothing waits')
  let clock = 1_000
  const watch = createLeaseWatch(works, 'the living', () => clock)
  await watch.beat()
  clock += LEASE_EXPIRY_MS - 1
  await watch.beat()
  t.equal(await works.isHeld(lease), true, 'not before its time')
  clock += 1
  await watch.beat()
  t.equal(await works.isHeld(lease), false)
  t.match(await works.claimNext(['export'], 'the living', new Date()), { token: lease.token + 1 })
})

t.test('a lease whose owner beats is never taken', async (t) => {
  const { db } = await makeDepot(t)
  const works = createWorkStore(db)
  await queueTask(db, 'export')
  const lease = await works.claimNext(['export'], 'the slow', new Date())
  if (lease === undefined) return t.fail('nothing waits')
  let clock = 0
  const [watch, owner] = [
    createLeaseWatch(works, 'the living', () => clock),
    createLeaseWatch(works, 'the slow', () => clock)
  ]
  for (let round = 0; round < 5; round += 1) {
    await watch.beat()
    clock += LEASE_EXPIRY_MS
    await owner.beat()
  }
  t.equal(await works.isHeld(lease), true)
})

t.test('a process never takes its own work from itself, however long its beat is late', async (t) => {
  const { db } = await makeDepot(t)
  const works = createWorkStore(db)
  await queueTask(db, 'export')
  const lease = await works.claimNext(['export'], 'the living', new Date())
  if (lease === undefined) return t.fail('nothing waits')
  let clock = 0
  const watch = createLeaseWatch(works, 'the living', () => clock)
  for (let round = 0; round < 3; round += 1) {
    await watch.beat()
    clock += 10 * LEASE_EXPIRY_MS
  }
  t.equal(await works.isHeld(lease), true)
})
