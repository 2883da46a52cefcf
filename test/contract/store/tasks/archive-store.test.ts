import type { Test } from 'tap'
import { createArchiveStore } from '../../../../src/store/tasks/archive-store.ts'
import { createJobStore } from '../../../../src/store/tasks/job-store.ts'
import { makeDepot, queueTask } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'

const NOW = new Date('2026-05-06T07:08:09Z')
const hours = (count: number) => new Date(NOW.getTime() + count * 3_600_000)

/** A store with plans; each has a state and a time until which it is kept. */
async function openStore(t: Test, plans: readonly (readonly [state: string, keptUntil?: Date])[] = []) {
  const { db } = await makeDepot(t)
  const ids: number[] = []
  for (const [index, [archive_state, keptUntil]] of plans.entries()) {
    const values = {
      digest: `digest ${index}`,
      package_count: 1,
      entry_count: 1,
      directory_offset: 900,
      archive_size: 1_000,
      archive_name: `archive ${index}`,
      archive_state,
      kept_until: keptUntil?.getTime() ?? null
    }
    const { id } = await db.insertInto('plan').values(values).returning('id').executeTakeFirstOrThrow()
    const entry = { plan_id: id, position: 0, path: 'a', size: 1, crc32: 1, modified_at: 1, offset: 0, fixid: 'a' }
    await db
      .insertInto('plan_entry')
      .values({ ...entry, sha256: 'ab', packages_done: 1 })
      .execute()
    ids.push(id)
  }
  const withEntries = async () =>
    (await db.selectFrom('plan_entry').select('plan_id').orderBy('plan_id').execute()).map((row) => row.plan_id)
  return { db, ids, archives: createArchiveStore(db), withEntries }
}

testOnBoth('only archives whose time is over expire, and their entries are deleted', async (t) => {
  const { archives, ids, withEntries } = await openStore(t, [
    ['kept', hours(-1)],
    ['kept', hours(1)],
    ['pending'],
    ['none']
  ])
  t.same(await archives.expire(NOW), ['archive 0'])
  t.match(await archives.findArchive('archive 0'), { state: 'gone' })
  t.match(await archives.findArchive('archive 1'), { state: 'kept', keptUntil: hours(1) })
  t.same(await withEntries(), ids.slice(1))
  t.same(await archives.expire(NOW), [])
})

testOnBoth('keeping an archive longer never shortens its time', async (t) => {
  const { archives, ids } = await openStore(t, [['kept', hours(5)]])
  const [id = 0] = ids
  await archives.keepLonger(id, hours(2))
  t.match(await archives.findArchive('archive 0'), { keptUntil: hours(5) })
  await archives.keepLonger(id, hours(9))
  t.match(await archives.findArchive('archive 0'), { keptUntil: hours(9) })
})

testOnBoth('only a kept archive can be marked as gone', async (t) => {
  const { archives, ids, withEntries } = await openStore(t, [['pending'], ['kept', hours(1)]])
  for (const id of ids) await archives.markGone(id)
  t.match(await archives.findArchive('archive 0'), { state: 'pending' })
  t.match(await archives.findArchive('archive 1'), { state: 'gone' })
  t.same(await withEntries(), ids.slice(0, 1))
})

testOnBoth('pending and kept archives own their names, others do not', async (t) => {
  const { archives } = await openStore(t, [['pending'], ['kept', hours(1)], ['gone'], ['none']])
  const names = [0, 1, 2, 3, 4].map((index) => `archive ${index}`)
  t.same(
    await archives.ownedNames(names),
    new Map([
      ['archive 0', 'pending'],
      ['archive 1', 'kept']
    ])
  )
  t.same(await archives.ownedNames([]), new Map())
  t.same([await archives.isNameTaken('archive 2'), await archives.isNameTaken('archive 4')], [true, false])
})

testOnBoth('names are counted that continue with digits, and no others', async (t) => {
  const { db, archives, ids } = await openStore(t, [['kept'], ['gone'], ['pending'], ['kept'], ['kept']])
  const names = ['repository7.zip', 'repository7001.zip', 'repository71000.zip', 'repository8.zip', 'repository']
  for (const [index, archive_name] of names.entries()) {
    await db
      .updateTable('plan')
      .set({ archive_name })
      .where('id', '=', ids[index] ?? 0)
      .execute()
  }
  t.equal(await archives.countNames('repository7'), 3)
  t.equal(await archives.countNames('repository9'), 0)
})

testOnBoth('the bytes that are still to be packed are reserved, and the packed ones are not', async (t) => {
  const { db, archives, ids } = await openStore(t, [['pending'], ['pending'], ['kept', hours(1)]])
  t.equal(await archives.reservedBytes(), 0, 'without jobs nothing is packed')
  for (const plan_id of ids.slice(0, 2)) await queueTask(db, 'export', { plan_id, bytes_total: 1_000 })
  t.equal(await archives.reservedBytes(), 2_000)
  const jobs = createJobStore(db)
  const lease = await jobs.claimNext(['export'], 'tester', NOW)
  if (lease === undefined) return t.fail('no job is queued')
  const progress = { packagesDone: 0, bytesDone: 400 }
  await jobs.saveProgress(lease, progress, { offset: 400, position: 0, crc32: 1 })
  t.equal(await archives.reservedBytes(), 1_600)
})
