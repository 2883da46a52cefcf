/**
 * How much PostgreSQL reads of a catalog: it counts the rows and the index entries that each statement has read.
 */
import { sql, type Transaction } from 'kysely'
import t, { type Test } from 'tap'
import { fillCatalog, fixidOf, packNumber } from '../../../../bench/postgres-catalog.ts'
import type { PackageFilter } from '../../../../src/core/catalog/catalog.ts'
import { createCatalogStore } from '../../../../src/store/catalog/catalog-store.ts'
import { type Database, openDepotDatabase } from '../../../../src/store/engine/database.ts'
import type { Schema } from '../../../../src/store/engine/schema.ts'
import { planSelection } from '../../../../src/worker/export/plan-selection.ts'
import { createDatabase, whyNoPostgres } from '../../../support/servers/postgres.ts'

const skip = whyNoPostgres() ?? false
const PACKAGES = 20_000
const PAGE = 100
/**
 * A page has 100 packages with 300 files, 200 machine types, at most 100 requisites and 20 members, each found in an
 * index.
 */
const PAGE_ROWS = 1_500
/** The system packs of a page have 20 members each; a quarter of them are looked up. */
const PACK_PAGE_ROWS = 4_000
/** A system pack has 19 packages with 57 files. */
const PLAN_ROWS = 1_000

let filled: Promise<Database> | undefined

async function large(): Promise<Database> {
  const db = openDepotDatabase({ databaseFile: '', databaseUrl: await createDatabase(t) })
  t.teardown(() => db.destroy())
  await fillCatalog(db, PACKAGES)
  return db
}

/** Rows and index entries of all tables that these queries read. */
async function rowsRead(queries: (trx: Transaction<Schema>) => Promise<unknown>): Promise<number> {
  filled ??= large()
  return (await filled).transaction().execute(async (trx) => {
    const count = async () => {
      const { rows } = await sql<{ read: number }>`
        select sum(pg_stat_get_xact_tuples_returned(oid))::bigint as read from pg_class
        where relnamespace = current_schema()::regnamespace`.execute(trx)
      return rows[0]?.read ?? Number.NaN
    }
    const before = await count()
    await queries(trx)
    return (await count()) - before
  })
}

async function readsAtMost(t: Test, limit: number, queries: (trx: Transaction<Schema>) => Promise<unknown>) {
  const read = await rowsRead(queries)
  t.comment(`${read} read`)
  t.ok(read > 0 && read <= limit, `${read} rows were read, at most ${limit} are allowed`)
}

const inTheMiddle = fixidOf(PACKAGES / 2)
const page = (filter: PackageFilter, after: string) => (trx: Transaction<Schema>) =>
  createCatalogStore(trx).packagePage(filter, after, PAGE)

t.test('a page of packages reads no rows of other packages', { skip }, async (t) => {
  for (const after of ['', inTheMiddle, 'lnvgy_fw_f']) await readsAtMost(t, PAGE_ROWS, page({}, after))
})

t.test('a list of system packs reads no other packages', { skip }, async (t) => {
  for (const after of ['', inTheMiddle]) await readsAtMost(t, PACK_PAGE_ROWS, page({ kind: 'system-pack' }, after))
})

t.test('a list of the latest packages reads only their older versions in addition', { skip }, async (t) => {
  for (const after of ['', inTheMiddle, 'lnvgy_fw_f'])
    await readsAtMost(t, 2 * PAGE_ROWS, page({ latestOnly: true }, after))
})

t.test('one package is found without reading others', { skip }, async (t) => {
  await readsAtMost(t, 50, (trx) => createCatalogStore(trx).findPackage(inTheMiddle))
})

t.test('a plan of a system pack reads only its packages, with and without requisites', { skip }, async (t) => {
  const fixids = [fixidOf(packNumber(PACKAGES / 200))]
  for (const withRequisites of [false, true]) {
    const request = { fixids, scope: 'all', withRequisites } as const
    await readsAtMost(t, PLAN_ROWS, (trx) => planSelection(trx, 0, request, async () => {}))
  }
})

t.test('only a search reads all packages', { skip }, async (t) => {
  t.ok((await rowsRead(page({ search: 'nothing like this' }, ''))) >= PACKAGES)
})
