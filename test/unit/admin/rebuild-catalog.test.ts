import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { rebuildCatalog } from '../../../src/admin/rebuild-catalog.ts'
import { Refusal } from '../../../src/core/problems/refusal.ts'
import type { Database } from '../../../src/store/engine/database.ts'
import { acquireInstanceLock, InstanceLocked, lockFileIn } from '../../../src/store/engine/instance-lock.ts'
import { type AdminDepot, makeAdminDepot, runDoctor } from '../../support/admin/admin-depot.ts'
import { listPackages } from '../../support/depot.ts'
import { packageFiles } from '../../support/packages.ts'

const FILES = { ...packageFiles({ fixid: 'a', payload: 'x' }), ...packageFiles({ fixid: 'b', payload: 'y' }) }

async function read<T>(depot: AdminDepot, query: (db: Database) => Promise<T>): Promise<T> {
  const results: T[] = []
  await depot.change(async (db) => results.push(await query(db)))
  return results[0] as T
}

const digests = (db: Database) => db.selectFrom('file').select(['path', 'crc32', 'sha256']).orderBy('path').execute()

t.test('a wrong catalog is built from the files again', async (t) => {
  const depot = await makeAdminDepot(t, FILES)
  const truth = await read(depot, digests)
  await depot.change(async (db) => {
    await db.updateTable('file_index').set({ crc32: 1, sha256: 'wrong' }).execute()
    await db.updateTable('file').set({ crc32: 1, sha256: 'wrong' }).execute()
    await db.updateTable('package').set({ name: 'wrong' }).where('fixid', '=', 'a').execute()
    await db.deleteFrom('package').where('fixid', '=', 'b').execute()
  })
  const { packageCount, filesRead } = await rebuildCatalog(depot)
  t.equal(packageCount, 2)
  t.equal(filesRead, 8)
  t.same(await read(depot, digests), truth)
  t.same(
    (await read(depot, (db) => listPackages(db))).map((item) => item.name),
    ['Name of a', 'Name of b']
  )
  t.same(await runDoctor(depot), { lines: ['Everything is sound.'], code: 0 })
})

t.test('tasks, plans and users stay unchanged', async (t) => {
  const depot = await makeAdminDepot(t, FILES)
  await depot.change(async (db) => {
    await db
      .insertInto('job')
      .values({ id: 5, kind: 'scan', state: 'ended', plan_id: null, started_at: null })
      .execute()
    const task = { id: 6, kind: 'scan', state: 'completed', job_id: 5, created_by: 'admin', created_at: 1 }
    await db.insertInto('task').values(task).execute()
    const user = { name: 'admin', role: 'admin', password_hash: 'x', created_at: 1, password_changed_at: 1 }
    await db.insertInto('user').values(user).execute()
    const plan = { digest: 'd', package_count: 1, entry_count: 1, directory_offset: 0, archive_size: 1 }
    await db.insertInto('plan').values(plan).execute()
  })
  const kept = async (db: Database) =>
    Promise.all((['job', 'task', 'plan', 'user'] as const).map((table) => db.selectFrom(table).selectAll().execute()))
  const before = await read(depot, kept)
  await rebuildCatalog(depot)
  t.same(await read(depot, kept), before)
})

t.test('while a server runs, the catalog is not rebuilt, and nothing is lost', async (t) => {
  const depot = await makeAdminDepot(t, FILES)
  const before = await read(depot, digests)
  const server = acquireInstanceLock(lockFileIn(depot.dataDirectory))
  await t.rejects(rebuildCatalog(depot), InstanceLocked)
  t.same(await read(depot, digests), before)
  server.release()
  await rebuildCatalog(depot)
  acquireInstanceLock(lockFileIn(depot.dataDirectory)).release()
})

t.test('without the repository, the old catalog stays', async (t) => {
  const depot = await makeAdminDepot(t, FILES)
  const before = await read(depot, digests)
  fs.renameSync(depot.repositoryDirectory, `${depot.repositoryDirectory}.away`)
  await t.rejects(rebuildCatalog(depot), Refusal)
  await t.rejects(rebuildCatalog(depot), /The repository directory .* cannot be read: ENOENT/)
  t.same(await read(depot, digests), before)
})

t.test('a missing database is not created', async (t) => {
  const depot = await makeAdminDepot(t, FILES)
  const databaseFile = path.join(depot.dataDirectory, 'other.db')
  await t.rejects(rebuildCatalog({ ...depot, databaseFile }), /There is no database at .*other\.db/)
  t.notOk(fs.existsSync(databaseFile))
})
