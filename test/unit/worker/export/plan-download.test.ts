import fs from 'node:fs'
import path from 'node:path'
import Database from 'better-sqlite3'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import type { Selection } from '../../../../src/core/export/export.ts'
import { createDownloadPlanner } from '../../../../src/worker/export/plan-download.ts'
import { ONLY_SQLITE } from '../../../support/engines.ts'
import { NIC, packageFiles, smallRepository, UEFI } from '../../../support/packages.ts'
import { EVERYTHING, makeExportDepot } from '../../../support/worker/pack-queued.ts'

const select = (fixid: string): Selection => ({ fixids: [fixid], scope: 'all' })

/** A planner with its own connection, and the number of rows that this connection has changed. */
async function makePlanner(t: Test) {
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const db = depot.connect()
  const changes = async () => {
    const { rows } = await sql<{ changes: number }>`select total_changes() as changes`.execute(db)
    return rows[0]?.changes ?? 0
  }
  return { depot, db, changes, planner: createDownloadPlanner(db, () => new Date()) }
}

t.test('the same selection of the same catalog is planned once', ONLY_SQLITE, async (t) => {
  const { planner, changes } = await makePlanner(t)
  const first = await planner.plan(select(UEFI))
  const before = await changes()
  t.same(await planner.plan(select(UEFI)), first)
  t.equal((await changes()) - before, 1, 'it is only kept for longer')
  t.not((await planner.plan(select(NIC))).digest, first.digest)
})

t.test('a change by another connection causes a new plan', async (t) => {
  const { depot, planner } = await makePlanner(t)
  const before = await planner.plan(EVERYTHING)
  for (const [name, content] of Object.entries(packageFiles({ fixid: 'later', payload: 'content' })))
    fs.writeFileSync(path.join(depot.repositoryDirectory, name), content)
  await depot.scan()
  t.equal((await planner.plan(EVERYTHING)).packageCount, before.packageCount + 1)
})

t.test('a change by this connection causes a new plan after `forget`', async (t) => {
  const { planner, db } = await makePlanner(t)
  const { digest } = await planner.plan(select(UEFI))
  await db.updateTable('file').set({ modified_at: 7 }).execute()
  planner.forget()
  t.not((await planner.plan(select(UEFI))).digest, digest)
})

t.test('a plan that was deleted meanwhile is created again', async (t) => {
  const { planner, db } = await makePlanner(t)
  const { digest } = await planner.plan(select(UEFI))
  await db.deleteFrom('plan').execute()
  t.equal((await planner.plan(select(UEFI))).digest, digest)
  t.equal((await db.selectFrom('plan').select('id').execute()).length, 1)
})

t.test('another connection that writes at the same time causes no error', ONLY_SQLITE, async (t) => {
  const { depot, planner } = await makePlanner(t)
  const other = new Database(depot.databaseFile, { timeout: 0 })
  t.teardown(() => other.close())
  const touch = other.prepare('update task_count set ended = ended + 1')
  let isDone = false
  let writes = 0
  const planning = planner.plan(select(UEFI)).finally(() => {
    isDone = true
  })
  while (!isDone) {
    try {
      touch.run()
      writes += 1
    } catch {
      // Lets the planner run.
    }
    await Promise.resolve()
  }
  t.equal((await planning).packageCount, 1)
  t.ok(writes > 0)
})
