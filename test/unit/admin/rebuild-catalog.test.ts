import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { rebuildCatalog } from '../../../src/admin/rebuild-catalog.ts'
import { Refusal } from '../../../src/admin/refusal.ts'
import type { Database } from '../../../src/store/engine/database.ts'
import { acquireInstanceLock, InstanceLocked, lockFileIn } from '../../../src/store/engine/instance-lock.ts'
import { consult, type Location, makeLocation } from '../../support/admin/location.ts'
import { listPackages } from '../../support/depot.ts'
import { packageFiles } from '../../support/packages.ts'

const FILES = { ...packageFiles({ fixid: 'a', payload: 'x' }), ...packageFiles({ fixid: 'b', payload: 'y' }) }

async function read<T>(location: Location, query: (db: Database) => Promise<T>): Promise<T> {
  const results: T[] = []
  await location.change(async (db) => results.push(await query(db)))
  return results[0] as T
}

const digests = (db: Database) => db.selectFrom('file').select(['path', 'crc32', 'sha256']).orderBy('path').execute()

t.test('a catalog that says what is not true is made anew from the files', async (t) => {
  const location = await makeLocation(t, FILES)
  const truth = await read(location, digests)
  await location.change(async (db) => {
    await db.updateTable('file_index').set({ crc32: 1, sha256: 'wrong' }).execute()
    await db.updateTable('file').set({ crc32: 1, sha256: 'wrong' }).execute()
    await db.updateTable('package').set({ name: 'wrong' }).where('fixid', '=', 'a').execute()
    await db.deleteFrom('package').where('fixid', '=', 'b').execute()
  })
  const { packageCount, filesRead } = await rebuildCatalog(location)
  t.equal(packageCount, 2)
  t.equal(filesRead, 8)
  t.same(await read(location, digests), truth)
  t.same(
    (await read(location, (db) => listPackages(db))).map((item) => item.name),
    ['Name of a', 'Name of b']
  )
  t.same(await consult(location), { lines: ['Everything is sound.'], code: 0 })
})

t.test('tasks, plans and who may log in stay as they are', async (t) => {
  const location = await makeLocation(t, FILES)
  await location.change(async (db) => {
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
  const before = await read(location, kept)
  await rebuildCatalog(location)
  t.same(await read(location, kept), before)
})

t.test('while a server runs nothing is rebuilt, and nothing is lost', async (t) => {
  const location = await makeLocation(t, FILES)
  const before = await read(location, digests)
  const server = acquireInstanceLock(lockFileIn(location.dataDirectory))
  await t.rejects(rebuildCatalog(location), InstanceLocked)
  t.same(await read(location, digests), before)
  server.release()
  await rebuildCatalog(location)
  acquireInstanceLock(lockFileIn(location.dataDirectory)).release()
})

t.test('without the repository the old catalog is kept', async (t) => {
  const location = await makeLocation(t, FILES)
  const before = await read(location, digests)
  fs.renameSync(location.repositoryDirectory, `${location.repositoryDirectory}.away`)
  await t.rejects(rebuildCatalog(location), Refusal)
  await t.rejects(rebuildCatalog(location), /The repository directory .* cannot be read: ENOENT/)
  t.same(await read(location, digests), before)
})

t.test('no database is made where there is none', async (t) => {
  const location = await makeLocation(t, FILES)
  const databaseFile = path.join(location.dataDirectory, 'other.db')
  await t.rejects(rebuildCatalog({ ...location, databaseFile }), /There is no database at .*other\.db/)
  t.notOk(fs.existsSync(databaseFile))
})
