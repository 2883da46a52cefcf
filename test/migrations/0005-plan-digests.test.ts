import fs from 'node:fs'
import path from 'node:path'
import { type Kysely, sql } from 'kysely'
import t from 'tap'
import * as first from '../../migrations/0001-depot.ts'
import * as fifth from '../../migrations/0005-plan-digests.ts'
import { openDatabase } from '../../src/store/database.ts'
import { createPlanStore } from '../../src/store/plan-store.ts'
import { itemsOf } from '../helpers/depot.ts'

t.test('entries that were planned before get the digest of their file, if it is still the same', async (t) => {
  const db = openDatabase({ file: path.join(fs.realpathSync(t.testdir()), 'depot.db') })
  t.teardown(() => db.destroy())
  const bare = db as unknown as Kysely<unknown>
  await first.up(bare)
  await sql`insert into plan (id, digest, package_count, entry_count, directory_offset, archive_size)
    values (1, 'd', 1, 1, 50, 100)`.execute(db)
  for (const [position, name] of ['same', 'larger', 'gone'].entries()) {
    await sql`insert into plan_entry (plan_id, position, path, size, crc32, modified_at, offset, fixid, packages_done)
      values (1, ${position}, ${name}, 5, 6, 7, 8, 'fix', 1)`.execute(db)
  }
  await sql`insert into file (path, size, crc32, sha256, modified_at)
    values ('same', 5, 6, 'abc', 7), ('larger', 55, 6, 'def', 7)`.execute(db)
  await fifth.up(bare)
  const entries = await itemsOf(createPlanStore(db).entryPages(1))
  t.same(
    entries.map(({ sha256 }) => sha256),
    ['abc', '', '']
  )
})
