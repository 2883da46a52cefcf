import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { databaseErrorKind, isRetryable } from '../../../../src/core/problems/database-error.ts'
import { type Database, openDepotDatabase } from '../../../../src/store/engine/database.ts'
import { DatabaseUnusable } from '../../../../src/store/engine/database-unusable.ts'
import { appliedMigrations, knownMigrations, migrateToLatest } from '../../../../src/store/engine/migrations.ts'
import { createTemporary } from '../../../../src/store/engine/tables.ts'
import { durableTransaction } from '../../../../src/store/engine/transactions.ts'
import { createEmptyDatabase, POSTGRES_PASSWORD, whyNoPostgres } from '../../../support/servers/postgres.ts'

const missing = whyNoPostgres()
const test = (name: string, run: (t: Test) => Promise<void>) => t.test(name, { skip: missing ?? false }, run)

function open(t: Test, databaseUrl: string): Database {
  const db = openDepotDatabase({ databaseFile: '', databaseUrl })
  t.teardown(() => db.destroy())
  return db
}

async function migrated(t: Test): Promise<{ url: string; db: Database }> {
  const url = await createEmptyDatabase(t)
  const db = open(t, url)
  await migrateToLatest(db)
  return { url, db }
}

/** Terminates the connection on the server, as a restart of the server does. */
async function cut(t: Test, url: string, db: Database): Promise<void> {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db)
  await sql`select pg_terminate_backend(${rows[0]?.pid}::int, 10000)`.execute(open(t, url))
}

test('a new database gets every table, and a second migration does nothing', async (t) => {
  const { db } = await migrated(t)
  t.same(await migrateToLatest(db), [])
  t.same(await appliedMigrations(db), knownMigrations())
})

test('a database of a newer version is refused and not changed', async (t) => {
  const { url, db } = await migrated(t)
  await sql`insert into kysely_migration (name, timestamp) values ('9999-future', '')`.execute(db)
  await t.rejects(migrateToLatest(open(t, url)), {
    name: 'DatabaseUnusable',
    message: /^The database of FIXDEPOT_DATABASE_URL has the schema 9999-future/
  })
})

test('a row that refers to a missing row, and one that violates a check, are rejected', async (t) => {
  const { db } = await migrated(t)
  const row = { package_id: 1, file_id: 1, role: 'payload' }
  await t.rejects(db.insertInto('package_file').values(row).execute(), { code: 'POSTGRES_23503' })
  const catalog = { id: 2, read_at: null, is_current: 0 }
  await t.rejects(db.insertInto('catalog').values(catalog).execute(), { code: 'POSTGRES_23514' })
  const message = { task_id: 1, position: 0, message_id: '', text: '', explanation: '', recovery: '' }
  await t.rejects(db.insertInto('task_message').values(message).execute(), { code: 'POSTGRES_23503' })
})

test('texts are compared and sorted by their bytes, independent of the default of the database', async (t) => {
  const { db } = await migrated(t)
  const paths = ['Zoë', 'a', 'b', 'B', 'É', '_', '7']
  for (const path of paths) await db.insertInto('catalog_problem').values({ path, code: '', text: '' }).execute()
  const rows = await db.selectFrom('catalog_problem').select('path').orderBy('path').execute()
  t.same(
    rows.map(({ path }) => path),
    ['7', 'B', 'Zoë', '_', 'a', 'b', 'É']
  )
  const lower = await db
    .selectFrom('catalog_problem')
    .select(sql<string>`lower(path)`.as('path'))
    .orderBy('path')
    .execute()
  t.ok(lower.some(({ path }) => path === 'É'))
})

test('large integers are read as numbers, and a query for a number out of range finds nothing', async (t) => {
  const { db } = await migrated(t)
  const file = {
    path: 'a',
    size: Number.MAX_SAFE_INTEGER,
    crc32: 2 ** 32 - 1,
    sha256: '',
    modified_at: 1_767_225_600_123
  }
  await db.insertInto('file').values(file).execute()
  t.match(await db.selectFrom('file').selectAll().execute(), [file])
  const sum = await db
    .selectFrom('file')
    .select((eb) => eb.fn.sum<number>('size').as('sum'))
    .executeTakeFirst()
  t.equal(sum?.sum, Number.MAX_SAFE_INTEGER)
  t.same(await db.selectFrom('file').selectAll().where('id', '=', 1e300).execute(), [])
})

test('a query for a text with NUL finds nothing, and is not an error', async (t) => {
  const { db } = await migrated(t)
  t.same(await db.selectFrom('file').selectAll().where('path', '=', 'a\0b').execute(), [])
})

test('the error of a row does not contain its values', async (t) => {
  const { db } = await migrated(t)
  const session = sql`insert into login_failure (key, failures, failed_at) values ('ann', null, 1)`
  const error: Error = await session.execute(db).then(
    () => new Error('it was accepted'),
    (error) => error
  )
  t.match(error, { code: 'POSTGRES_23502' })
  t.notMatch(JSON.stringify({ ...error, message: error.message }), /ann/)
})

test('a transaction with a failed statement is not committed', async (t) => {
  const { db } = await migrated(t)
  const failing = durableTransaction(db, async (trx) => {
    await trx.insertInto('login_failure').values({ key: 'lost', failures: 1, failed_at: 1 }).execute()
    await sql`select nothing_like_it`.execute(trx).catch(() => {})
  })
  await t.rejects(failing)
  t.same(await db.selectFrom('login_failure').selectAll().execute(), [])
})

test('a terminated connection fails the running transaction, and the next statement gets a new connection', async (t) => {
  const { url, db } = await migrated(t)
  const failing = durableTransaction(db, async (trx) => {
    await trx.insertInto('login_failure').values({ key: 'lost', failures: 1, failed_at: 1 }).execute()
    await cut(t, url, trx)
    await trx.insertInto('login_failure').values({ key: 'late', failures: 1, failed_at: 1 }).execute()
  })
  const error = await failing.catch((error) => error)
  t.equal(databaseErrorKind(error), 'away')
  t.same(await db.selectFrom('login_failure').selectAll().execute(), [])
})

test('a temporary table that was lost with its connection is reported as a lost connection', async (t) => {
  const { url, db } = await migrated(t)
  await createTemporary(db, 'scratch', { path: 'text' }, ['path'])
  const read = () => sql`select * from scratch`.execute(db)
  t.same((await read()).rows, [])
  await cut(t, url, db)
  const error = await read().catch((error) => error)
  t.ok(isRetryable(error))
  t.ok(isRetryable(await read().catch((error) => error)))
  await createTemporary(db, 'scratch', { path: 'text' }, ['path'])
  t.same((await read()).rows, [])
})

test('a database that cannot be reached or opened is reported by its setting, without the password', async (t) => {
  const url = new URL('postgres://fixdepot@127.0.0.1:1/depot')
  url.password = POSTGRES_PASSWORD
  const absent = await migrateToLatest(open(t, url.href)).catch((error) => error)
  t.ok(absent instanceof DatabaseUnusable)
  t.match(absent.message, /^The PostgreSQL database of FIXDEPOT_DATABASE_URL cannot be reached: .*ECONNREFUSED/)
  const unknown = (await createEmptyDatabase(t)).replace(/test_\w+/, 'unknown')
  const unopened = await migrateToLatest(open(t, unknown)).catch((error) => error)
  t.match(unopened.message, /cannot be opened and written: database "unknown" does not exist/)
  for (const error of [absent, unopened]) t.notMatch(`${error.stack} ${error.cause?.stack}`, POSTGRES_PASSWORD)
})
