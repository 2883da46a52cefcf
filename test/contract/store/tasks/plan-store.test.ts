import type { PlanEntry } from '../../../../src/core/export/plan.ts'
import { createPlanStore } from '../../../../src/store/tasks/plan-store.ts'
import { itemsOf, makeDepot } from '../../../support/depot.ts'
import { testOnBoth } from '../../../support/engines.ts'

function entries(count: number, prefix = ''): PlanEntry[] {
  return Array.from({ length: count }, (_, position) => ({
    position,
    path: `${prefix}${position}.uxz`,
    size: position * 7,
    crc32: 0xffffffff - position,
    sha256: position.toString(16).padStart(64, '0'),
    modifiedAt: position - 1000,
    offset: 2 ** 52 + position,
    fixid: `fix-${position % 10}`,
    packagesDone: Math.floor(position / 4)
  }))
}

testOnBoth('entries are read in pages, in order and as they were inserted', async (t) => {
  const { db } = await makeDepot(t)
  const plans = createPlanStore(db)
  for (const [count, pages] of [
    [2500, [1000, 1000, 500]],
    [2000, [1000, 1000]],
    [1, [1]],
    [0, []]
  ] as const) {
    const id = await plans.begin()
    const all = entries(count)
    await plans.addEntries(id, all.slice(0, 10))
    await plans.addEntries(id, all.slice(10))
    const lengths: number[] = []
    for await (const page of plans.entryPages(id)) lengths.push(page.length)
    t.same(lengths, pages)
    t.same(await itemsOf(plans.entryPages(id)), all)
  }
})

testOnBoth('a plan has only its own entries', async (t) => {
  const { db } = await makeDepot(t)
  const plans = createPlanStore(db)
  const ids = [await plans.begin(), await plans.begin()] as const
  await plans.addEntries(ids[0], entries(3, 'first/'))
  await plans.addEntries(ids[1], entries(2, 'second/'))
  t.same(await itemsOf(plans.entryPages(ids[0])), entries(3, 'first/'))
  t.same(await itemsOf(plans.entryPages(ids[1])), entries(2, 'second/'))
})

testOnBoth('a completed plan is read as it was completed', async (t) => {
  const { db } = await makeDepot(t)
  const plans = createPlanStore(db)
  const id = await plans.begin()
  const empty = { digest: '', packageCount: 0, entryCount: 0, directoryOffset: 0, archiveSize: 0 }
  t.same(await plans.getPlan(id), { id, ...empty })
  const plan = {
    id,
    digest: 'f'.repeat(64),
    packageCount: 12,
    entryCount: 40,
    directoryOffset: 2 ** 45,
    archiveSize: 2 ** 45 + 99
  }
  const other = await plans.begin()
  await plans.complete(plan, 'repository20260101000000.zip')
  t.same(await plans.getPlan(id), plan)
  t.same(await plans.getPlan(other), { id: other, ...empty })
})

testOnBoth('a plan with an unknown id does not exist', async (t) => {
  const { db } = await makeDepot(t)
  const plans = createPlanStore(db)
  await t.rejects(plans.getPlan(1))
  await t.rejects(plans.addEntries(1, entries(1)), /FOREIGN KEY/i)
  t.same(await itemsOf(plans.entryPages(1)), [])
})

testOnBoth('a position has one entry', async (t) => {
  const { db } = await makeDepot(t)
  const plans = createPlanStore(db)
  const id = await plans.begin()
  await plans.addEntries(id, entries(2))
  await t.rejects(plans.addEntries(id, entries(1, 'again/')), /UNIQUE/i)
})

testOnBoth('a plan is found by the name of its archive while that is pending or kept', async (t) => {
  const { db } = await makeDepot(t)
  const plans = createPlanStore(db)
  const id = await plans.begin()
  const plan = { id, digest: 'a'.repeat(64), packageCount: 1, entryCount: 2, directoryOffset: 10, archiveSize: 90 }
  await plans.complete(plan, 'repository20260101000000.zip')
  for (const [state, expected] of [
    ['pending', plan],
    ['kept', plan],
    ['gone', undefined],
    ['none', undefined]
  ] as const) {
    await db.updateTable('plan').set({ archive_state: state }).where('id', '=', id).execute()
    t.same(await plans.findPlan('repository20260101000000.zip'), expected, state)
  }
  t.equal(await plans.findPlan(''), undefined)
})

testOnBoth('the entry of any byte before the directory is found', async (t) => {
  const { db } = await makeDepot(t)
  const plans = createPlanStore(db)
  for (const count of [1, 2, 3, 64, 65]) {
    const id = await plans.begin()
    const all = entries(count).map((entry) => ({ ...entry, offset: entry.position * 100 }))
    await plans.addEntries(id, all)
    for (const { position, offset } of all) {
      t.equal(await plans.positionAt(id, count, offset), position)
      t.equal(await plans.positionAt(id, count, offset + 99), position)
    }
  }
})
