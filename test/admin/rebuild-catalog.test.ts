import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { rebuildCatalog } from '../../src/admin/rebuild-catalog.ts'
import { Refusal } from '../../src/admin/refusal.ts'
import type { Depot } from '../../src/store/database.ts'
import { acquireInstanceLock, InstanceLocked, lockFileIn } from '../../src/store/instance-lock.ts'
import { listPackages } from '../helpers/depot.ts'
import { packageFiles } from '../helpers/packages.ts'
import { consult, makePlace, type Place } from './place.ts'

const FILES = { ...packageFiles({ fixid: 'a', payload: 'x' }), ...packageFiles({ fixid: 'b', payload: 'y' }) }

async function read<T>(place: Place, query: (db: Depot) => Promise<T>): Promise<T> {
  const results: T[] = []
  await place.change(async (db) => results.push(await query(db)))
  return results[0] as T
}

const digests = (db: Depot) => db.selectFrom('file').select(['path', 'crc32', 'sha256']).orderBy('path').execute()

t.test('a catalog that says what is not true is made anew from the files', async (t) => {
  const place = await makePlace(t, FILES)
  const truth = await read(place, digests)
  await place.change(async (db) => {
    await db.updateTable('file_reading').set({ crc32: 1, sha256: 'wrong' }).execute()
    await db.updateTable('file').set({ crc32: 1, sha256: 'wrong' }).execute()
    await db.updateTable('package').set({ name: 'wrong' }).where('fixid', '=', 'a').execute()
    await db.deleteFrom('package').where('fixid', '=', 'b').execute()
  })
  const { packageCount, filesRead } = await rebuildCatalog(place)
  t.equal(packageCount, 2)
  t.equal(filesRead, 8)
  t.same(await read(place, digests), truth)
  t.same(
    (await read(place, (db) => listPackages(db))).map((item) => item.name),
    ['Name of a', 'Name of b']
  )
  t.same(await consult(place), { lines: ['Everything is sound.'], code: 0 })
})

t.test('tasks, plans and who may log in stay as they are', async (t) => {
  const place = await makePlace(t, FILES)
  await place.change(async (db) => {
    await db
      .insertInto('work')
      .values({ id: 5, kind: 'scan', state: 'ended', plan_id: null, started_at: null })
      .execute()
    const task = { id: 6, kind: 'scan', state: 'completed', work_id: 5, created_by: 'admin', created_at: 1 }
    await db.insertInto('task').values(task).execute()
    const user = { name: 'admin', role: 'admin', password_hash: 'x', created_at: 1, password_changed_at: 1 }
    await db.insertInto('user').values(user).execute()
    const plan = { digest: 'd', package_count: 1, entry_count: 1, directory_offset: 0, archive_size: 1 }
    await db.insertInto('plan').values(plan).execute()
  })
  const kept = async (db: Depot) =>
    Promise.all((['work', 'task', 'plan', 'user'] as const).map((table) => db.selectFrom(table).selectAll().execute()))
  const before = await read(place, kept)
  await rebuildCatalog(place)
  t.same(await read(place, kept), before)
})

t.test('while a server runs nothing is rebuilt, and nothing is lost', async (t) => {
  const place = await makePlace(t, FILES)
  const before = await read(place, digests)
  const server = acquireInstanceLock(lockFileIn(place.dataDirectory))
  await t.rejects(rebuildCatalog(place), InstanceLocked)
  t.same(await read(place, digests), before)
  server.release()
  await rebuildCatalog(place)
  acquireInstanceLock(lockFileIn(place.dataDirectory)).release()
})

t.test('without the repository the old catalog is kept', async (t) => {
  const place = await makePlace(t, FILES)
  const before = await read(place, digests)
  fs.renameSync(place.repositoryDirectory, `${place.repositoryDirectory}.away`)
  await t.rejects(rebuildCatalog(place), Refusal)
  await t.rejects(rebuildCatalog(place), /The repository directory .* cannot be read: ENOENT/)
  t.same(await read(place, digests), before)
})

t.test('no database is made where there is none', async (t) => {
  const place = await makePlace(t, FILES)
  const databaseFile = path.join(place.dataDirectory, 'other.db')
  await t.rejects(rebuildCatalog({ ...place, databaseFile }), /There is no database at .*other\.db/)
  t.notOk(fs.existsSync(databaseFile))
})
